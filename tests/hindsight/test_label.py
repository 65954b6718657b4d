"""The whole pass: what it repairs, what it leaves alone, and what it survives."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oneclick import hindsight
from oneclick.core import boxes
from oneclick.core.detections import Detections, concat
from oneclick.core.tracks import Tracks
from tests.fakes import arrays, scenes

RIGHT = scenes.walk((0, 50), (4, 0), 60)
LEFT = scenes.walk((240, 55), (-4, 0), 60)
FAR = scenes.walk((20, 300), (3, 0.5), 60)


def label(*parts: Detections, threshold: float = 0.5) -> Tracks:
    return hindsight.label(parts, [threshold] * len(parts))


def ids(tracks: Tracks) -> int:
    return len(tracks.rows_by_track())


def test_a_person_seen_all_the_time_is_one_track_of_detected_boxes() -> None:
    tracks = label(scenes.seen([RIGHT]))
    assert (ids(tracks), set(tracks.origins)) == (1, {"d"})
    np.testing.assert_allclose(tracks.boxes, RIGHT, atol=1)


@pytest.mark.parametrize("hole", [1, 5, 15])
def test_a_hole_is_filled_with_interpolated_boxes(hole: int) -> None:
    tracks = label(scenes.seen([RIGHT], {0: range(20, 20 + hole)}))
    assert (ids(tracks), len(tracks)) == (1, 60)
    assert (tracks.origins == "i").sum() == hole
    assert boxes.iou_pairs(tracks.boxes, RIGHT).min() > 0.9


def test_a_hole_of_several_seconds_is_left_open() -> None:
    tracks = label(scenes.seen([RIGHT], {0: range(15, 45)}))
    assert not ((tracks.frames >= 15) & (tracks.frames < 45)).any()


def test_a_doubtful_box_recovers_a_hole_but_makes_no_track_of_its_own() -> None:
    sure = scenes.seen([RIGHT], {0: range(20, 25)})
    doubtful = scenes.seen([RIGHT, FAR], {0: range(0)}, score=0.3)
    keep = (doubtful.boxes[:, 1] > 200) | ((doubtful.frames >= 20) & (doubtful.frames < 25))
    tracks = label(concat([sure, doubtful.where(keep)]))
    assert ids(tracks) == 1
    assert (tracks.origins == "r").sum() == 5


@pytest.mark.parametrize("length", [1, 2, 3])
def test_a_flash_is_no_track(length: int) -> None:
    flash = scenes.seen([RIGHT, FAR], {1: range(length, 60)})
    assert ids(label(flash)) == 1


def test_two_people_who_cross_keep_their_identities() -> None:
    tracks = label(scenes.seen([RIGHT, LEFT], {1: range(25, 36)}, noise=0.5))
    assert ids(tracks) == 2
    for rows in tracks.rows_by_track():
        steps = np.diff(boxes.centres(tracks.boxes[rows])[:, 0])
        assert abs(np.sign(steps).sum()) > 50


def test_smoothing_brings_noisy_boxes_closer_to_the_truth() -> None:
    noisy = scenes.seen([RIGHT], noise=3)
    tracks = label(noisy)
    error = np.abs(tracks.boxes - RIGHT).mean()
    assert error < 0.6 * np.abs(noisy.boxes - RIGHT).mean()


def test_tracks_never_mix_classes() -> None:
    tracks = label(scenes.seen([RIGHT, RIGHT + 2], kinds=[0, 1]))
    assert ids(tracks) == 2
    assert all(len(set(tracks.classes[rows])) == 1 for rows in tracks.rows_by_track())


def test_the_same_person_twice_is_labelled_once() -> None:
    tracks = label(scenes.seen([RIGHT, RIGHT + np.array([1, 0, 1, 0])]))
    assert (ids(tracks), len(tracks)) == (1, 60)


def test_a_second_model_settles_a_doubt_and_is_named_in_the_origin() -> None:
    lead = scenes.seen([RIGHT], score=0.4)
    assert not len(label(lead))
    tracks = label(lead, scenes.seen([RIGHT], noise=1))
    assert (ids(tracks), set(tracks.origins)) == (1, {"u"})
    np.testing.assert_allclose(tracks.boxes, RIGHT, atol=1.5)


def test_boxes_of_models_that_agree_closely_are_averaged() -> None:
    lead, rival = scenes.seen([RIGHT], noise=3), scenes.seen([RIGHT], noise=3, seed=1)
    alone, united = label(lead), label(lead, rival)
    errors = [np.abs(tracks.boxes - RIGHT).mean() for tracks in (alone, united)]
    assert errors[1] < 0.85 * errors[0]


def test_an_average_decides_nothing_about_tracks() -> None:
    people = [RIGHT, RIGHT + 25, LEFT]
    lead, rival = scenes.seen(people, noise=4), scenes.seen(people, noise=4, seed=1)
    plain, united = (
        hindsight.label([lead, rival], [0.5, 0.5], options)
        for options in (hindsight.LEADING, hindsight.DEFAULT)
    )
    assert (plain.boxes != united.boxes).any()
    for column in ("frames", "tracks", "origins"):
        np.testing.assert_array_equal(getattr(plain, column), getattr(united, column))


def test_boxes_of_a_rival_that_are_far_off_vote_only() -> None:
    lead = scenes.seen([RIGHT], score=0.4)
    tracks = label(lead, scenes.seen([RIGHT + np.array([0, 0, 0, 60])]))
    assert set(tracks.origins) == {"u"}
    np.testing.assert_allclose(tracks.boxes, RIGHT, atol=1)


def test_one_rival_alone_makes_no_track_but_two_that_agree_do() -> None:
    lead, rival = scenes.seen([RIGHT]), scenes.seen([FAR])
    assert ids(label(lead, rival)) == 1
    assert ids(label(lead, rival, scenes.seen([FAR], noise=1))) == 2


def test_a_rival_fills_a_hole_of_the_leading_model() -> None:
    lead = scenes.seen([RIGHT], {0: range(20, 30)})
    tracks = label(lead, scenes.seen([RIGHT]))
    assert (tracks.origins == "r").sum() == 10


@pytest.mark.parametrize(
    "detections",
    [
        Detections.empty(0, 10),
        Detections.empty(60, 10),
        scenes.seen([RIGHT[:1]]),
        scenes.seen([np.zeros((60, 4))]),
        scenes.seen([RIGHT - 500]),
    ],
    ids=["no frame", "no box", "one box", "boxes without area", "outside the picture"],
)
@pytest.mark.parametrize("models", [1, 3])
def test_odd_input_gives_labels_or_none_but_no_error(detections: Detections, models: int) -> None:
    tracks = label(*[detections] * models)
    assert tracks.length == detections.length
    assert np.isfinite(tracks.boxes).all()


@pytest.mark.parametrize("threshold", [-np.inf, -1.0, 0.0, 0.9])
def test_scores_that_are_all_alike_never_make_everything_weak(threshold: float) -> None:
    detections = scenes.seen([RIGHT, LEFT, FAR], score=0.9)
    assert ids(hindsight.label([detections], [threshold])) == 3


def test_parts_that_do_not_belong_together_are_refused() -> None:
    detections = scenes.seen([RIGHT])
    with pytest.raises(ValueError, match="one threshold a model"):
        hindsight.label([detections], [])
    with pytest.raises(ValueError, match="must agree"):
        label(detections, replace(detections, fps=25))


def test_500_boxes_a_frame_are_labelled() -> None:
    crowd = [scenes.walk((50 * (k % 25), 90 * (k // 25)), (0.5, 0.1), 20) for k in range(500)]
    detections = scenes.seen(crowd, noise=0.5)
    assert ids(label(detections)) == 500


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 60), st.integers(1, 40))
def test_any_detections_give_well_formed_labels_twice_the_same(
    seed: int, count: int, length: int
) -> None:
    rng = np.random.default_rng(seed)
    low = rng.uniform(-50, 200, (count, 2))
    detections = arrays.detections(
        frames=rng.integers(0, length, count),
        boxes=np.concatenate([low, low + rng.uniform(0, 90, (count, 2))], 1),
        scores=rng.uniform(0, 1, count),
        classes=rng.integers(0, 2, count),
        length=length,
        fps=10,
        names=("person", "bed"),
    )
    tracks, again = (
        hindsight.label([detections, detections.above(0.5)], [0.3, 0.5]) for _ in range(2)
    )
    assert tracks.boxes.tobytes() == again.boxes.tobytes()
    assert tracks.scores.tobytes() == again.scores.tobytes()
    assert ((tracks.scores >= 0) & (tracks.scores <= 1)).all()
    assert (tracks.boxes[:, 2:] >= tracks.boxes[:, :2]).all()
    assert set(tracks.origins) <= set("duir")
    assert ((tracks.frames >= 0) & (tracks.frames < length)).all()

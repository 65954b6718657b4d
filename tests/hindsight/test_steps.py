"""The steps by themselves, against hand-worked cases."""

from dataclasses import replace

import numpy as np
import pytest

from oneclick.core.detections import Detections
from oneclick.hindsight import HindsightOptions, camera, fuse, prune, smooth, stitch
from oneclick.hindsight.track_states import TrackStates
from tests.fakes import arrays, scenes

FPS, OPTIONS = scenes.FPS, HindsightOptions()


def path(frames: list[int], track: int = 0, start: float = 0.0, step: float = 2.0) -> TrackStates:
    at = np.array(frames)
    n = len(at)
    states = np.stack([start + step * at, np.full(n, 50.0), np.full(n, 30.0), np.full(n, 80.0)], 1)
    kind = np.zeros(n, np.intp)
    return TrackStates(
        frames=at,
        tracks=np.full(n, track),
        states=states,
        shifts=np.zeros((n, 4)),
        strengths=np.ones(n),
        classes=kind,
        origins=np.full(n, "d"),
    )


@pytest.mark.parametrize(
    ("threshold", "scores", "expected"),
    [
        (0.5, [0.25, 0.5, 1.0], [0.5, 1, 2]),
        (0.0, [-2.0, 0.0, 1.5], [0, 1, 2.5]),
        (-1.0, [-1.5, -1.0, 0.0], [0.5, 1, 2]),
        (-np.inf, [0.2, 0.4], [1, 2]),
    ],
)
def test_strength_is_1_at_the_threshold(
    threshold: float, scores: list[float], expected: list[float]
) -> None:
    n = len(scores)
    detections = arrays.detections(
        frames=np.zeros(n),
        boxes=np.zeros((n, 4)),
        scores=np.array(scores),
        classes=np.zeros(n),
        length=1,
        fps=FPS,
    )
    np.testing.assert_allclose(
        fuse.normalise_scores(detections, threshold).scores, expected, atol=1e-6
    )


def test_a_score_typed_as_the_threshold_counts_as_seen() -> None:
    detections = arrays.detections(
        frames=np.zeros(1),
        boxes=np.zeros((1, 4)),
        scores=np.array([0.7]),
        classes=np.zeros(1),
        length=1,
        fps=FPS,
    )
    assert len(fuse.normalise_scores(detections, 0.7).above(1)) == 1


def walker(noise: float, lean: float = 0.0, frames: int = 60, seed: int = 0) -> Detections:
    """Return boxes of somebody 80 px high who walks, with noise and a lean of x2 in box heights."""
    at = np.arange(frames)
    left = 20.0 + 2.0 * at
    corners = np.stack([left, np.full(frames, 10.0), left + 40, np.full(frames, 90.0)], 1)
    errors = 80 * np.random.default_rng(seed).normal(0, noise, corners.shape) if noise else 0
    return arrays.detections(
        frames=at,
        boxes=corners + errors + np.array([0, 0, 80 * lean, 0]),
        scores=np.ones(frames),
        classes=np.zeros(frames),
        length=frames,
        fps=FPS,
    )


def error_of(boxes: np.ndarray) -> float:
    """Return the mean error of sides in box heights."""
    return float(np.abs(boxes - walker(0).boxes[: len(boxes)]).mean() / 80)


@pytest.mark.parametrize("lead", [0, 1])
def test_the_steadier_model_counts_more_in_mean_boxes(lead: int) -> None:
    models = [walker(0.01, seed=1), walker(0.04, seed=2)]
    first, second = models[lead], models[1 - lead]
    means = fuse.average_close_boxes(first, [second], OPTIONS)
    plain = (first.boxes + second.boxes) / 2
    assert error_of(means) < 0.5 * error_of(plain)


def test_equally_steady_models_are_averaged_where_they_agree_closely() -> None:
    steady, loose = walker(0), walker(0, lean=0.1)
    means = fuse.average_close_boxes(steady, [loose], OPTIONS)
    np.testing.assert_allclose(means, (steady.boxes + loose.boxes) / 2, atol=1e-4)
    far = walker(0, lean=0.35)  # IoU 0.59
    assert (fuse.average_close_boxes(steady, [far], OPTIONS) == steady.boxes).all()


def test_a_model_with_few_boxes_counts_as_others_do() -> None:
    steady, brief = walker(0), walker(0, lean=0.1, frames=6)
    means = fuse.average_close_boxes(steady, [replace(brief, length=60)], OPTIONS)
    np.testing.assert_allclose(means[:6, 2] - steady.boxes[:6, 2], 4, atol=1e-4)
    assert (means[6:] == steady.boxes[6:]).all()
    nobody = steady.where(np.zeros(len(steady), np.bool_))
    assert (fuse.average_close_boxes(steady, [nobody], OPTIONS) == steady.boxes).all()


def test_of_three_boxes_in_a_chain_the_ends_survive_if_the_middle_is_not_the_best() -> None:
    corners = np.array([[0, 0, 10, 10], [2, 0, 12, 10], [4, 0, 14, 10]])

    def kept(scores: list[float]) -> list[float]:
        detections = arrays.detections(
            frames=np.zeros(3),
            boxes=corners,
            scores=np.array(scores),
            classes=np.zeros(3),
            length=1,
            fps=FPS,
        )
        return sorted(round(float(s), 1) for s in fuse.suppress_overlaps(detections, 0.6).scores)

    assert kept([0.9, 0.8, 0.7]) == [0.7, 0.9]
    assert kept([0.7, 0.9, 0.8]) == [0.9]


def test_a_straight_walk_is_not_changed_by_smoothing_not_even_at_its_ends() -> None:
    states = path(list(range(30)))
    smoothed = smooth.smooth(states, np.ones(30), FPS, OPTIONS)
    np.testing.assert_allclose(smoothed[:, 2:], states.states[:, 2:])
    np.testing.assert_allclose(smoothed, states.states, atol=0.5)


def test_one_wild_box_does_not_bend_the_path() -> None:
    states = path(list(range(30)))
    states.states[15, 0] += 60
    smoothed = smooth.smooth(states, np.ones(30), FPS, OPTIONS)
    others = np.arange(30) != 15
    assert np.abs(smoothed[others, 0] - states.states[others, 0]).max() < 1


@pytest.mark.parametrize(
    ("centre", "size", "follows"), [(8.0, 0.5, True), (8.0, 4.0, True), (2.0, 4.0, False)]
)
def test_a_centre_that_strays_further_than_sizes_waver_is_followed(
    centre: float, size: float, follows: bool
) -> None:
    states = path(list(range(60)))
    rng = np.random.default_rng(0)
    states.states[:, :2] += rng.normal(0, centre, (60, 2))
    states.states[:, 2:] += rng.normal(0, size, (60, 2))
    smoothed = smooth.smooth(states, np.ones(60), FPS, OPTIONS)
    left = np.abs(smoothed[:, :2] - states.states[:, :2]).mean() / centre
    assert bool(left < 0.3) is follows
    assert np.abs(np.diff(smoothed[:, 2:], axis=0)).mean() < size / 2


def test_smoothing_one_track_does_not_see_the_others() -> None:
    first, second = path(list(range(20))), path(list(range(20)), 1, start=900)
    together = smooth.smooth(TrackStates.concat([first, second]), np.ones(40), FPS, OPTIONS)
    alone = smooth.smooth(first, np.ones(20), FPS, OPTIONS)
    np.testing.assert_allclose(together[:20], alone)


@pytest.mark.parametrize(
    ("later", "joined"),
    [
        (path(list(range(25, 40)), 1), True),
        (path(list(range(25, 40)), 1, start=200), False),
        (path(list(range(25, 40)), 1, start=300, step=-8), False),
        (path(list(range(60, 75)), 1), False),
    ],
    ids=["goes on", "elsewhere", "comes back", "too late"],
)
def test_a_track_is_joined_to_what_continues_it(later: TrackStates, joined: bool) -> None:
    both = TrackStates.concat([path(list(range(15))), later])
    assert len(stitch.stitch(both, 2.0, FPS, OPTIONS).starts) == (1 if joined else 2)


def test_many_pieces_are_joined_in_one_chain() -> None:
    pieces = [path(list(range(20 * k, 20 * k + 12)), k) for k in range(6)]
    joined = stitch.stitch(TrackStates.concat(pieces), 2.0, FPS, OPTIONS)
    assert len(joined.starts) == 1
    assert (np.diff(joined.frames) > 0).all()


def linked(detections: Detections) -> TrackStates:
    """Return boxes of people who are all seen in every frame, in the same order, as tracks."""
    count = len(detections) // detections.length
    tracks = np.tile(np.arange(count, dtype=np.int32), detections.length)
    return TrackStates.from_detections(detections, tracks, np.full(len(detections), "d"))


@pytest.mark.parametrize(("shake", "moves"), [(0.0, False), (4.0, True)])
def test_a_camera_that_moves_lifts_everybody_together(shake: float, moves: bool) -> None:
    people = [scenes.walk((100 * k, 100), (3 - k, 0), 80) for k in range(5)]
    lift = shake * np.cumsum(np.random.default_rng(1).normal(0, 1, 80))
    shaken = [person + np.array([0, 1, 0, 1]) * lift[:, None] for person in people]
    assert camera.is_moving(linked(scenes.seen(shaken, noise=1)), FPS, OPTIONS) is moves


def test_a_few_people_who_walk_alike_do_not_move_a_camera() -> None:
    speeds = (1.5, 1.5, 0.5, 0, 0)
    people = [scenes.walk((150 * k, 300), (1, speed), 60) for k, speed in enumerate(speeds)]
    states = linked(scenes.seen(people, noise=1))
    agreement = camera.motion_agreement(states, FPS, vertical=True)
    assert agreement.correlation > OPTIONS.moving_agreement
    assert not camera.is_moving(states, FPS, OPTIONS)


def test_nobody_and_one_person_are_no_evidence_of_a_moving_camera() -> None:
    for tracks in (path([]), path(list(range(50)))):
        assert camera.motion_agreement(tracks, FPS, vertical=True).correlation == 0


def test_faint_tracks_fall_but_equal_ones_stay() -> None:
    strong, faint = path(list(range(20))), path(list(range(20)), 1, start=500)
    strong.strengths[:] = 1.8
    faint.strengths[:] = 1.1
    more = [path(list(range(20)), 2 + k, start=900 + 300 * k) for k in range(3)]
    for states in more:
        states.strengths[:] = 1.8
    clip = Detections.empty(100, FPS)
    remaining = prune.drop_weak_tracks(TrackStates.concat([strong, faint, *more]), clip, OPTIONS)
    assert 1 not in remaining.tracks
    assert len(prune.drop_weak_tracks(faint, clip, OPTIONS)) == 20

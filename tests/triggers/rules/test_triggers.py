import dataclasses
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oneclick import triggers
from oneclick.core.detections import Detections
from oneclick.core.errors import UnknownName, UsageError
from oneclick.core.hits import Hit
from oneclick.triggers.rules.blip import Blip
from oneclick.triggers.rules.conflict import ConflictExtra, ConflictMiss
from oneclick.triggers.rules.flicker import Flicker
from oneclick.triggers.rules.low_confidence import LowConfidence
from oneclick.triggers.rules.turned_conflict import TurnedConflict
from oneclick.triggers.scene import Scene
from tests.fakes import arrays
from tests.triggers.scenes import Row, boxes, person, scene, scene_of

ALWAYS = list(range(40))


def without(*frames: int) -> list[int]:
    return [k for k in ALWAYS if k not in frames]


def spans(hits: list[Hit]) -> list[tuple[int, int]]:
    return [(hit.span.start, hit.span.stop) for hit in hits]


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        (without(), []),
        (without(10), [(10, 11)]),
        (without(10, 11, 12, 13, 14), [(10, 15)]),
        (without(10, 11, 12, 13, 14, 15), []),
        (without(10, 14), [(10, 15)]),
        (without(10, 30), [(10, 11), (30, 31)]),
        (without(0, 39), []),
        ([], []),
    ],
    ids=[
        "steady",
        "one frame",
        "longest hole",
        "hole too long",
        "two holes close by",
        "two apart",
        "at the ends",
        "nobody",
    ],
)
def test_flicker_finds_holes_in_a_track(frames: list[int], expected: list[tuple[int, int]]) -> None:
    assert spans(Flicker().find(scene(person(frames)))) == expected


LYING = (60.0, 220.0, 160.0, 260.0)


def looks_of(
    frames: list[int], box: tuple[float, ...] = LYING, score: float = 0.9, length: int = 40
) -> Detections:
    """Turned looks that see one person at some frames."""
    return arrays.detections(
        frames=frames,
        boxes=np.array([box] * len(frames)).reshape(-1, 4),
        scores=[score] * len(frames),
        classes=[0] * len(frames),
        length=length,
        fps=10.0,
    )


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        pytest.param(None, [], id="no looks were taken"),
        pytest.param(looks_of([]), [], id="nobody is seen"),
        pytest.param(looks_of([5, 10, 20, 30]), [(5, 31)], id="somebody is seen now and then"),
        pytest.param(looks_of([5]), [], id="one look is a fluke"),
        pytest.param(looks_of([5, 10], score=0.4), [], id="below the operating point"),
        pytest.param(looks_of([2, 4, 35, 37]), [(2, 5), (35, 38)], id="twice"),
        pytest.param(looks_of([5, 10], (305, 205, 340, 300)), [], id="whom the model sees too"),
        pytest.param(looks_of([5, 10], (300, 240, 340, 300)), [], id="half of whom it sees"),
        pytest.param(looks_of([5, 10], (330, 220, 430, 260)), [(5, 11)], id="beside whom it sees"),
    ],
)
def test_a_turned_conflict_is_somebody_whom_only_turned_looks_see(
    looks: Detections | None, expected: list[tuple[int, int]]
) -> None:
    view = scene_of(boxes(person(ALWAYS, x=300.0)), turned_detections=looks)
    hits = TurnedConflict().find(view)
    assert spans(hits) == expected
    assert all(hit.score == pytest.approx(0.9) for hit in hits)
    for hit in hits:
        assert {box[0] for box in hit.boxes} <= set(looks.frames.tolist())  # type: ignore[union-attr]


def test_a_turned_conflict_compares_by_name_of_the_class() -> None:
    looks = replace(looks_of([5, 10]), names=("bed", "person"), classes=np.ones(2, np.int16))
    assert spans(TurnedConflict().find(scene_of(boxes([]), turned_detections=looks))) == [(5, 11)]
    unknown = replace(looks, names=("bed", "dog"))
    assert not TurnedConflict().find(scene_of(boxes([]), turned_detections=unknown))


def test_flicker_shows_where_the_missing_box_should_be() -> None:
    rows: list[Row] = [(k, 10.0 * k, 0.9) for k in without(10, 11)]
    (hit,) = Flicker().find(scene(rows))
    assert hit.boxes == ((10, 100, 200, 140, 300), (11, 110, 200, 150, 300))
    assert hit.why == "person seen before and after, but missing in 2 frames within 0.2 s"
    assert hit.score == pytest.approx(0.9, abs=1e-4)


def test_flicker_keeps_two_people_apart() -> None:
    rows = person(without(10), 100) + person(without(10, 11), 400)
    assert spans(Flicker().find(scene(rows))) == [(10, 11), (10, 12)]


def test_a_box_below_the_operating_point_is_a_hole() -> None:
    rows = [(k, x, 0.2 if k == 10 else s) for k, x, s in person(ALWAYS)]
    assert spans(Flicker().find(scene(rows))) == [(10, 11)]


@pytest.mark.parametrize("fps", [5.0, 10.0, 30.0])
def test_a_hole_is_measured_in_seconds(fps: float) -> None:
    longest = round(0.5 * fps)
    for size, hits in ((longest, 1), (longest + 1, 0)):
        rows = person([k for k in range(80) if not 30 <= k < 30 + size])
        assert len(Flicker().find(scene(rows, length=80, fps=fps))) == hits


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (person([10]), [(10, 11)]),
        (person([10, 11, 12]), [(10, 13)]),
        (person([10, 11, 12, 13]), []),
        (person([10], x=5), []),
        (person([10], x=595), []),
        (person([0]), []),
        (person([39]), []),
        (person([10, 14]), [(10, 15)]),
        (person([10, 15]), []),
    ],
    ids=[
        "one box",
        "three boxes",
        "four boxes",
        "at the left",
        "at the right",
        "first frame",
        "last frame",
        "with a hole",
        "longer than half a second",
    ],
)
def test_blip_finds_what_comes_from_nothing(
    rows: list[Row], expected: list[tuple[int, int]]
) -> None:
    assert spans(Blip().find(scene(rows))) == expected


@pytest.mark.parametrize(
    ("lead", "rival", "miss", "extra"),
    [
        (person(ALWAYS), person(ALWAYS), [], []),
        (person(ALWAYS), person(without(*range(10, 30))), [], [(10, 30)]),
        (person(without(*range(10, 30))), person(ALWAYS), [(10, 30)], []),
        (person(ALWAYS), person(ALWAYS, score=0.4), [], [(0, 40)]),
        (person(ALWAYS), [], [], [(0, 40)]),
        ([], person([3, 5, 30]), [(3, 6), (30, 31)], []),
        (person(ALWAYS, x=100), person(ALWAYS, x=114), [], []),
        (person([5], x=100), person([5], x=118), [(5, 6)], [(5, 6)]),
    ],
    ids=[
        "agree",
        "rival blind for 2 s",
        "predictor blind for 2 s",
        "rival unsure",
        "rival empty",
        "predictor empty",
        "IoU .48",
        "IoU .38",
    ],
)
def test_conflict_joins_disagreement_about_one_object(
    lead: list[Row],
    rival: list[Row],
    miss: list[tuple[int, int]],
    extra: list[tuple[int, int]],
) -> None:
    both = scene(lead, rival)
    assert spans(ConflictMiss().find(both)) == miss
    assert spans(ConflictExtra().find(both)) == extra


def test_without_a_rival_there_is_no_conflict() -> None:
    assert ConflictMiss().find(scene(person(ALWAYS))) == []
    assert ConflictExtra().find(scene(person(ALWAYS))) == []


def test_a_rival_of_other_classes_has_no_say_on_them() -> None:
    lead, rival = boxes(person([5])), boxes(person([5, 6]))
    cats = dataclasses.replace(rival, names=("cat",))
    both = scene_of(lead, rival_detections=cats, rival_threshold=0.5)
    assert ConflictMiss().find(both) == []
    assert spans(ConflictExtra().find(both)) == [(5, 6)]


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([0.5], []),
        ([0.49], [(0, 1)]),
        ([0.31], [(0, 1)]),
        ([0.29], []),
        ([0.4, 0.9, 0.4, 0.4], [(0, 4)]),
    ],
    ids=["sure", "just below", "lowest doubt", "noise", "joined over a sure box"],
)
def test_low_confidence_is_the_band_below_the_operating_point(
    scores: list[float], expected: list[tuple[int, int]]
) -> None:
    rows: list[Row] = [(k, 100.0, score) for k, score in enumerate(scores)]
    assert spans(LowConfidence().find(scene(rows))) == expected


def test_doubt_scores_highest_just_below_the_operating_point() -> None:
    high, low = (LowConfidence().find(scene([(5, 100.0, s)]))[0].score for s in (0.499, 0.301))
    assert (high, low) == pytest.approx((0.995, 0.005), abs=1e-3)


@pytest.mark.parametrize("threshold", [-1.0, 0.0, -np.inf])
def test_an_operating_point_without_a_band_below_is_no_error(threshold: float) -> None:
    LowConfidence().find(dataclasses.replace(scene(person([5])), threshold=threshold))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 60), st.sampled_from([1.0, 10.0, 29.97]))
def test_every_hit_is_well_formed_whatever_the_boxes(seed: int, length: int, fps: float) -> None:
    r = np.random.default_rng(seed)

    def model() -> Detections:
        n = int(r.integers(0, 4 * length))
        corner = r.uniform(0, 400, (n, 2))
        frames, classes = r.integers(0, length, n), r.integers(0, 2, n)
        sides = np.concatenate([corner, corner + r.uniform(0, 200, (n, 2))], 1)
        return arrays.detections(
            frames=frames,
            boxes=sides,
            scores=r.random(n),
            classes=classes,
            length=length,
            fps=fps,
            names=("person", "chair"),
        )

    looked = scene_of(model(), rival_detections=model(), rival_threshold=0.5)
    hits = triggers.scan(looked, triggers.make())
    assert hits == triggers.scan(dataclasses.replace(looked), triggers.make())
    assert hits == sorted(hits, key=lambda h: (h.span, h.trigger))
    for hit in hits:
        frames = [box[0] for box in hit.boxes]
        assert all(a < b for a, b in pairwise(frames))
        assert (hit.span.start, hit.span.stop) == (frames[0], frames[-1] + 1)
        assert 0 <= hit.score <= 1
        assert hit.span.stop <= length
        assert hit.why.isprintable()
        assert "{" not in hit.why


def test_rival_and_picture_must_fit_the_video() -> None:
    with pytest.raises(ValueError, match="expected 40 frames, got 41"):
        scene_of(boxes([]), rival_detections=boxes([], length=41))
    with pytest.raises(ValueError, match="picture"):
        Scene(detections=boxes([]), threshold=0.5, width=0, height=480)


def test_all_triggers_are_on_unless_some_are_named() -> None:
    assert [t.name for t in triggers.make()] == list(triggers.registry())
    assert [t.name for t in triggers.make(["blip", "flicker", "blip"])] == ["blip", "flicker"]


def test_parameters_replace_defaults_and_the_rest_stays() -> None:
    (flicker,) = triggers.make(["flicker"], {"flicker": {"hole": 0.2}})
    assert triggers.parameters(flicker) == {"hole": 0.2, "join": 1.0}


@pytest.mark.parametrize(
    ("enabled", "params", "error", "message"),
    [
        (["flikker"], {}, UnknownName, "no trigger is called 'flikker'; known: flicker"),
        ([], {"blib": {}}, UnknownName, "blib"),
        ([], {"flicker": {"holes": 1}}, UnknownName, "known: hole, join"),
        ([], {"flicker": {"hole": -1}}, UsageError, "0 or more, got -1"),
        ([], {"flicker": {"hole": float("nan")}}, UsageError, "got nan"),
    ],
)
def test_a_wrong_trigger_or_parameter_is_named(
    enabled: list[str],
    params: dict[str, dict[str, float]],
    error: type[Exception],
    message: str,
) -> None:
    with pytest.raises(error, match=message):
        triggers.make(enabled, params)

"""Triggers that look at one track, or at boxes of one frame."""

import dataclasses

import numpy as np
import pytest

from oneclick import hindsight
from oneclick.core.hits import Hit
from oneclick.triggers.rules.appear import Appear, Disappear
from oneclick.triggers.rules.area import Area
from oneclick.triggers.rules.class_switch import ClassSwitch
from oneclick.triggers.rules.confidence_drop import ConfidenceDrop
from oneclick.triggers.rules.conflict import HindsightExtra, HindsightMiss
from oneclick.triggers.rules.jump import Jump
from oneclick.triggers.rules.multibox import Multibox
from oneclick.triggers.rules.still import Still
from oneclick.triggers.scene import Scene
from tests.fakes import arrays
from tests.triggers.scenes import Row, boxes, person, scene, scene_of

Spans = list[tuple[int, int]]


def spans(hits: list[Hit]) -> Spans:
    return [(hit.span.start, hit.span.stop) for hit in hits]


def walk(step: float, frames: int = 40, jump_at: int = -1, jump: float = 0.0) -> list[Row]:
    """Somebody 100 px tall who walks `step` px a frame, and jumps once."""
    return [(k, 100 + step * k + jump * (k >= jump_at > 0), 0.9) for k in range(frames)]


@pytest.mark.parametrize(
    ("rows", "fps", "expected"),
    [
        (walk(5), 10.0, []),
        (walk(5, jump_at=20, jump=24), 10.0, [(20, 21)]),
        (walk(5, jump_at=20, jump=15), 10.0, []),
        (walk(5, jump_at=20, jump=24), 5.0, []),
        ([], 10.0, []),
        (person([3]), 10.0, []),
    ],
    ids=["walk", "jump", "within the jitter", "slow camera: a run", "nobody", "one box"],
)
def test_jump_is_faster_than_anybody(rows: list[Row], fps: float, expected: Spans) -> None:
    assert spans(Jump().find(scene(rows, fps=fps))) == expected


def with_heights(tall: list[float]) -> Scene:
    n = len(tall)
    sides = [[100, 200, 140, 200 + h] for h in tall]
    detections = arrays.detections(
        frames=range(n), boxes=sides, scores=[0.9] * n, classes=[0] * n, length=n, fps=10.0
    )
    return scene_of(detections)


@pytest.mark.parametrize(
    ("tall", "expected"),
    [
        ([100.0] * 9, []),
        ([100 * 1.05**k for k in range(9)], []),
        ([100.0] * 4 + [160.0] * 5, [(4, 5)]),
        ([100.0] * 4 + [60.0] + [100.0] * 4, [(4, 6)]),
    ],
    ids=["steady", "comes nearer", "grows at once", "shrinks and grows"],
)
def test_area_is_a_size_that_changes_at_once(tall: list[float], expected: Spans) -> None:
    assert spans(Area().find(with_heights(tall))) == expected


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([0.9] * 10, []),
        ([0.9] * 5 + [0.55] + [0.9] * 4, [(5, 6)]),
        ([0.95 - 0.04 * k for k in range(10)], []),
        ([0.55] + [0.9] * 9, []),
        ([0.9] * 5 + [0.55] * 5, [(5, 6)]),
    ],
    ids=["sure", "one doubt", "fades", "grows surer", "drops and stays"],
)
def test_confidence_drop_is_against_the_moments_before(
    scores: list[float], expected: Spans
) -> None:
    rows: list[Row] = [(k, 100.0, score) for k, score in enumerate(scores)]
    assert spans(ConfidenceDrop().find(scene(rows))) == expected


def test_a_drop_of_one_track_says_nothing_about_another() -> None:
    rows = person(range(10), 100, 0.9) + person(range(10), 400, 0.55)
    assert ConfidenceDrop().find(scene(rows)) == []


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        ([0] * 10, []),
        ([0] * 4 + [1] * 2 + [0] * 4, [(4, 6)]),
        ([1] * 10, []),
        ([0, 1] * 5, [(1, 10)]),
    ],
    ids=["one class", "two frames of another", "the other", "to and fro"],
)
def test_class_switch_names_the_rarer_class(classes: list[int], expected: Spans) -> None:
    video_scene = dataclasses.replace(
        boxes(person(range(10))), classes=np.array(classes), names=("person", "chair")
    )
    hits = ClassSwitch().find(scene_of(video_scene))
    assert spans(hits) == expected
    assert all("chair" in hit.why for hit in hits)


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        ([], []),
        (person([5, 6], x=110, score=0.6), [(5, 7)]),
        (person([5, 6], x=130, score=0.6), []),
        (person([5], x=100, score=0.6) + person([20], x=100, score=0.6), [(5, 6), (20, 21)]),
    ],
    ids=["alone", "twice", "a neighbour", "two moments"],
)
def test_multibox_doubts_the_less_sure_box(second: list[Row], expected: Spans) -> None:
    hits = Multibox().find(scene(person(range(40)) + second))
    assert spans(hits) == expected
    assert all(box[1] == second[0][1] for hit in hits for box in hit.boxes)


@pytest.mark.parametrize(
    ("rows", "first", "last"),
    [
        (person(range(40)), [], []),
        (person(range(10, 40)), [(9, 10)], []),
        (person(range(30)), [], [(30, 31)]),
        (person(range(10, 30)), [(9, 10)], [(30, 31)]),
        (person(range(10, 13)), [], []),
        (person(range(10, 30), x=2), [], []),
        ([], [], []),
    ],
    ids=["always", "comes", "goes", "both", "a blip", "at the border", "nobody"],
)
def test_ends_of_tracks_in_the_middle_of_the_picture(
    rows: list[Row], first: Spans, last: Spans
) -> None:
    assert spans(Appear().find(scene(rows))) == first
    assert spans(Disappear().find(scene(rows))) == last


@pytest.mark.parametrize(
    ("step", "seconds", "hits"), [(0.0, 70, 1), (0.0, 50, 0), (1.0, 70, 0)], ids=str
)
def test_still_is_what_does_not_move_for_a_minute(step: float, seconds: int, hits: int) -> None:
    rows = [(k, 100 + step * k, 0.9) for k in range(seconds * 2)]
    still_hits = Still().find(scene(rows, length=200, fps=2.0))
    assert [hit.why for hit in still_hits] == ["person does not move for 60 s or longer"] * hits


def test_hindsight_shows_what_was_missed_and_what_was_too_much() -> None:
    rows = person([k for k in range(40) if k not in (10, 11)]) + person([20], x=400, score=0.55)
    video_scene = scene(rows)
    labels = hindsight.label([video_scene.detections], [0.5]).detections
    both = dataclasses.replace(video_scene, labels=labels)
    assert spans(HindsightMiss().find(both)) == [(10, 12)]
    assert spans(HindsightExtra().find(both)) == [(20, 21)]
    assert HindsightMiss().find(video_scene) == HindsightExtra().find(video_scene) == []


def test_labels_and_signals_must_be_of_the_same_frames() -> None:
    video_scene = boxes([])
    with pytest.raises(ValueError, match="labels: expected 40 frames, got 41"):
        scene_of(video_scene, labels=boxes([], length=41))
    with pytest.raises(ValueError, match="signal dark: expected 40 frames"):
        scene_of(video_scene, signals={"dark": np.zeros(3, np.float32)})

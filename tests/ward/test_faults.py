"""Planted faults: each is what its name says, where the list says, and nothing else is wrong."""

import numpy as np
import pytest

from oneclick.core import association, boxes
from oneclick.core.tracks import HUMAN, Tracks
from oneclick.ward import faults
from tests.fakes import arrays

WIDTH, HEIGHT, LENGTH, FPS = 480, 288, 300, 10.0
ALL = list(faults.SECONDS)


def walkers(people: int = 2, length: int = LENGTH) -> Tracks:
    """People who walk to the right below one another, 1 px a frame."""
    frames = np.tile(np.arange(length), people)
    tracks = np.repeat(np.arange(people), length)
    lefts, top = 20.0 + frames * 0.5, 20.0 + tracks * 130
    corners = np.stack([lefts, top, lefts + 40, top + 100], axis=1)
    n = len(frames)
    ones, zeros = np.ones(n, np.float32), np.zeros(n, np.int16)
    return arrays.tracks(
        frames=frames,
        tracks=tracks,
        boxes=corners,
        scores=ones,
        classes=zeros,
        origins=np.full(n, HUMAN),
        length=length,
        fps=FPS,
    )


def rows(planted: faults.FaultyDetections, fault: faults.Fault) -> np.ndarray:
    frames = planted.detections.frames
    return (frames >= fault.span.start) & (frames < fault.span.stop)


def found_in(planted: faults.FaultyDetections, truth: Tracks, fault: faults.Fault) -> np.ndarray:
    """Best IoU of any detection with the object of the fault, frame by frame."""
    best = []
    for frame in range(fault.span.start, fault.span.stop):
        mine = truth.boxes[(truth.frames == frame) & (truth.tracks == fault.track)]
        best.append(boxes.iou(mine, planted.detections.boxes[planted.detections.rows(frame)]).max())
    return np.array(best)


def test_perfect_detections_are_the_truth() -> None:
    truth = walkers()
    detections = faults.perfect_detections(truth)
    assert np.array_equal(detections.boxes, truth.boxes)
    assert set(detections.scores) == {np.float32(faults.SCORE)}
    assert np.array_equal(faults.plant(truth, [], WIDTH, HEIGHT).detections.boxes, detections.boxes)


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("seed", range(4))
def test_a_fault_lasts_as_long_as_its_kind_says(kind: str, seed: int) -> None:
    (fault,) = faults.plant(walkers(), [kind], WIDTH, HEIGHT, seed).faults
    low, high = faults.SECONDS[kind]
    assert fault.kind == kind
    assert low * FPS <= len(fault.span) <= high * FPS
    assert (fault.track == faults.NO_TRACK) == (kind in ("blip", "extra"))


@pytest.mark.parametrize("kind", ["flicker", "miss"])
def test_a_missed_object_has_no_box(kind: str) -> None:
    truth = walkers()
    planted = faults.plant(truth, [kind], WIDTH, HEIGHT, 1)
    (fault,) = planted.faults
    assert found_in(planted, truth, fault).max() == 0
    assert len(planted.detections) == len(truth) - len(fault.span)


def test_a_jump_is_half_a_height_aside() -> None:
    truth = walkers()
    planted = faults.plant(truth, ["jump"], WIDTH, HEIGHT, 1)
    (fault,) = planted.faults
    assert found_in(planted, truth, fault).max() < 0.1
    offsets = planted.detections.boxes - truth.boxes
    assert np.abs(offsets[offsets.any(axis=1)]).max() == 50


def test_low_confidence_changes_the_score_alone() -> None:
    truth = walkers()
    planted = faults.plant(truth, ["low_confidence"], WIDTH, HEIGHT, 1)
    (fault,) = planted.faults
    assert np.array_equal(planted.detections.boxes, truth.boxes)
    low = planted.detections.scores < faults.SCORE
    assert low.sum() == len(fault.span)
    assert low[rows(planted, fault)].sum() == len(fault.span)


@pytest.mark.parametrize("kind", ["blip", "extra"])
def test_a_false_box_touches_nobody(kind: str) -> None:
    truth = walkers()
    planted = faults.plant(truth, [kind], WIDTH, HEIGHT, 1)
    (fault,) = planted.faults
    i, _, _ = association.overlaps(planted.detections, faults.perfect_detections(truth), 1e-6)
    alone = np.setdiff1d(np.arange(len(planted.detections)), i)
    assert planted.detections.frames[alone].tolist() == list(
        range(fault.span.start, fault.span.stop)
    )


@pytest.mark.parametrize("seed", range(10))
def test_all_kinds_together_stand_apart(seed: int) -> None:
    planted = faults.plant(walkers(), ALL * 2, WIDTH, HEIGHT, seed)
    assert sorted(f.kind for f in planted.faults) == sorted(ALL * 2)
    for fault in planted.faults:
        for other in planted.faults:
            if fault is not other and fault.track == other.track != faults.NO_TRACK:
                assert fault.span.gap(other.span) >= round(faults.PAUSE * FPS)


def test_equal_seeds_plant_equal_faults() -> None:
    first, again = (faults.plant(walkers(), ALL, WIDTH, HEIGHT, 7) for _ in range(2))
    assert first.faults == again.faults
    assert np.array_equal(first.detections.boxes, again.detections.boxes)


def test_an_unknown_kind_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match="known: flicker"):
        faults.plant(walkers(), ["flikcer"], WIDTH, HEIGHT)


def test_a_truth_too_short_is_refused() -> None:
    with pytest.raises(ValueError, match="use a longer truth"):
        faults.plant(walkers(1, 12), ["miss"], WIDTH, HEIGHT)


def test_a_place_without_room_is_refused() -> None:
    truth = walkers(1, 30)
    everywhere = Tracks(
        frames=truth.frames,
        tracks=truth.tracks,
        boxes=np.tile([0, 0, WIDTH, HEIGHT], (30, 1)),
        scores=truth.scores,
        classes=truth.classes,
        origins=truth.origins,
        length=30,
        fps=FPS,
    )
    with pytest.raises(ValueError, match="too crowded"):
        faults.plant(everywhere, ["blip"], WIDTH, HEIGHT)

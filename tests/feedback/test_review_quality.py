"""Corrections, agreement of two reviewers, and estimates of what both missed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from oneclick.core.labels import LabelTrack
from oneclick.core.tracks import DETECTED
from oneclick.editing import operations
from oneclick.editing.apply import apply
from oneclick.editing.state import EditState
from oneclick.feedback import review_quality
from oneclick.feedback.review_quality import SecondLook

FRAMES = 40


def walk(track_id: int, x: float, y: float) -> LabelTrack:
    frames = np.arange(FRAMES)
    boxes = np.stack([x + frames, frames * 0 + y, x + 30 + frames, frames * 0 + y + 80], 1)
    return LabelTrack(
        id=track_id,
        cls="person",
        frames=frames.astype(np.int32),
        boxes=boxes.astype(np.float32),
        scores=np.full(FRAMES, 0.9, np.float32),
        origins=DETECTED * FRAMES,
    )


def labels() -> EditState:
    return EditState(
        clip="hall-20260101T000000Z-0",
        frames=FRAMES,
        fps=10.0,
        width=640,
        height=480,
        classes=("person", "carer"),
        attributes={},
        tracks=(walk(1, 50, 50), walk(2, 200, 50), walk(3, 100, 250)),
    )


def corrections_of(*edits: operations.Change) -> list[review_quality.Correction]:
    before = after = labels()
    for edit in edits:
        after = apply(after, edit)
    return review_quality.find_corrections(before.tracks, after.tracks)


def draw(track: int, frames: range) -> operations.DrawTrack:
    boxes = [(400.0 + frame, 300.0, 440.0 + frame, 380.0) for frame in frames]
    return operations.DrawTrack(
        track=track,
        cls="person",
        frame=frames[0],
        box=boxes[0],
        carried=operations.CarriedBoxes(
            frames=list(frames), boxes=boxes, scores=[1.0] * len(boxes), origins="h" * len(boxes)
        ),
    )


@pytest.mark.parametrize(
    ("edits", "kinds"),
    [
        ((), []),
        ((operations.DeleteTrack(1),), ["removed"]),
        ((draw(9, range(5, 30)),), ["added"]),
        ((operations.TrimTrack(1, 5, 10), operations.TrimTrack(1, 20, 25)), ["removed"] * 2),
        ((operations.ClassifyTrack(2, "carer"),), ["renamed"]),
        ((operations.SplitTrack(2, 20, 9),), ["identity"]),
        ((operations.SwapTracks(1, 2, 20),), ["identity"] * 2),
        ((operations.MoveBox(3, 20, (300.0, 250.0, 330.0, 330.0)),), ["moved"]),
        ((operations.MoveBox(3, 20, (121.0, 250.0, 151.0, 330.0)),), []),
    ],
)
def test_a_run_of_the_same_edit_is_one_correction(
    edits: tuple[operations.Change, ...], kinds: list[str]
) -> None:
    assert sorted(each.kind for each in corrections_of(*edits)) == sorted(kinds)


def test_two_reviewers_share_the_corrections_of_the_same_place() -> None:
    first = corrections_of(draw(9, range(5, 30)), operations.DeleteTrack(1))
    second = corrections_of(draw(8, range(8, 35)), operations.TrimTrack(2, 0, 9))
    assert review_quality.count_common(first, second) == 1
    assert review_quality.count_common(first, first) == 2
    assert review_quality.count_common(first, []) == 0


def test_a_swap_is_shared_by_those_who_made_it_near_the_same_frame() -> None:
    first = corrections_of(operations.SwapTracks(1, 2, 20))
    assert review_quality.count_common(first, corrections_of(operations.SwapTracks(1, 2, 23))) == 2
    assert review_quality.count_common(first, corrections_of(operations.SwapTracks(1, 2, 35))) == 0


def test_equal_labels_agree_wholly_and_others_in_what_they_share() -> None:
    tracks = labels().tracks
    same = review_quality.compare(tracks, tracks)
    assert (same.boxes, same.mean_iou, same.identities, same.classes) == (1, 1, 1, 1)
    fewer = review_quality.compare(tracks, tracks[:2])
    assert fewer.boxes == fewer.identities == pytest.approx(2 * 2 / 5)
    swapped = apply(labels(), operations.SwapTracks(1, 2, FRAMES // 2)).tracks
    crossed = review_quality.compare(tracks, swapped)
    assert crossed.boxes == 1
    assert crossed.identities == pytest.approx(2 / 3)
    renamed = (replace(tracks[0], cls="carer"), *tracks[1:])
    assert review_quality.compare(tracks, renamed).classes == pytest.approx(2 / 3)
    assert review_quality.compare((), ()).boxes == 1
    assert review_quality.compare(tracks, ()).boxes == 0


def test_without_a_second_look_nothing_is_estimated() -> None:
    assert review_quality.residual_errors({}) is None
    assert review_quality.catch_rate([]) is None


def test_two_who_find_the_same_leave_little() -> None:
    looks = {"added": [SecondLook(2, 2, 2)] * 20}
    few = review_quality.residual_errors(looks)
    assert few is not None
    assert few.value == 0
    assert few.high < 0.2
    other = review_quality.residual_errors({"added": [SecondLook(2, 2, 1)] * 20})
    assert other is not None
    assert other.low < 2 < other.high
    assert other.value == pytest.approx(2, abs=0.2)


def simulated_looks(seed: int, clips: int = 200) -> tuple[dict[str, list[SecondLook]], float]:
    """Return the second looks at a quarter of the clips, and the errors left in each clip."""
    rng = np.random.default_rng(seed)
    kinds = {"added": (0.75, 0.8, 0.5), "removed": (0.9, 0.85, 0.3), "identity": (0.6, 0.7, 0.15)}
    looks: dict[str, list[SecondLook]] = {kind: [] for kind in kinds}
    difficulty, is_second, errors = rng.gamma(1, 1, clips), rng.random(clips) < 0.25, 0
    for clip in range(clips):
        for kind, (share, second_share, rate) in kinds.items():
            count = rng.poisson(rate * difficulty[clip])
            first, second = rng.random(count) < share, rng.random(count) < second_share
            errors += int((~first).sum())
            if is_second[clip]:
                both = int((first & second).sum())
                looks[kind].append(SecondLook(int(first.sum()), int(second.sum()), both))
    return looks, errors / clips


def test_intervals_hold_what_really_remains_in_nineteen_of_twenty_simulations() -> None:
    inside, widths = 0, []
    for seed in range(20):
        looks, errors = simulated_looks(seed)
        estimate = review_quality.residual_errors(looks)
        assert estimate is not None
        inside += estimate.low <= errors <= estimate.high
        widths.append(estimate.high - estimate.low)
    assert inside >= 19
    assert np.median(widths) < 0.6


def test_the_interval_of_a_catch_rate_holds_the_true_one() -> None:
    inside = 0
    for seed in range(20):
        outcomes = [bool(caught) for caught in np.random.default_rng(seed).random(14) < 0.7]
        estimate = review_quality.catch_rate(outcomes)
        assert estimate is not None
        inside += estimate.low <= 0.7 <= estimate.high
    assert inside >= 19

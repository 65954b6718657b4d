"""What two models did in a piece of video, against counts worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from oneclick.core.detections import Detections
from oneclick.training.shadow import counts

FPS, FRAMES = 10.0, 300
STILL = np.zeros(FRAMES, np.bool_)


def seen(*spans: tuple[int, int], x: float = 10.0, score: float = 0.9) -> Detections:
    """Return one person who is seen in some spans of frames."""
    frames = [k for low, high in spans for k in range(low, high)]
    return Detections(
        frames=np.array(frames, np.int32),
        boxes=np.tile(np.array([x, 10, x + 40, 110], np.float32), (len(frames), 1)),
        scores=np.full(len(frames), score, np.float32),
        classes=np.zeros(len(frames), np.int16),
        length=FRAMES,
        fps=FPS,
    )


def test_a_model_that_loses_somebody_for_a_moment_flickers_and_is_decided_against() -> None:
    steady, broken = counts.count_models(
        (seen((50, 250)), seen((50, 150), (155, 250))), (0.5, 0.5), STILL
    )
    assert (steady.flickers, steady.gaps, steady.unseen_frames) == (0, 0, 0)
    assert (steady.wrong_seconds, steady.appearances) == (0.0, 1)
    assert (broken.flickers, broken.gaps, broken.unseen_frames) == (1, 1, 5)
    assert broken.wrong_seconds == pytest.approx(0.5)


def test_a_box_that_hindsight_does_not_believe_is_decided_against_its_model() -> None:
    blip = seen((50, 250))
    ghost = seen((100, 102), x=250.0)
    both = Detections(
        frames=np.concatenate([blip.frames, ghost.frames]),
        boxes=np.concatenate([blip.boxes, ghost.boxes]),
        scores=np.concatenate([blip.scores, ghost.scores]),
        classes=np.concatenate([blip.classes, ghost.classes]),
        length=FRAMES,
        fps=FPS,
    )
    plain, wrong = counts.count_models((blip, both), (0.5, 0.5), STILL)
    assert plain.wrong_seconds == 0
    assert wrong.wrong_seconds == pytest.approx(0.2)


def test_both_sides_are_counted_alike() -> None:
    pair, thresholds = (seen((50, 250)), seen((50, 150), (155, 250))), (0.5, 0.5)
    first, second = counts.count_models(pair, thresholds, STILL)
    assert counts.count_models(pair[::-1], thresholds, STILL) == (second, first)


def test_motion_where_neither_sees_anybody_counts_for_both() -> None:
    moving = STILL.copy()
    moving[20:60] = True
    first, second = counts.count_models((seen((50, 250)), seen((40, 250))), (0.5, 0.5), moving)
    assert (first.unseen_frames, second.unseen_frames) == (30, 20)


def test_an_empty_piece_counts_nothing() -> None:
    empty = Detections.empty(FRAMES, FPS)
    nothing = counts.ModelCounts()
    assert counts.count_models((empty, empty), (0.5, 0.5), STILL) == (nothing, nothing)


def test_missed_and_wrong_boxes_of_a_reviewed_clip_are_errors() -> None:
    assert counts.count_review_errors(seen((0, 10), x=200.0), seen((0, 5))) == 15
    assert counts.count_review_errors(seen((0, 5)), seen((0, 5))) == 0

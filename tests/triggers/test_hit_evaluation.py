import numpy as np
import pytest

from oneclick.core.detections import Detections
from oneclick.core.hits import Hit
from oneclick.core.spans import Span
from oneclick.triggers import hit_evaluation
from oneclick.triggers.calibrate import TriggerTally
from oneclick.triggers.selection import control
from oneclick.triggers.selection.control import ControlClip
from tests.fakes import arrays

HERE, THERE, ELSEWHERE = (0, 0, 40, 100), (200, 0, 240, 100), (400, 0, 440, 100)
Box = tuple[int, int, int, int]


def boxes(*rows: tuple[int, Box]) -> Detections:
    frames = [frame for frame, _ in rows]
    sides = np.array([side for _, side in rows], np.float32)
    n = len(rows)
    return arrays.detections(
        frames=frames, boxes=sides, scores=[0.9] * n, classes=[0] * n, length=30, fps=10.0
    )


def hit(trigger: str, *rows: tuple[int, Box], span: Span | None = None) -> Hit:
    frames = [frame for frame, _ in rows]
    hit_span = span or Span(min(frames), max(frames) + 1)
    return Hit(
        trigger=trigger,
        span=hit_span,
        score=0.5,
        boxes=tuple(
            (f, float(x1), float(y1), float(x2), float(y2)) for f, (x1, y1, x2, y2) in rows
        ),
        why="why",
    )


TRUTH = boxes(*((k, HERE) for k in range(30)), (5, THERE))
"""Someone all the time, and someone else for one frame."""


def evaluation(objects: int, errors: int, flagged: int) -> hit_evaluation.HitEvaluation:
    return hit_evaluation.HitEvaluation(
        objects=objects,
        errors=errors,
        flagged_errors=flagged,
        tallies={},
        hits={},
        exclusive_errors={},
    )


def test_errors_are_counted_and_those_on_which_something_fired() -> None:
    detections = boxes(*((k, HERE) for k in range(30) if k not in (7, 8)), (9, ELSEWHERE))
    hits = [
        hit("flicker", (7, HERE), (8, HERE)),
        hit("conflict_miss", (7, HERE)),
        hit("blip", (20, HERE)),
    ]
    hit_counts = hit_evaluation.evaluate_hits(hits, detections, TRUTH)
    # Missed: frames 7, 8 and THERE in frame 5; invented: ELSEWHERE.
    assert (hit_counts.objects, hit_counts.errors, hit_counts.flagged_errors) == (32, 4, 2)
    assert hit_counts.hits == {
        "blip": TriggerTally(1, 0),
        "conflict_miss": TriggerTally(1, 1),
        "flicker": TriggerTally(1, 1),
    }
    assert hit_counts.exclusive_errors == {"flicker": 1}
    assert hit_counts.tallies == {
        frozenset({"flicker", "conflict_miss"}): TriggerTally(1, 1),
        frozenset({"flicker"}): TriggerTally(1, 1),
        frozenset({"blip"}): TriggerTally(1, 0),
    }


def test_a_hit_without_boxes_is_right_where_anything_is_wrong() -> None:
    detections = boxes(*((k, HERE) for k in range(30)))
    near, far = (hit("frozen", span=Span(a, a + 3)) for a in (4, 20))
    hit_counts = hit_evaluation.evaluate_hits([near, far], detections, TRUTH)
    assert hit_counts.hits == {"frozen": TriggerTally(2, 1)}
    assert hit_counts.tallies == {frozenset({"frozen"}): TriggerTally(6, 1)}
    assert (hit_counts.errors, hit_counts.flagged_errors) == (1, 0)


def test_a_quiet_clip_says_so() -> None:
    hit_counts = hit_evaluation.evaluate_hits([], TRUTH, TRUTH)
    assert hit_counts == evaluation(31, 0, 0)


def clip(objects: int, errors: int, flagged: int, seconds: float = 100) -> ControlClip:
    return ControlClip(seconds, 3, evaluation(objects, errors, flagged))


def test_control_clips_speak_for_all_video() -> None:
    estimates = control.estimate(
        [clip(60, 6, 3), clip(60, 0, 0), clip(60, 3, 3)], reviewed_errors=30
    )
    assert estimates.error_rate
    assert estimates.recall
    assert estimates.found
    assert estimates.error_rate.value == pytest.approx(9 / 180)
    assert estimates.recall.value == pytest.approx(6 / 9)
    # 9 errors in 9 s, so 300 in 300 s.
    assert estimates.found.value == pytest.approx(30 / 300)
    assert estimates.found.low < estimates.found.value < estimates.found.high


def test_a_clip_of_a_longer_draw_counts_more() -> None:
    estimates = control.estimate([clip(60, 6, 6, 300), clip(60, 6, 0, 100)], reviewed_errors=0)
    assert estimates.recall
    assert estimates.recall.value == pytest.approx(0.75)


@pytest.mark.parametrize(
    ("clips", "reviewed", "available"),
    [
        ([], 5, (False, False, False)),
        ([clip(0, 0, 0)], 5, (False, False, False)),
        ([clip(60, 0, 0)], 0, (True, False, False)),
        ([clip(60, 0, 0)], 5, (True, False, True)),
        ([clip(60, 2, 0)], 0, (True, True, True)),
    ],
    ids=["no clip", "nobody there", "no error", "errors elsewhere", "nothing seen"],
)
def test_what_cannot_be_known_is_not_said(
    clips: list[ControlClip], reviewed: int, available: tuple[bool, bool, bool]
) -> None:
    estimates = control.estimate(clips, reviewed)
    shares = (estimates.error_rate, estimates.recall, estimates.found)
    assert tuple(share is not None for share in shares) == available

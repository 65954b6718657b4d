"""The gate: a Candidate serves only if it is really better, and nowhere worse. Arrays in, a
decision out.

Candidate and Champion are compared on the same test clips, as a whole and on every slice.

    refuse                if a test clip was in training, if the mAP is not higher, or if a slice is
                          shown to be worse
    promote               if the whole is shown to be better, and every slice with enough data is
                          shown to lose less than `slice_margin`
    not enough evidence   otherwise; the reasons name what is missing

"Shown" is always by a bootstrap over clips (evidence.py). A slice is *worse* beyond what the worst
of all slices would be by chance, so that two equal models are told apart wrongly once in twenty
comparisons, over all slices together. It is *no worse* if it loses less than `slice_margin` with
`slice_confidence`: here the burden of proof lies with the candidate, noise delays a promotion and
never makes one. What few clips cost is time: a gain waits until it stands out from the noise of
every slice. The large gains of the first weeks do so with a dozen clips, for a slice of fewer than
`least_clips` clips or `least_boxes` true boxes is shown and does not block: nobody could tell from
it anyway, and a slight loss there does pass.

`tests/bench/gate.py` measures this on simulated pairs, 200 a cell. A model that loses 3 mAP points
by night and gains 3 by day is promoted in 8%, 2%, 0%, 0.5% and 0% of the cases with 12, 30, 60, 120
and 200 test clips; refused by name rather than left to wait in 88% with 200. A model better by 3
points everywhere is promoted in 49%, 51%, 42%, 82% and 99%, one better by 14 points always.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from oneclick.training.evaluation.evaluate import Evaluation
from oneclick.training.gate import comparison
from oneclick.training.gate.comparison import Options, SliceRow

__all__ = ["Decision", "Options", "Row", "SliceRow", "Verdict", "decide"]

Verdict = Literal["promote", "refuse", "not enough evidence"]
Ruled = tuple[Verdict, list[str]]
DEFAULT = Options()
NAMED = 3
"""Most slices that the reasons name."""


@dataclass(frozen=True)
class Row:
    """One line of the table beside the decision."""

    name: str
    map: float
    ap50: float
    recall: float
    images: int
    recall_at_01: float | None = None
    """With at most one false box in ten images."""
    recall_at_1: float | None = None
    """With at most one false box an image."""


@dataclass(frozen=True)
class Decision:
    """What to do with a candidate, and why."""

    verdict: Verdict
    reasons: tuple[str, ...]
    rows: tuple[Row, ...]
    """Candidate, then champion."""
    slices: tuple[SliceRow, ...] = ()
    """The whole, then the slices, worst first."""


def decide(
    candidate: Evaluation,
    champion: Evaluation | None,
    trained_on: Collection[str] = (),
    options: Options = DEFAULT,
) -> Decision:
    """Judge a candidate on frozen test clips.

    Args:
        candidate, champion: evaluations on the same images; None where nothing is in service.
        trained_on: clips that either model was trained on; none may be a test clip.

    Raises:
        ValueError: the two were not evaluated on the same images.
    """
    rows = tuple(
        _row(name, one) for name, one in (("candidate", candidate), ("champion", champion)) if one
    )
    if ruled := _unfit(candidate, trained_on, options):
        return _decision(ruled, rows)
    if champion is None:
        return _decision(_first(candidate, options), rows, comparison.alone(candidate))
    if candidate.clips != champion.clips or candidate.metrics.images != champion.metrics.images:
        raise ValueError("candidate and champion were evaluated on different images")
    slices, sure = comparison.compare(candidate, champion, options)
    whole = f"mAP {champion.metrics.map:.3f} → {candidate.metrics.map:.3f}"
    gain = candidate.metrics.map - champion.metrics.map
    verdict, reasons = _ruled(gain, sure, slices, options)
    return _decision((verdict, [_whole(whole, gain, slices[0], options), *reasons]), rows, slices)


def _decision(ruled: Ruled, rows: tuple[Row, ...], slices: tuple[SliceRow, ...] = ()) -> Decision:
    return Decision(ruled[0], tuple(ruled[1]), rows, slices)


def _unfit(candidate: Evaluation, trained_on: Collection[str], options: Options) -> Ruled | None:
    """The word where the test set does not allow another."""
    leaked = sorted(set(candidate.clips) & set(trained_on))
    if leaked:
        return "refuse", [f"{len(leaked)} test clips were in training, the first is {leaked[0]}"]
    images, least = candidate.metrics.images, max(1, options.min_test_images)
    if images < least:
        return "not enough evidence", [f"{images} test images, at least {least} are needed"]
    if not candidate.metrics.boxes:
        return "not enough evidence", ["no test image shows anything to detect"]
    return None


def _first(candidate: Evaluation, options: Options) -> Ruled:
    reached = candidate.metrics.map
    if reached < options.floor:
        return "refuse", [f"first model: mAP {reached:.3f} is below the floor of {options.floor}"]
    return "promote", [f"first model: mAP {reached:.3f} reaches the floor of {options.floor}"]


def _ruled(gain: float, sure: float, slices: Sequence[SliceRow], options: Options) -> Ruled:
    worse = [row for row in slices[1:] if row.word == "worse"]
    unclear = [row for row in slices[1:] if row.word == "unclear"]
    if gain <= options.margin:
        reason = f"not better than the champion by more than {options.margin}"
        return "refuse", [reason, *_listed("worse", worse)]
    if worse:
        return "refuse", _listed("worse", worse)
    if slices[0].clips < 2:
        return "not enough evidence", ["one test clip cannot show how much is chance"]
    text = f"better by more than {options.margin} with {sure:.0%} confidence"
    if sure < options.confidence:
        return "not enough evidence", [f"{text}, {options.confidence:.0%} are needed"]
    if unclear:
        listed = _listed(f"may lose more than {options.slice_margin}", unclear)
        return "not enough evidence", [text, *listed]
    return "promote", [_judged(slices, options), text]


def _whole(text: str, gain: float, row: SliceRow, options: Options) -> str:
    interval = f"{2 * options.certainty - 1:.0%} interval {_interval(row)}"
    return f"{text} ({gain:+.3f}, {interval} over {row.clips} test clips)"


def _listed(what: str, rows: Sequence[SliceRow]) -> list[str]:
    """A reason for each of the worst slices, and how many there are besides."""
    told = [
        f"{what} on {row.name}: mAP {row.champion:.3f} → {row.candidate:.3f} "
        f"({row.gain:+.3f}, {_interval(row)}; {row.clips} clips, {row.boxes} boxes)"
        for row in rows[:NAMED]
    ]
    return [*told, *([f"and {len(rows) - NAMED} slices more"] if len(rows) > NAMED else [])]


def _interval(row: SliceRow) -> str:
    return f"{row.low:+.3f} … {row.high:+.3f}"


def _judged(slices: Sequence[SliceRow], options: Options) -> str:
    judged = sum(row.word in ("better", "no worse") for row in slices[1:])
    if not judged:
        return f"no slice has {options.least_clips} clips and {options.least_boxes} boxes to judge"
    return f"no loss of more than {options.slice_margin} on any of {judged} slices judged"


def _row(name: str, one: Evaluation) -> Row:
    found = one.metrics
    return Row(
        name,
        found.map,
        found.ap50,
        found.recall,
        found.images,
        found.recall_at_01,
        found.recall_at_1,
    )

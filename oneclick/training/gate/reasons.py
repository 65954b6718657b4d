"""Reasons of the gate's decisions as text."""

from __future__ import annotations

from collections.abc import Sequence

from oneclick.core.evaluation import SliceComparison
from oneclick.training.gate.comparison import GateOptions

MAX_LISTED = 3
"""Slices that a reason names, at most."""


def describe_gain(text: str, gain: float, row: SliceComparison, options: GateOptions) -> str:
    """Return `text` with the gain on the whole test set and its confidence interval."""
    interval = f"{2 * options.certainty - 1:.0%} interval {_interval(row)}"
    return f"{text} ({gain:+.3f}, {interval} over {row.clips} test clips)"


def list_slices(label: str, rows: Sequence[SliceComparison]) -> list[str]:
    """Return a line for each of the first MAX_LISTED slices, and the number of the others."""
    lines = [
        f"{label} on {row.name}: mAP {row.champion:.3f} → {row.candidate:.3f} "
        f"({row.gain:+.3f}, {_interval(row)}; {row.clips} clips, {row.boxes} boxes)"
        for row in rows[:MAX_LISTED]
    ]
    more = len(rows) - MAX_LISTED
    return [*lines, *([f"and {more} slices more"] if more > 0 else [])]


def describe_slices(slices: Sequence[SliceComparison], options: GateOptions) -> str:
    """Return how many slices were large enough to show that nothing is lost on them."""
    count = sum(row.word in ("better", "no worse") for row in slices[1:])
    if not count:
        return f"no slice has {options.least_clips} clips and {options.least_boxes} boxes to judge"
    return f"no loss of more than {options.slice_margin} on any of {count} slices judged"


def _interval(row: SliceComparison) -> str:
    return f"{row.low:+.3f} … {row.high:+.3f}"

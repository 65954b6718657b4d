"""Performance of the triggers: precision, review cost, and the errors that all of them miss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from oneclick import triggers
from oneclick.catalog import Catalog, counters
from oneclick.core import statistics
from oneclick.core.clips import ChosenBy
from oneclick.core.statistics import RatioEstimate
from oneclick.feedback import reviewed_clips, trigger_calibration
from oneclick.feedback.reviewed_clips import EvaluatedClip
from oneclick.report import numbers
from oneclick.storage.workspace import Workspace
from oneclick.triggers.calibrate import TriggerTally
from oneclick.triggers.selection import control
from oneclick.triggers.selection.control import ControlClip, ControlEstimates


@dataclass(frozen=True, kw_only=True)
class TriggerRow:
    """How often one trigger was right, measured on reviewed clips."""

    trigger: str
    hits: int
    """Hits in all predictions."""
    selected: int
    """Clips that were charged to it."""
    reviewed: int
    """Clips charged to it that people accepted and that could be evaluated."""
    judged: int
    """Its hits in reviewed clips, also in clips charged to others."""
    right: int
    """True positives: judged hits that lie on an error of the model."""
    precision: RatioEstimate | None
    """`right` over `judged`; None before the first judged hit."""
    corrections_per_minute: float | None
    """Boxes that reviewers changed per minute of the video reviewed for it."""
    seconds: float
    """Annotators' time on the clips charged to it."""
    alone: int
    """Errors in reviewed clips on which no other trigger fired."""
    share: float | None
    """Share of the error budget; None before the first weekly calibration."""


@dataclass(frozen=True, kw_only=True)
class TriggerPerformance:
    """Performance of all triggers, and the estimates from the control clips."""

    rows: list[TriggerRow]
    """Most confirmed errors first, then by name."""
    reviewed: int
    """Accepted clips that could be evaluated."""
    silent: int
    """Accepted clips that could not: their predictions or labels are missing."""
    rejected: int
    """Clips that people rejected; they have no labels to evaluate against."""
    drawn: int
    """Control clips so far."""
    heard: int
    """Control clips that could be evaluated."""
    control: ControlEstimates


def measure_triggers(home: Path) -> TriggerPerformance:
    """Evaluate every trigger on the reviewed clips.

    Raises:
        BadInput: a file of earlier evaluations or calibrations is broken.
    """
    workspace = Workspace(home)
    with Catalog.open(home) as catalog:
        clips = reviewed_clips.evaluate_clips(workspace, catalog)
        selected = {
            name: int(number)
            for (_, name), number in catalog.totals(counters.LED).items()
            if number
        }
        control_clips = numbers.kept_video_in(catalog).control
        hits = catalog.hit_counts()
    shares = trigger_calibration.load(workspace).shares
    rows = [
        trigger_row(
            name,
            clips.evaluated,
            hits=hits.get(name, 0),
            selected=selected.get(name, 0),
            share=shares.get(name),
        )
        for name in sorted({*triggers.names(), *hits, *selected})
    ]
    evaluated_control = [
        ControlClip(clip.clip.stands_for, clip.seconds, clip.evaluation)
        for clip in clips.evaluated
        if clip.clip.stands_for > 0
    ]
    reviewed_errors = sum(
        clip.evaluation.errors
        for clip in clips.evaluated
        if clip.clip.chosen_by is ChosenBy.TRIGGER
    )
    return TriggerPerformance(
        rows=sorted(rows, key=lambda row: (-row.right, row.trigger)),
        reviewed=len(clips.evaluated),
        silent=len(clips.unusable),
        rejected=len(clips.rejected),
        drawn=control_clips,
        heard=len(evaluated_control),
        control=control.estimate(evaluated_control, reviewed_errors),
    )


def trigger_row(
    name: str, clips: Sequence[EvaluatedClip], *, hits: int, selected: int, share: float | None
) -> TriggerRow:
    """Evaluate one trigger on reviewed clips; the other arguments are fields of the row."""
    tallies = [clip.evaluation.hits.get(name, TriggerTally()) for clip in clips]
    total = sum(tallies, TriggerTally())
    charged = [clip for clip in clips if clip.clip.led_by == name]
    seconds = sum(clip.seconds for clip in charged)
    edits = sum(clip.verdict.edits for clip in charged)
    return TriggerRow(
        trigger=name,
        hits=hits,
        selected=selected,
        reviewed=len(charged),
        judged=total.events,
        right=total.wrong,
        precision=statistics.ratio([t.wrong for t in tallies], [t.events for t in tallies]),
        corrections_per_minute=60 * edits / seconds if seconds else None,
        seconds=sum(clip.verdict.seconds for clip in charged),
        alone=sum(clip.evaluation.exclusive_errors.get(name, 0) for clip in clips),
        share=share,
    )


def trigger_columns(performance: TriggerPerformance) -> list[dict[str, object]]:
    """Return the triggers as rows of a table, heading to value."""
    rows: list[dict[str, object]] = []
    for row in performance.rows:
        precision = row.precision
        columns = {
            "trigger": row.trigger,
            "hits": row.hits,
            "clips": row.selected,
            "reviewed": row.reviewed,
            "judged": row.judged,
            "right": row.right,
            "precision": precision and round(precision.value, 3),
            "95%": precision and f"{precision.low:.2f}–{precision.high:.2f}",
            "edits/min": row.corrections_per_minute,
            "annotator s": round(row.seconds),
            "seen alone": row.alone,
            "share": row.share,
        }
        rows.append(columns)
    return rows


def control_summary(performance: TriggerPerformance) -> list[str]:
    """Return the estimates from the control clips, one line each."""
    counts = f"{performance.drawn} drawn at random, {performance.heard} of them reviewed"
    lines = [f"control clips: {counts}"]
    if not performance.heard:
        return [*lines, "what the triggers miss is not known before some of them are reviewed"]
    estimates = (
        ("error rate of the model on all video", performance.control.error_rate),
        ("errors on which some trigger fired", performance.control.recall),
        ("errors that lie in reviewed clips the triggers chose", performance.control.found),
    )
    for title, ratio in estimates:
        if ratio is None:
            lines.append(f"{title}: nothing to count in these clips")
        else:
            interval = f"{ratio.low:.1%} to {ratio.high:.1%}"
            lines.append(f"{title}: {ratio.value:.1%} (95% interval {interval})")
    return lines

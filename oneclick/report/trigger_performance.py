"""The ledger of the triggers: what each found, what it cost, and what all of them miss."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from oneclick import triggers
from oneclick.catalog import Catalog, counters
from oneclick.core import statistics
from oneclick.core.clips import ChosenBy
from oneclick.core.statistics import Estimate
from oneclick.feedback import reviewed_clips, trigger_calibration
from oneclick.feedback.reviewed_clips import Witness
from oneclick.report import numbers
from oneclick.storage.workspace import Workspace
from oneclick.triggers.calibrate import Tally
from oneclick.triggers.selection import control
from oneclick.triggers.selection.control import Control, Drawn


@dataclass(frozen=True)
class TriggerRow:
    """One trigger."""

    trigger: str
    hits: int
    """In all predictions."""
    selected: int
    """Clips that were charged to it."""
    reviewed: int
    """Those of them that people accepted and that can testify."""
    judged: int
    """Its hits in reviewed clips, whoever chose them."""
    right: int
    """Those of them that lie on an error of the model."""
    precision: Estimate | None
    """Right of judged; None before the first."""
    corrections_per_minute: float | None
    """Boxes that reviewers changed per minute of the video they reviewed for it."""
    seconds: float
    """Annotators' time on the clips charged to it."""
    alone: int
    """Errors in reviewed clips that no other trigger has seen."""
    share: float | None
    """Of the error budget; None before the first weekly calibration."""


@dataclass(frozen=True)
class Ledger:
    """All triggers, and what the control clips say of them together."""

    rows: list[TriggerRow]
    """By errors that were confirmed, most first; then by name."""
    reviewed: int
    """Clips that testify."""
    silent: int
    """Accepted clips that cannot: their predictions or labels are gone, or were never there."""
    rejected: int
    """Clips that people rejected; nothing is known of their boxes."""
    drawn: int
    """Control clips so far."""
    heard: int
    """Control clips among those that testify."""
    control: Control


def ledger(home: Path) -> Ledger:
    """What reviews say of every trigger.

    Raises:
        BadInput: what was learned before is broken.
    """
    workspace = Workspace(home)
    with Catalog.open(home) as catalog:
        found = reviewed_clips.witnesses(workspace, catalog)
        led, drawn_so_far = catalog.totals(counters.LED), numbers.kept_of(catalog).control
        hits = catalog.hit_counts()
    shares = trigger_calibration.load(workspace).shares
    selected = Counter({name: int(clips) for (_, name), clips in led.items() if clips})
    names = sorted({*triggers.registry(), *hits, *selected})
    rows = [
        _row(name, hits.get(name, 0), selected[name], found.heard, shares.get(name))
        for name in names
    ]
    testify = [one for one in found.heard if one.clip.stands_for > 0]
    drawn = [Drawn(one.clip.stands_for, one.seconds, one.said) for one in testify]
    seen = sum(one.said.errors for one in found.heard if one.clip.chosen_by is ChosenBy.TRIGGER)
    return Ledger(
        sorted(rows, key=lambda row: (-row.right, row.trigger)),
        len(found.heard),
        len(found.silent),
        len(found.rejected),
        drawn_so_far,
        len(testify),
        control.estimate(drawn, seen),
    )


def _row(
    name: str, hits: int, selected: int, heard: Sequence[Witness], share: float | None
) -> TriggerRow:
    tallies = [one.said.hits.get(name, Tally()) for one in heard]
    charged = [one for one in heard if one.clip.led_by == name]
    seconds = sum(one.seconds for one in charged)
    edits = sum(one.verdict.edits for one in charged)
    total = sum(tallies, Tally())
    return TriggerRow(
        name,
        hits,
        selected,
        len(charged),
        total.events,
        total.wrong,
        statistics.ratio([t.wrong for t in tallies], [t.events for t in tallies]),
        60 * edits / seconds if seconds else None,
        sum(one.verdict.seconds for one in charged),
        sum(one.said.alone.get(name, 0) for one in heard),
        share,
    )


def columns(found: Ledger) -> list[dict[str, object]]:
    """The rows as people read them, in a terminal and on a page alike."""
    return [_columns(row) for row in found.rows]


def _columns(row: TriggerRow) -> dict[str, object]:
    known = row.precision
    return {
        "trigger": row.trigger,
        "hits": row.hits,
        "clips": row.selected,
        "reviewed": row.reviewed,
        "judged": row.judged,
        "right": row.right,
        "precision": known and round(known.value, 3),
        "95%": known and f"{known.low:.2f}–{known.high:.2f}",
        "edits/min": row.corrections_per_minute,
        "annotator s": round(row.seconds),
        "seen alone": row.alone,
        "share": row.share,
    }


def sentences(found: Ledger) -> list[str]:
    """What the control clips say, for a terminal and for a page alike."""
    lines = [f"control clips: {found.drawn} drawn at random, {found.heard} of them reviewed"]
    if not found.heard:
        return [*lines, "what the triggers miss is not known before some of them are reviewed"]
    claims = (
        ("error rate of the model on all video", found.control.error_rate),
        ("errors on which some trigger fired", found.control.recall),
        ("errors that lie in reviewed clips the triggers chose", found.control.found),
    )
    return lines + [f"{what}: {_share(share)}" for what, share in claims]


def _share(found: Estimate | None) -> str:
    if found is None:
        return "nothing to count in these clips"
    return f"{found.value:.1%} (95% interval {found.low:.1%} to {found.high:.1%})"

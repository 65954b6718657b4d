"""Calibrate: what reviewers found → how far triggers are believed, and what each may spend."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from oneclick import triggers
from oneclick.core.clips import ChosenBy
from oneclick.io import calibration, reviewed
from oneclick.io.calibration import Learned
from oneclick.io.catalog import Catalog
from oneclick.io.reviewed import Witness
from oneclick.io.workspace import Workspace
from oneclick.triggers import calibrate as rules
from oneclick.triggers import shares
from oneclick.triggers.calibrate import Fired, Tally
from oneclick.triggers.shares import Paid

Week = tuple[int, int]
"""ISO year and week."""


def calibrate(home: Path) -> Learned:
    """Learn anew from all clips that people reviewed, and write it for the next look.

    The same reviews teach the same, however often it is called.

    Raises:
        BadInput: what was learned before is broken.
        NoSpace, Unavailable: if the disk or the catalog refuses.
    """
    workspace = Workspace(home)
    with Catalog.open(home) as catalog:
        heard = reviewed.witnesses(workspace, catalog).heard
    reviewed.keep(workspace, heard)
    learned = Learned(_pairs(heard), _shares(heard))
    calibration.save(workspace, learned)
    return learned


def _pairs(heard: Sequence[Witness]) -> dict[str, dict[Fired, Tally]]:
    parts = defaultdict(list)
    for one in heard:
        parts[one.pair].append(one.said.tallies)
    return {pair: rules.merged(found) for pair, found in parts.items()}


def _shares(heard: Sequence[Witness]) -> dict[str, float]:
    """Week by week, from the clips that triggers were charged for; none before the first."""
    weeks: dict[Week, dict[str, Paid]] = defaultdict(dict)
    for one in heard:
        if one.clip.chosen_by is ChosenBy.TRIGGER and one.clip.led_by:
            paid = weeks[one.verdict.at.isocalendar()[:2]]
            before = paid.get(one.clip.led_by, Paid())
            paid[one.clip.led_by] = before + Paid(one.said.errors, one.seconds)
    if not weeks:
        return {}
    return shares.over_weeks(_payable(), [weeks[week] for week in sorted(weeks)])


def _payable() -> list[str]:
    """Triggers that are paid from the share of errors."""
    return [name for name, kind in triggers.registry().items() if not triggers.novel(kind)]

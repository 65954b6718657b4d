"""Calibrate: what reviewers found → what triggers may spend, how far labellers are believed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from oneclick import hindsight, triggers
from oneclick.catalog import Catalog
from oneclick.core.clips import ChosenBy
from oneclick.feedback import (
    labeller_examples,
    labeller_skills,
    reviewed_clips,
    trigger_calibration,
)
from oneclick.feedback.labeller_skills import Learned as Teams
from oneclick.feedback.reviewed_clips import Witness
from oneclick.feedback.trigger_calibration import Learned
from oneclick.hindsight import learn
from oneclick.storage.workspace import Workspace
from oneclick.triggers import calibrate as rules
from oneclick.triggers.calibrate import Fired, Tally
from oneclick.triggers.selection import budget_shares
from oneclick.triggers.selection.budget_shares import Paid

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
        heard = reviewed_clips.witnesses(workspace, catalog).heard
        taught = labeller_examples.lessons(workspace, catalog)
    teams = Teams(
        {team: learn.learn(found, hindsight.DEFAULT) for team, found in taught.items()},
        {team: len(found) for team, found in taught.items()},
    )
    reviewed_clips.keep(workspace, heard)
    learned = Learned(_pairs(heard), _shares(heard))
    trigger_calibration.save(workspace, learned)
    labeller_skills.save(workspace, teams)
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
    return budget_shares.over_weeks(_payable(), [weeks[week] for week in sorted(weeks)])


def _payable() -> list[str]:
    """Triggers that are paid from the share of errors."""
    return [name for name, kind in triggers.registry().items() if not triggers.novel(kind)]

"""What labels cost by who made them, and what is known of the labellers."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from oneclick.catalog import Catalog, rows
from oneclick.core import labels as core_labels
from oneclick.core import logistic
from oneclick.feedback import labeller_skills
from oneclick.feedback.labeller_skills import Learned, Team
from oneclick.hindsight.skills import Skill
from oneclick.report import numbers, weeks
from oneclick.report.numbers import Effort
from oneclick.storage.workspace import Workspace


@dataclass(frozen=True)
class CostRow:
    """What people did in one week to labels of one making."""

    week: str
    """ISO year and week, 2026-W09."""
    made_by: str
    """Models behind the automatic labels, and what was known of them."""
    effort: Effort


@dataclass(frozen=True)
class SkillRow:
    """What reviews say of one labeller."""

    model: str
    team: str
    """All models that label with it."""
    clips: int
    """Reviewed clips that taught it."""
    right: float
    """Probability that a box at its threshold is right."""
    weight: float
    """Share of its voice among those of the team."""
    stray: float
    """Mean error of a side of its boxes, in box heights."""


@dataclass(frozen=True)
class Labelling:
    """Automatic labels: what they cost, and who makes them."""

    costs: list[CostRow]
    """Oldest week first."""
    skills: list[SkillRow]


def labelling(home: Path) -> Labelling:
    """Cost by week and maker, and the skills that the next labels are made with.

    Raises:
        BadInput: what was learned before is broken.
    """
    with Catalog.open(home) as catalog:
        daily = catalog.costs()
    groups: dict[tuple[str, str], list[rows.CostRow]] = defaultdict(list)
    for row in daily:
        if row.made_by is not None:
            groups[weeks.week(row.day), row.made_by].append(row)
    costs = [CostRow(*key, numbers.effort_in(found)) for key, found in groups.items()]
    costs.sort(key=lambda row: (row.week, row.made_by))
    return Labelling(costs, _skills(labeller_skills.load(Workspace(home))))


def _skills(learned: Learned) -> list[SkillRow]:
    found = []
    for team, known in learned.teams.items():
        total = sum(max(one.weight, 0) for one in known.each)
        for model, one in zip(team, known.each, strict=True):
            share = max(one.weight, 0) / total if total else 0.0
            found.append(_skill(model, team, learned.clips[team], one, share))
    return found


def _skill(model: str, team: Team, clips: int, one: Skill, share: float) -> SkillRow:
    right = float(logistic.chance(np.ones((1, 1)), np.array([one.offset]))[0])
    return SkillRow(model, core_labels.JOIN.join(team), clips, right, share, one.spread)


def cost_columns(found: Labelling) -> list[dict[str, object]]:
    """The costs as people read them, in a terminal and on a page alike."""
    return [
        {
            "week": row.week,
            "labels made by": row.made_by.removeprefix(core_labels.HINDSIGHT),
            "clips": row.effort.clips,
            "images": row.effort.images,
            "edits/100 boxes": _rounded(row.effort.edits_per_100_boxes, 1),
            "s/image": _rounded(row.effort.seconds_per_image, 2),
            "unseen": row.effort.by_policy,
        }
        for row in found.costs
    ]


def skill_columns(found: Labelling) -> list[dict[str, object]]:
    """The skills as people read them."""
    return [
        {
            "labeller": row.model,
            "of team": row.team,
            "reviewed clips": row.clips,
            "right at its threshold": f"{row.right:.0%}",
            "voice": f"{row.weight:.0%}",
            "sides off by": f"{row.stray:.1%} of the height",
        }
        for row in found.skills
    ]


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)

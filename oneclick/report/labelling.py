"""Review cost of labels by who made them, and the skills of the labellers."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from oneclick.catalog import Catalog, rows
from oneclick.core import labels as core_labels
from oneclick.core import logistic
from oneclick.feedback import labeller_skills
from oneclick.feedback.labeller_skills import LabellerSkills
from oneclick.report import numbers, weeks
from oneclick.report.numbers import ReviewEffort
from oneclick.storage.workspace import Workspace


@dataclass(frozen=True)
class CostRow:
    """Review effort of one week on labels of one origin."""

    week: str
    """ISO year and week, 2026-W09."""
    made_by: str
    """Models behind the automatic labels, with a digest of their skills at that time."""
    effort: ReviewEffort


@dataclass(frozen=True, kw_only=True)
class SkillRow:
    """Skills of one labeller as estimated from reviews."""

    model: str
    team: str
    """All models that label with it."""
    clips: int
    """Reviewed clips that the estimate rests on."""
    right: float
    """Probability that a box at its threshold is right."""
    weight: float
    """Share of its weight in the ensemble of its team."""
    stray: float
    """Mean error of a side of its boxes, in box heights."""


@dataclass(frozen=True)
class LabellingReport:
    """Automatic labels: their review cost, and the labellers."""

    costs: list[CostRow]
    """Oldest week first."""
    skills: list[SkillRow]


def labelling_report(home: Path) -> LabellingReport:
    """Return review cost by week and labeller, and the skills that the next labels are made with.

    Raises:
        BadInput: the file of skills is broken.
    """
    with Catalog.open(home) as catalog:
        daily_costs = catalog.costs()
    groups: dict[tuple[str, str], list[rows.LabelCostRecord]] = defaultdict(list)
    for cost in daily_costs:
        if cost.made_by is not None:
            groups[weeks.week(cost.day), cost.made_by].append(cost)
    cost_rows = [CostRow(*key, numbers.effort_of_costs(costs)) for key, costs in groups.items()]
    cost_rows.sort(key=lambda row: (row.week, row.made_by))
    return LabellingReport(cost_rows, skill_rows(labeller_skills.load(Workspace(home))))


def skill_rows(skills: LabellerSkills) -> list[SkillRow]:
    """Return one row for each labeller of each team."""
    skill_rows = []
    for team, team_skills in skills.teams.items():
        total_weight = sum(max(skill.weight, 0) for skill in team_skills.each)
        for model, skill in zip(team, team_skills.each, strict=True):
            offset = np.array([skill.offset])
            row = SkillRow(
                model=model,
                team=core_labels.LABELLER_SEPARATOR.join(team),
                clips=skills.clips[team],
                right=float(logistic.probability(np.ones((1, 1)), offset)[0]),
                weight=max(skill.weight, 0) / total_weight if total_weight else 0.0,
                stray=skill.spread,
            )
            skill_rows.append(row)
    return skill_rows


def cost_columns(report: LabellingReport) -> list[dict[str, object]]:
    """Return the costs as rows of a table, heading to value."""
    return [
        {
            "week": row.week,
            "labels made by": row.made_by.removeprefix(core_labels.HINDSIGHT_PREFIX),
            "clips": row.effort.clips,
            "images": row.effort.images,
            "edits/100 boxes": _rounded(row.effort.edits_per_100_boxes, 1),
            "s/image": _rounded(row.effort.seconds_per_image, 2),
            "unseen": row.effort.by_policy,
        }
        for row in report.costs
    ]


def skill_columns(report: LabellingReport) -> list[dict[str, object]]:
    """Return the skills as rows of a table, heading to value."""
    return [
        {
            "labeller": row.model,
            "of team": row.team,
            "reviewed clips": row.clips,
            "right at its threshold": f"{row.right:.0%}",
            "voice": f"{row.weight:.0%}",
            "sides off by": f"{row.stray:.1%} of the height",
        }
        for row in report.skills
    ]


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)

"""`learned/labellers.json`: skills of teams of labellers, learned from reviewed clips."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from oneclick.hindsight import confidence
from oneclick.hindsight.skills import Skill, TeamSkills
from oneclick.storage import sealed_files
from oneclick.storage.workspace import Workspace

Team = tuple[str, ...]
"""Ids of the models, sorted."""


class _TeamRecord(msgspec.Struct, frozen=True, kw_only=True):
    clips: int
    """Reviewed clips that the skills were learned from."""
    boxes: int
    bias: float
    confidence: dict[str, float]
    """Log-odds that a label is correct, by feature."""
    models: dict[str, Skill]


class _LabellersFile(msgspec.Struct, frozen=True):
    teams: list[_TeamRecord]


@dataclass(frozen=True)
class LabellerSkills:
    """Skills of every team whose labels were reviewed."""

    teams: Mapping[Team, TeamSkills] = field(default_factory=dict)
    """Skills in the order of the team's ids."""
    clips: Mapping[Team, int] = field(default_factory=dict)
    """Reviewed clips that the skills of each team were learned from."""

    def skills_of(self, models: Sequence[str]) -> TeamSkills | None:
        """Return skills in the order of `models`; None where no clip of this team was reviewed."""
        team = tuple(sorted(models))
        skills = self.teams.get(team)
        if skills is None:
            return None
        return replace(skills, each=tuple(skills.each[team.index(model)] for model in models))


def digest(skills: TeamSkills | None) -> str:
    """Return six hex digits of the content's sha256; empty for None."""
    if skills is None:
        return ""
    return hashlib.sha256(msgspec.json.encode(skills, order="deterministic")).hexdigest()[:6]


def load(workspace: Workspace) -> LabellerSkills:
    """Read the learned skills; empty before the first review.

    Raises:
        BadInput: the file is broken.
    """
    path = workspace.labeller_skills
    if not path.exists():
        return LabellerSkills()
    document: _LabellersFile = sealed_files.read(path, _LabellersFile)
    teams, clips = {}, {}
    for record in document.teams:
        team = tuple(sorted(record.models))
        each = tuple(record.models[model] for model in team)
        weights = tuple(record.confidence.get(name, 0.0) for name in confidence.FEATURE_NAMES)
        teams[team] = TeamSkills(each, record.bias, weights, record.boxes)
        clips[team] = record.clips
    return LabellerSkills(teams, clips)


def save(workspace: Workspace, labellers: LabellerSkills) -> None:
    """Write the skills atomically, rounded to six decimals; equal content gives equal bytes.

    Raises:
        NoSpace, Unavailable: if the disk refuses.
    """
    teams = [
        _TeamRecord(
            clips=labellers.clips.get(team, 0),
            boxes=skills.boxes,
            bias=round(skills.bias, 6),
            confidence={
                name: round(weight, 6)
                for name, weight in zip(confidence.FEATURE_NAMES, skills.confidence, strict=True)
            },
            models={
                model: round_skill(skill) for model, skill in zip(team, skills.each, strict=True)
            },
        )
        for team, skills in sorted(labellers.teams.items())
    ]
    sealed_files.write(workspace.labeller_skills, _LabellersFile(teams))


def round_skill(skill: Skill) -> Skill:
    """Round all numbers of a skill to six decimals."""
    x1, y1, x2, y2 = (round(side, 6) for side in skill.lean)
    return Skill(
        offset=round(skill.offset, 6),
        slope=round(skill.slope, 6),
        weight=round(skill.weight, 6),
        spread=round(skill.spread, 6),
        lean=(x1, y1, x2, y2),
    )

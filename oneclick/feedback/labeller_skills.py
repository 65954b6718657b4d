"""`learned/labellers.json`: what reviews have taught about teams of labellers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from oneclick.hindsight import confidence
from oneclick.hindsight.skills import Skill, Skills
from oneclick.storage import files
from oneclick.storage.workspace import Workspace

Team = tuple[str, ...]
"""Ids of the models, sorted."""


class _Team(msgspec.Struct, frozen=True):
    clips: int
    """Reviewed clips that taught it."""
    boxes: int
    bias: float
    confidence: dict[str, float]
    """Log-odds that a label is right, by what speaks for it."""
    models: dict[str, Skill]


class _File(msgspec.Struct, frozen=True):
    teams: list[_Team]


@dataclass(frozen=True)
class Learned:
    """What is known of every team that reviewed clips were labelled by."""

    teams: Mapping[Team, Skills] = field(default_factory=dict)
    """Skills in the order of the team's ids."""
    clips: Mapping[Team, int] = field(default_factory=dict)
    """Reviewed clips that taught each."""

    def of(self, models: Sequence[str]) -> Skills | None:
        """Skills in the order of `models`; None where no reviewed clip tells of this team."""
        team = tuple(sorted(models))
        known = self.teams.get(team)
        if known is None:
            return None
        each = tuple(known.each[team.index(model)] for model in models)
        return replace(known, each=each)


def digest(skills: Skills | None) -> str:
    """A few letters that change whenever something else was learned; empty for nothing."""
    if skills is None:
        return ""
    return hashlib.sha256(msgspec.json.encode(skills, order="deterministic")).hexdigest()[:6]


def load(workspace: Workspace) -> Learned:
    """What was learned so far; nothing before the first review.

    Raises:
        BadInput: the file is broken.
    """
    path = workspace.labellers
    if not path.exists():
        return Learned()
    found: _File = files.read_json(path, _File)
    teams, clips = {}, {}
    for one in found.teams:
        team = tuple(sorted(one.models))
        each = tuple(one.models[model] for model in team)
        beliefs = (one.confidence.get(name, 0.0) for name in confidence.NAMES)
        teams[team] = Skills(each, one.bias, tuple(beliefs), one.boxes)
        clips[team] = one.clips
    return Learned(teams, clips)


def save(workspace: Workspace, learned: Learned) -> None:
    """Write it in one step; equal content gives equal bytes.

    Raises:
        NoSpace, Unavailable: if the disk refuses.
    """
    teams = [
        _Team(
            learned.clips.get(team, 0),
            known.boxes,
            round(known.bias, 6),
            {n: round(w, 6) for n, w in zip(confidence.NAMES, known.confidence, strict=True)},
            {model: _rounded(one) for model, one in zip(team, known.each, strict=True)},
        )
        for team, known in sorted(learned.teams.items())
    ]
    files.write_json(workspace.labellers, _File(teams))


def _rounded(skill: Skill) -> Skill:
    x1, y1, x2, y2 = (round(side, 6) for side in skill.lean)
    numbers = (skill.offset, skill.slope, skill.weight, skill.spread)
    offset, slope, weight, spread = (round(value, 6) for value in numbers)
    return Skill(offset, slope, weight, spread, (x1, y1, x2, y2))

"""`learned/labellers.json`: skills of teams of labellers, learned from reviewed clips."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec
import numpy as np

from oneclick.hindsight import confidence, skills
from oneclick.hindsight.skills import Fusion, Skill, TeamSkills
from oneclick.storage import model_cards, sealed_files
from oneclick.storage.workspace import Workspace

Team = tuple[str, ...]
"""Ids of the models, sorted."""
OWN_PREFIX = "model-"
"""Before the id of a model of our own training, as it predicts and labels."""


class _TeamRecord(msgspec.Struct, frozen=True, kw_only=True):
    clips: int
    """Reviewed clips that the skills were learned from."""
    boxes: int
    bias: float
    confidence: dict[str, float]
    """Log-odds that a label is correct, by feature."""
    models: dict[str, Skill]
    fusion: Fusion = "weights"


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
        known = self.teams.get(team)
        if known is None:
            return None
        return replace(known, each=tuple(known.each[team.index(model)] for model in models))

    def f1_of(self, model: str) -> float | None:
        """Return the F1 of a model in all reviewed clips that it labelled; None without any."""
        weights, values = [], []
        for team, known in self.teams.items():
            for name, skill in zip(team, known.each, strict=True):
                if name == model and skill.f1 is not None and known.boxes:
                    weights.append(known.boxes)
                    values.append(skill.f1)
        return float(np.average(values, weights=weights)) if values else None


def best_first(workspace: Workspace, models: Sequence[str], labellers: LabellerSkills) -> list[int]:
    """Return the places of models whose team was not reviewed, best first.

    A model counts by its F1 in clips that other teams labelled with it, else by that of its card;
    one without either stays in its place.

    Raises:
        BadInput: a card is broken.
    """
    f1 = []
    for model in models:
        reviewed = labellers.f1_of(model)
        f1.append(_card_f1(workspace, model) if reviewed is None else reviewed)
    return skills.best_first(f1)


def _card_f1(workspace: Workspace, model: str) -> float | None:
    """Return the F1 of one of our models on its test clips; None where nothing was tested."""
    if not model.startswith(OWN_PREFIX):
        return None
    card = model_cards.read(workspace.model_dir(model.removeprefix(OWN_PREFIX)))
    metrics = card.metrics if card else {}
    precision, recall = metrics.get("precision", 0.0), metrics.get("recall", 0.0)
    if not metrics.get("boxes") or precision + recall == 0:
        return None
    return 2 * precision * recall / (precision + recall)


def digest(known: TeamSkills | None) -> str:
    """Return six hex digits of the content's sha256; empty for None."""
    if known is None:
        return ""
    return hashlib.sha256(msgspec.json.encode(known, order="deterministic")).hexdigest()[:6]


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
        teams[team] = TeamSkills(each, record.bias, weights, record.boxes, record.fusion)
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
            boxes=known.boxes,
            bias=round(known.bias, 6),
            confidence={
                name: round(weight, 6)
                for name, weight in zip(confidence.FEATURE_NAMES, known.confidence, strict=True)
            },
            models={
                model: round_skill(skill) for model, skill in zip(team, known.each, strict=True)
            },
            fusion=known.fusion,
        )
        for team, known in sorted(labellers.teams.items())
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
        f1=None if skill.f1 is None else round(skill.f1, 6),
    )

"""Reviewed clips as lessons about the models that labelled them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from oneclick.catalog import Catalog
from oneclick.core import labels as core_labels
from oneclick.core.clips import Clip
from oneclick.core.errors import BadInput
from oneclick.core.review import POLICY
from oneclick.feedback import stored_predictions
from oneclick.feedback.labeller_skills import Team
from oneclick.hindsight.learn import Lesson
from oneclick.storage import labels
from oneclick.storage.workspace import Workspace

LATEST = 500
"""Reviewed clips that teach about one team: the newest, for cameras and models change."""


def lessons(workspace: Workspace, catalog: Catalog) -> dict[Team, list[Lesson]]:
    """What people found in clips, by the team that had labelled them; parts in order of its ids.

    Clips whose predictions or labels are gone teach nothing.
    """
    decided = [v for v in catalog.verdicts() if not v.by.startswith(POLICY)]
    accepted = {v.clip: v.at for v in decided if v.decision == "accept"}
    clips = {row.clip.id: row.clip for row in catalog.clips()}
    teams: dict[Team, list[Clip]] = defaultdict(list)
    makers = {row.clip: row.made_by for row in catalog.revision_rows() if row.kind == "auto"}
    for clip_id in sorted(accepted, key=lambda name: (accepted[name], name), reverse=True):
        team = tuple(sorted(core_labels.labellers(makers.get(clip_id, ""))))
        if team and clip_id in clips and len(teams[team]) < LATEST:
            teams[team].append(clips[clip_id])
    found = {team: _of(workspace, chosen, team) for team, chosen in teams.items()}
    return {team: taught for team, taught in sorted(found.items()) if taught}


def _of(workspace: Workspace, clips: list[Clip], team: Team) -> list[Lesson]:
    # Clips of one video follow each other: it is read once.
    taught = (_lesson(workspace, clip, team) for clip in sorted(clips, key=lambda clip: clip.id))
    return [lesson for lesson in taught if lesson]


def _lesson(workspace: Workspace, clip: Clip, team: Team) -> Lesson | None:
    try:
        made = labels.latest(workspace, clip.id)
    except BadInput:
        return None
    if made is None or made.kind != "human":
        return None
    parts = [stored_predictions.best(workspace, clip, model, made.classes) for model in team]
    least = [stored_predictions.threshold(workspace, clip, model) for model in team]
    known = [(p, t) for p, t in zip(parts, least, strict=True) if p is not None and t is not None]
    if len(known) < len(team):
        return None
    truth = replace(core_labels.to_tracks(made, clip.fps).detections, length=len(clip.span))
    return Lesson(tuple(part for part, _ in known), tuple(t for _, t in known), truth)

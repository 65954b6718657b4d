"""Reviewed clips as training examples for the skills of the models that labelled them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from oneclick.catalog import Catalog
from oneclick.core import labels as core_labels
from oneclick.core.clips import Clip
from oneclick.core.errors import BadInput
from oneclick.core.review import POLICY_PREFIX
from oneclick.feedback import stored_predictions
from oneclick.feedback.labeller_skills import Team
from oneclick.hindsight.learn import LabellerExample
from oneclick.storage import labels
from oneclick.storage.workspace import Workspace

MAX_CLIPS = 500
"""Examples of one team: the newest clips, because cameras and models change."""


def collect_examples(workspace: Workspace, catalog: Catalog) -> dict[Team, list[LabellerExample]]:
    """Return the clips that people accepted, as examples by the team that had labelled them.

    The parts of an example stand in the order of the team's ids. Clips whose predictions or labels
    are gone are left out.
    """
    verdicts = [v for v in catalog.verdicts() if not v.by.startswith(POLICY_PREFIX)]
    accepted = {v.clip: v.at for v in verdicts if v.decision == "accept"}
    clips = {row.clip.id: row.clip for row in catalog.clips()}
    authors = {
        row.clip: row.made_by
        for row in catalog.revision_rows()
        if row.kind == "auto" and core_labels.parse_labellers(row.made_by)
    }
    teams: dict[Team, list[Clip]] = defaultdict(list)
    for clip_id in sorted(accepted, key=lambda name: (accepted[name], name), reverse=True):
        team = tuple(sorted(core_labels.parse_labellers(authors.get(clip_id, ""))))
        if team and clip_id in clips and len(teams[team]) < MAX_CLIPS:
            teams[team].append(clips[clip_id])
    examples: dict[Team, list[LabellerExample]] = defaultdict(list)
    for team, team_clips in sorted(teams.items()):
        # In order of ids, the clips of one video follow each other: it is read once.
        for clip in sorted(team_clips, key=lambda clip: clip.id):
            if example := load_example(workspace, clip, team):
                examples[team].append(example)
    return dict(examples)


def load_example(workspace: Workspace, clip: Clip, team: Team) -> LabellerExample | None:
    """Load predictions and reviewed labels of a clip; None where one of them is missing."""
    try:
        label_set = labels.latest(workspace, clip.id)
    except BadInput:
        return None
    if label_set is None or label_set.kind != "human":
        return None
    parts, thresholds = [], []
    for model in team:
        part = stored_predictions.load_best(workspace, clip, model, label_set.classes)
        threshold = stored_predictions.load_threshold(workspace, clip, model)
        if part is None or threshold is None:
            return None
        parts.append(part)
        thresholds.append(threshold)
    truth = replace(core_labels.to_tracks(label_set, clip.fps).detections, length=len(clip.span))
    return LabellerExample(tuple(parts), tuple(thresholds), truth)

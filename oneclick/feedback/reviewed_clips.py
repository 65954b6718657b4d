"""Clips that people reviewed, and the evaluation of triggers and models against their labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import msgspec

from oneclick.catalog import Catalog
from oneclick.catalog.rows import ClipRecord, VerdictRecord
from oneclick.core import labels as core_labels
from oneclick.core.clips import Clip
from oneclick.core.detections import Detections
from oneclick.core.errors import BadInput
from oneclick.core.hits import Hit
from oneclick.core.review import POLICY_PREFIX
from oneclick.feedback import trigger_calibration
from oneclick.feedback.trigger_calibration import Tallies
from oneclick.storage import cards, labels, predictions, sealed_files
from oneclick.storage.cards import ModelPair
from oneclick.storage.workspace import Workspace
from oneclick.triggers import hit_evaluation
from oneclick.triggers.calibrate import TriggerTally
from oneclick.triggers.hit_evaluation import HitEvaluation

Read = Callable[[Path], Detections]


@dataclass(frozen=True, eq=False, kw_only=True)
class ReviewedClip:
    """One clip that a person accepted; frames are counted from the start of the clip."""

    clip: Clip
    models: ModelPair
    """Models whose predictions led to the selection of the clip."""
    predictions: Detections
    """Boxes of the predictor at its operating point."""
    truth: Detections
    """Boxes of the reviewed labels."""
    hits: tuple[Hit, ...]


@dataclass(frozen=True, kw_only=True)
class EvaluatedClip:
    """One clip that a person accepted, with its evaluation."""

    clip: Clip
    verdict: VerdictRecord
    revision: int
    """Label revision of the evaluation."""
    pair: str
    """The two models that were compared (cards.ModelPair.key)."""
    evaluation: HitEvaluation

    @property
    def seconds(self) -> float:
        """Return the length of the clip in seconds."""
        return len(self.clip.span) / self.clip.fps


@dataclass(frozen=True)
class EvaluatedClips:
    """All clips that people decided on."""

    evaluated: Sequence[EvaluatedClip]
    """In order of their ids."""
    unusable: Sequence[str]
    """Accepted clips without an evaluation: predictions or labels are gone or broken, or the clip
    was cut by hand."""
    rejected: Sequence[str]
    """Clips that people rejected."""


class StoredEvaluation(msgspec.Struct, frozen=True, kw_only=True):
    """Evaluation of one clip as it stands in `learned/testimonies.json`."""

    revision: int
    pair: str
    objects: int
    errors: int
    flagged_errors: int = msgspec.field(name="caught")
    tallies: Tallies
    hits: dict[str, tuple[int, int]]
    exclusive_errors: dict[str, int] = msgspec.field(name="alone")

    def decode(self) -> HitEvaluation:
        """Convert to the form that is computed with."""
        return HitEvaluation(
            objects=self.objects,
            errors=self.errors,
            flagged_errors=self.flagged_errors,
            tallies=trigger_calibration.decode_tallies(self.tallies),
            hits={name: TriggerTally(*counts) for name, counts in self.hits.items()},
            exclusive_errors=self.exclusive_errors,
        )


class _EvaluationsFile(msgspec.Struct, frozen=True):
    clips: dict[str, StoredEvaluation]


def evaluate_clips(workspace: Workspace, catalog: Catalog) -> EvaluatedClips:
    """Evaluate all clips that people accepted; stored evaluations are not computed again.

    Raises:
        BadInput: the file of stored evaluations is broken.
    """
    verdicts = {v.clip: v for v in catalog.verdicts() if not v.by.startswith(POLICY_PREFIX)}
    rows, records = {row.clip.id: row for row in catalog.clips()}, load_evaluations(workspace)
    # Clips of one video follow each other: it is read once.
    read = lru_cache(maxsize=1)(predictions.load)
    evaluated: list[EvaluatedClip] = []
    unusable: list[str] = []
    for clip_id, verdict in sorted(verdicts.items()):
        if verdict.decision == "accept" and clip_id in rows:
            clip = evaluate_clip(workspace, rows[clip_id], verdict, records.get(clip_id), read)
            evaluated += [clip] if clip else []
            unusable += [] if clip else [clip_id]
    rejected = sorted(clip for clip, v in verdicts.items() if v.decision != "accept")
    return EvaluatedClips(evaluated, unusable, rejected)


def evaluate_clip(
    workspace: Workspace,
    row: ClipRecord,
    verdict: VerdictRecord,
    record: StoredEvaluation | None = None,
    read: Read = predictions.load,
) -> EvaluatedClip | None:
    """Evaluate a clip unless `record` is an evaluation of its label revision.

    None where predictions or labels are gone or broken, or the clip was cut by hand.
    """
    if record and record.revision == row.revision:
        pair, evaluation = record.pair, record.decode()
    else:
        try:
            reviewed = load(workspace, row.clip, read)
        except BadInput:
            return None
        if reviewed is None:
            return None
        pair = reviewed.models.key
        evaluation = hit_evaluation.evaluate_hits(
            reviewed.hits, reviewed.predictions, reviewed.truth
        )
    return EvaluatedClip(
        clip=row.clip, verdict=verdict, revision=row.revision, pair=pair, evaluation=evaluation
    )


def load(workspace: Workspace, clip: Clip, read: Read = predictions.load) -> ReviewedClip | None:
    """Load a clip's predictions, labels and Hits; None where the clip was cut by hand.

    Args:
        workspace: where the files are.
        clip: the clip.
        read: function that reads predictions.

    Raises:
        BadInput: one of them is broken or gone.
    """
    path = workspace.hits(clip.video)
    models = cards.load_hits(path).models_of(clip.id) if path.exists() else None
    label_set = labels.latest(workspace, clip.id)
    if models is None or label_set is None:
        return None
    of_video = read(workspace.predictions(clip.video, models.predictor.id))
    of_clip = of_video.above(models.predictor.threshold).cut(clip.span)
    truth = core_labels.to_tracks(label_set, clip.fps).detections
    return ReviewedClip(
        clip=clip,
        models=models,
        predictions=of_clip,
        truth=replace(truth, length=of_clip.length),
        hits=tuple(part for hit in clip.hits if (part := hit.cut(clip.span))),
    )


def load_evaluations(workspace: Workspace) -> dict[str, StoredEvaluation]:
    """Read the stored evaluations by clip; empty where there are none.

    Raises:
        BadInput: the file is broken.
    """
    path = workspace.hit_evaluations
    if not path.exists():
        return {}
    document: _EvaluationsFile = sealed_files.read(path, _EvaluationsFile)
    return document.clips


def save_evaluations(workspace: Workspace, clips: Sequence[EvaluatedClip]) -> None:
    """Store evaluations, so that they need not be computed again.

    Raises:
        NoSpace, Unavailable: if the disk refuses.
    """
    records = {}
    for clip in clips:
        hits = clip.evaluation.hits
        records[clip.clip.id] = StoredEvaluation(
            revision=clip.revision,
            pair=clip.pair,
            objects=clip.evaluation.objects,
            errors=clip.evaluation.errors,
            flagged_errors=clip.evaluation.flagged_errors,
            tallies=trigger_calibration.encode_tallies(clip.evaluation.tallies),
            hits={name: (tally.events, tally.wrong) for name, tally in hits.items()},
            exclusive_errors=dict(clip.evaluation.exclusive_errors),
        )
    sealed_files.write(workspace.hit_evaluations, _EvaluationsFile(records))

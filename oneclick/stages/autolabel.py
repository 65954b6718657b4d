"""Autolabel: several models look at a Clip, hindsight turns what they saw into dense labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import cv2
import numpy as np

from oneclick import detectors, hindsight
from oneclick.catalog import Catalog, utc_now
from oneclick.core import boxes, progress
from oneclick.core import labels as nouns
from oneclick.core.clips import Clip, ClipStage
from oneclick.core.detections import Detections, concat
from oneclick.core.errors import BadInput, Unavailable, UnknownName, UsageError
from oneclick.core.labels import LabelSet
from oneclick.core.results import BatchResult
from oneclick.core.spans import Span
from oneclick.core.tracks import Tracks
from oneclick.detectors import Detector
from oneclick.feedback import labeller_skills as known
from oneclick.feedback import stored_predictions
from oneclick.hindsight import Skills, keyframes
from oneclick.stages.quarantine import put_aside
from oneclick.storage import files, labels, predictions
from oneclick.storage.workspace import Workspace

BY = "autolabel"
CONTEXT_SECONDS = 5.0
"""Past and future outside the clip that hindsight may use."""


@dataclass(frozen=True)
class Crew:
    """The models that label, and what is known of them."""

    models: Sequence[Detector]
    skills: Skills | None
    classes: tuple[str, ...]
    closer: bool
    """Whether models that shrink frames look again, at windows around the first labels."""


def autolabel(
    home: Path,
    clips: Sequence[str],
    labellers: Sequence[str],
    classes: Sequence[str],
    device: str = "auto",
    now: datetime | None = None,
    closer: bool = True,
) -> BatchResult:
    """Label the clips that stand at EXTRACTED and move them to LABELLED; others are skipped.

    A labeller that has watched the whole Video is not run again: its stored predictions are cut,
    with context on both sides. Only a model that has not looks at the clip's frames.

    Args:
        labellers: detector names, best first: the first leads and the others vote until reviewed
            clips have taught what each is worth.
        now: time to write into the labels, default the present.
        closer: models that look at shrunken frames look again, at windows around the first labels.

    Raises:
        UnknownName, DetectorUnavailable: a labeller that cannot load.
        NoSpace, Unavailable: the disk or the catalog refuses.
    """
    if not labellers:
        raise UsageError("no labeller is set: name one in detect.labellers")
    workspace, result = Workspace(home), BatchResult()
    models = [detectors.create(name, workspace, device) for name in labellers]
    team = known.load(workspace).of([model.model_id for model in models])
    crew = Crew(models, team, tuple(classes), closer)
    with Catalog.open(home) as catalog:
        for clip_id in progress.track("autolabel", clips, len(clips)):
            try:
                row = catalog.clip(clip_id)
                if row.stage is not ClipStage.EXTRACTED:
                    result.skipped.append(clip_id)
                    continue
                _label(workspace, catalog, row.clip, crew, now or utc_now())
                moved = catalog.move(clip_id, ClipStage.EXTRACTED, ClipStage.LABELLED, BY)
                (result.done if moved else result.skipped).append(clip_id)
            except UnknownName as error:
                result.failed[clip_id] = str(error)
            except (Unavailable, UsageError):
                raise
            except Exception as error:  # whatever a clip holds, the others go on
                result.failed[clip_id] = put_aside(workspace, catalog, clip_id, error, "label", BY)
    return result


def _label(
    workspace: Workspace,
    catalog: Catalog,
    clip: Clip,
    crew: Crew,
    now: datetime,
) -> None:
    """Save revision 1 and remember it; a killed run may have saved it before."""
    made = labels.latest(workspace, clip.id)
    if made is None:
        length = catalog.video(clip.video).frames
        made = _revision(clip, _tracks(workspace, clip, length, crew), crew, now)
        labels.save(workspace, made)
    catalog.add_revision(made, files.sha256(labels.path(workspace, made)))


def _tracks(workspace: Workspace, clip: Clip, length: int, crew: Crew) -> Tracks:
    """Tracks in frames of the clip, made with what lies before and after it."""
    around = clip.span.padded(round(CONTEXT_SECONDS * clip.fps), length)
    inside = Span(clip.span.start - around.start, clip.span.stop - around.start)
    parts = [_seen(workspace, clip, around, model, crew.classes) for model in crew.models]
    found = _labelled(parts, crew)
    if crew.closer and any(model.shrinks for model in crew.models):
        first = _in_picture(found.cut(inside), clip)
        looks = zip(crew.models, parts, strict=True)
        parts = [_closer(workspace, clip, inside, first, *look, crew.classes) for look in looks]
        found = _labelled(parts, crew)
    return _in_picture(found.cut(inside), clip)


def _labelled(parts: Sequence[Detections], crew: Crew) -> Tracks:
    least = [model.threshold for model in crew.models]
    return hindsight.label(parts, least, hindsight.DEFAULT, crew.skills)


def _closer(
    workspace: Workspace,
    clip: Clip,
    inside: Span,
    first: Tracks,
    model: Detector,
    said: Detections,
    classes: tuple[str, ...],
) -> Detections:
    """What a model said, inside the clip replaced by what it sees when it looks closer."""
    if not model.shrinks:
        return said
    name = model.model_id + stored_predictions.CLOSER
    found = stored_predictions.inside(workspace, clip, name, classes)
    if found is None:
        found = detectors.look_closer(
            model,
            lambda frame: _picture(workspace, clip, frame),
            first.detections,
            classes,
            f"look closer {clip.id}",
        )
        path = workspace.clip_predictions(clip.id, name)
        predictions.save(path, found, name, model.threshold)
    outside = (said.frames < inside.start) | (said.frames >= inside.stop)
    return concat([said.where(outside), found.shifted(inside.start, said.length)])


def _in_picture(tracks: Tracks, clip: Clip) -> Tracks:
    """Boxes cut to the picture; one that was filled in beyond its edge goes."""
    cut = replace(tracks, boxes=boxes.clip(tracks.boxes, clip.width, clip.height))
    return cut.where(boxes.area(cut.boxes) > 0)


def _seen(
    workspace: Workspace, clip: Clip, around: Span, model: Detector, classes: tuple[str, ...]
) -> Detections:
    """What a model said about `around`; about the clip alone where it has not seen the Video."""
    whole = stored_predictions.around(workspace, clip, around, model.model_id, classes)
    if whole is not None:
        return whole
    found = stored_predictions.inside(workspace, clip, model.model_id, classes)
    if found is None:
        size = len(clip.span)
        pictures = (_picture(workspace, clip, frame) for frame in range(size))
        found = detectors.run(model, pictures, size, clip.fps, classes, f"label {clip.id}")
        path = workspace.clip_predictions(clip.id, model.model_id)
        predictions.save(path, found, model.model_id, model.threshold)
    return found.shifted(clip.span.start - around.start, len(around))


def _picture(workspace: Workspace, clip: Clip, frame: int) -> detectors.base.Frame:
    path = workspace.frame_file(clip.id, frame)
    bgr = cv2.imread(str(path))
    if bgr is None:
        raise BadInput(f"{path} is missing or no picture; run: oneclick clips retry {clip.id}")
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def _revision(clip: Clip, tracks: Tracks, crew: Crew, now: datetime) -> LabelSet:
    return LabelSet(
        clip=clip.id,
        revision=1,
        kind="auto",
        parent=None,
        made_by=nouns.by_hindsight(
            [model.model_id for model in crew.models], known.digest(crew.skills)
        ),
        made_at=now,
        frames=len(clip.span),
        width=clip.width,
        height=clip.height,
        classes=tracks.names,
        tracks=nouns.from_tracks(tracks, keyframes.thin(tracks).boxes),
    )

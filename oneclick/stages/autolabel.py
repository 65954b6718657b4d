"""Autolabel: several models look at a Clip, hindsight turns their predictions into dense labels."""

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
from oneclick.core.clips import Clip, ClipStage
from oneclick.core.detections import Detections, concat
from oneclick.core.errors import BadInput, DetectorUnavailable, OneclickError, UsageError
from oneclick.core.labels import LabelSet, from_tracks, hindsight_author
from oneclick.core.plugins import PluginFailure
from oneclick.core.results import BatchResult
from oneclick.core.spans import Span
from oneclick.core.tracks import Tracks
from oneclick.core.turned_mode import TurnedMode, turned_id
from oneclick.detectors import Detector, turned
from oneclick.detectors.base import Frame
from oneclick.detectors.kinds import IsolatedDetector
from oneclick.feedback import labeller_skills, stored_predictions
from oneclick.hindsight import HindsightOptions, TeamSkills, keyframes
from oneclick.stages.quarantine import quarantine_on_failure
from oneclick.storage import failure_log, files, labels, predictions
from oneclick.storage.workspace import Workspace

BY = "autolabel"
CONTEXT_SECONDS = 5.0
"""Past and future outside the clip that hindsight may use."""
TURNED_SECONDS = 0.5
"""Time between the first turned looks at a clip."""


@dataclass(frozen=True)
class LabellerLooks:
    """How labellers look at a clip beside the whole picture upright."""

    closer: bool = True
    """Models that shrink frames also run on windows around the first labels."""
    turned: TurnedMode = "off"
    """Models also look at the picture turned by 90° both ways, for people who lie."""


UPRIGHT = LabellerLooks()


@dataclass(frozen=True)
class LabellerEnsemble:
    """The models that label, and the skills that reviews attribute to them."""

    models: Sequence[Detector]
    skills: TeamSkills | None
    classes: tuple[str, ...]
    looks: LabellerLooks

    @classmethod
    def team(
        cls,
        workspace: Workspace,
        models: Sequence[Detector],
        classes: tuple[str, ...],
        looks: LabellerLooks,
        failed: dict[str, str],
    ) -> LabellerEnsemble:
        """Return models as an ensemble, with the skills that the workspace has learned of them.

        A team that was not reviewed stands best measured first. Skills that cannot be read go to
        `failed`, and the models label without.
        """
        skills, ids = None, [model.model_id for model in models]
        with failure_log.isolate(failed, workspace, "labeller skills", "read labeller skills"):
            learned_skills = labeller_skills.load(workspace)
            skills = learned_skills.skills_of(ids)
            if skills is None:
                order = labeller_skills.best_first(workspace, ids, learned_skills)
                models = [models[place] for place in order]
        return cls(models, skills, classes, looks)

    def label(
        self, parts: Sequence[Detections], options: HindsightOptions = hindsight.DEFAULT
    ) -> Tracks:
        """Fuse the predictions of all models over the same frames into dense tracks."""
        thresholds = [model.threshold for model in self.models]
        return hindsight.label(parts, thresholds, options, self.skills)


def autolabel(
    home: Path,
    clips: Sequence[str],
    labellers: Sequence[str],
    classes: Sequence[str],
    device: str = "auto",
    at: datetime | None = None,
    looks: LabellerLooks = UPRIGHT,
) -> BatchResult:
    """Label the clips that stand at EXTRACTED and move them to LABELLED; others are skipped.

    A labeller that has predicted the whole Video is not run again: its stored predictions are cut,
    with context on both sides. Only a model that has not runs on the clip's frames.

    Args:
        home: the workspace folder.
        clips: ids.
        labellers: detector names, best first: the first leads and the others vote until reviewed
            clips and tests have taught what each is worth.
        classes: names; boxes of other classes are dropped.
        device: for the models, `auto` or a name that torch knows.
        at: time to write into the labels, default the present.
        looks: how labellers look beside the whole picture upright.

    Raises:
        UnknownName: there is no such labeller.
        DetectorUnavailable, UsageError: there is no labeller, or none that can be used.
        NoSpace, Unavailable: the disk or the catalog refuses.
    """
    if not labellers:
        raise UsageError("no labeller is set: name one in detect.labellers")
    workspace, result = Workspace(home), BatchResult()
    models = load_labellers(workspace, labellers, device, result.failed)
    ensemble = LabellerEnsemble.team(workspace, models, tuple(classes), looks, result.failed)
    with Catalog.open(home) as catalog:
        for clip_id in progress.track("autolabel", clips, len(clips)):
            with quarantine_on_failure(result.failed, workspace, catalog, clip_id, "label", BY):
                row = catalog.clip(clip_id)
                if row.stage is not ClipStage.EXTRACTED:
                    result.skipped.append(clip_id)
                    continue
                made_at = at or utc_now()
                is_labelled = False
                while not is_labelled:
                    try:
                        label_clip(workspace, catalog, row.clip, ensemble, made_at)
                        is_labelled = True
                    except PluginFailure as failure:
                        ensemble = leave_out(workspace, ensemble, failure, result.failed)
                is_moved = catalog.move(clip_id, ClipStage.EXTRACTED, ClipStage.LABELLED, BY)
                (result.done if is_moved else result.skipped).append(clip_id)
    return result


def load_labellers(
    workspace: Workspace, names: Sequence[str], device: str, failed: dict[str, str]
) -> list[Detector]:
    """Load the labellers; one that cannot be used goes to `failed`, the others label.

    Raises:
        UnknownName: there is no such labeller.
        DetectorUnavailable, UsageError: none is left.
    """
    models: list[Detector] = []
    kind: type[OneclickError] = UsageError
    for name in names:
        try:
            models.append(detectors.create(name, workspace, device))
        except (PluginFailure, DetectorUnavailable) as failure:
            item = f"labeller {name}"
            failed[item] = failure_log.record(workspace, name, f"load {item}", failure)
            kind = DetectorUnavailable if isinstance(failure, DetectorUnavailable) else kind
    if not models:
        raise kind(f"no labeller can be used: {'; '.join(failed.values())}")
    return models


def leave_out(
    workspace: Workspace,
    ensemble: LabellerEnsemble,
    failure: PluginFailure,
    failed: dict[str, str],
) -> LabellerEnsemble:
    """Return the ensemble without the labeller that failed, which goes to `failed`.

    Raises:
        UsageError: none is left.
    """
    remaining: list[Detector] = []
    lost: list[Detector] = []
    for model in ensemble.models:
        is_lost = isinstance(model, IsolatedDetector) and model.plugin == failure.plugin
        (lost if is_lost else remaining).append(model)
    for model in lost:
        item = f"labeller {model.name}"
        failed[item] = failure_log.record(workspace, model.model_id, f"run {item}", failure)
    if not remaining or not lost:
        raise UsageError(f"no labeller is left: {failure}") from failure
    return LabellerEnsemble.team(workspace, remaining, ensemble.classes, ensemble.looks, failed)


def label_clip(
    workspace: Workspace,
    catalog: Catalog,
    clip: Clip,
    ensemble: LabellerEnsemble,
    made_at: datetime,
) -> None:
    """Save revision 1 of a clip's labels, unless a killed process did, and catalogue it."""
    revision = labels.latest(workspace, clip.id)
    if revision is None:
        video = catalog.video(clip.video)
        stretch = video.timing.stretch_at(clip.span.start, video.frames)
        tracks = predict_tracks(workspace, clip, stretch, ensemble)
        model_ids = [model.model_id for model in ensemble.models]
        revision = LabelSet(
            clip=clip.id,
            revision=1,
            kind="auto",
            parent=None,
            made_by=hindsight_author(model_ids, labeller_skills.digest(ensemble.skills)),
            made_at=made_at,
            frames=len(clip.span),
            width=clip.width,
            height=clip.height,
            classes=tracks.names,
            tracks=from_tracks(tracks, keyframes.thin(tracks).boxes),
        )
        labels.save(workspace, revision)
    catalog.add_revision(revision, files.sha256(labels.revision_path(workspace, revision)))


def predict_tracks(
    workspace: Workspace, clip: Clip, stretch: Span, ensemble: LabellerEnsemble
) -> Tracks:
    """Return the tracks of a clip, in its own frames, with the help of the video around it.

    Args:
        workspace: that holds clip and predictions.
        clip: at EXTRACTED or later.
        stretch: frames of the video around the clip without a break in time.
        ensemble: the labellers.
    """
    wide = clip.span.padded(round(CONTEXT_SECONDS * clip.fps), stretch.stop)
    context = Span(max(wide.start, stretch.start), wide.stop)
    predictor = _ClipPredictor(workspace, clip, context, ensemble.classes)
    parts = [predictor.predict(model) for model in ensemble.models]
    turned_parts = [
        predictor.look_turned(model, part, ensemble.looks.turned)
        for model, part in zip(ensemble.models, parts, strict=True)
    ]
    if ensemble.looks.closer and any(model.shrinks for model in ensemble.models):
        first_labels = ensemble.label(merge_looks(parts, turned_parts), hindsight.LEADING)
        first = clip_to_picture(first_labels.cut(predictor.inside), clip).detections
        parts = [
            predictor.add_close_up(model, part, first) if model.shrinks else part
            for model, part in zip(ensemble.models, parts, strict=True)
        ]
    tracks = ensemble.label(merge_looks(parts, turned_parts))
    return clip_to_picture(tracks.cut(predictor.inside), clip)


def merge_looks(
    upright: Sequence[Detections], turned_looks: Sequence[Detections | None]
) -> list[Detections]:
    """Return one opinion of each model, of its upright looks and its turned ones if it has any."""
    return [
        part if looks is None else turned.merge(part, looks)
        for part, looks in zip(upright, turned_looks, strict=True)
    ]


def clip_to_picture(tracks: Tracks, clip: Clip) -> Tracks:
    """Clip boxes to the picture; drop those interpolated beyond its edge."""
    inside = replace(tracks, boxes=boxes.clip(tracks.boxes, clip.width, clip.height))
    return inside.where(boxes.area(inside.boxes) > 0)


@dataclass(frozen=True)
class _ClipPredictor:
    """The predictions of models on a Clip and the context around it, stored ones first."""

    workspace: Workspace
    clip: Clip
    context: Span
    """Frames of the video."""
    classes: tuple[str, ...]

    @property
    def inside(self) -> Span:
        """Return the clip's span, counted from the start of the context."""
        span, start = self.clip.span, self.context.start
        return Span(span.start - start, span.stop - start)

    def predict(self, model: Detector) -> Detections:
        """Return a model's detections in the context; only in the clip without those of the video.

        A model that has predicted neither is run on the clip's frames, and the result is stored.
        """
        workspace, clip = self.workspace, self.clip
        of_video = stored_predictions.load_span(
            workspace, clip, self.context, model.model_id, self.classes
        )
        if of_video is not None:
            return of_video
        of_clip = stored_predictions.load_clip(workspace, clip, model.model_id, self.classes)
        if of_clip is None:
            size = len(clip.span)
            frames = (self.read_frame(k) for k in range(size))
            task = f"label {clip.id}"
            of_clip = detectors.run(model, frames, size, clip.fps, self.classes, task)
            path = workspace.clip_predictions(clip.id, model.model_id)
            predictions.save(path, of_clip, model.model_id, model.threshold)
        return of_clip.shifted(self.inside.start, len(self.context))

    def look_turned(
        self, model: Detector, upright: Detections, mode: TurnedMode
    ) -> Detections | None:
        """Return a model's turned looks in the context; None where it takes none.

        The clip is looked at often enough for dense labels; around it stands what turned
        looks at the video saw, where there are any.

        Args:
            model: the labeller.
            upright: its upright detections in the context.
            mode: when it looks.
        """
        workspace, clip, inside = self.workspace, self.clip, self.inside
        name = turned_id(model.model_id, mode, model.stateful)
        if name is None:
            return None
        of_clip = stored_predictions.load_clip(workspace, clip, name, self.classes)
        if of_clip is None:
            step = 1 if mode == "always" else max(1, round(TURNED_SECONDS * clip.fps))
            of_clip = turned.look_in_clip(
                model, self.read_frame, upright.cut(inside), step, f"look turned {clip.id}"
            )
            path = workspace.clip_predictions(clip.id, name)
            predictions.save(path, of_clip, name, model.threshold)
        of_video = stored_predictions.load_span(workspace, clip, self.context, name, self.classes)
        return self.replace_inside(of_video, of_clip)

    def replace_inside(self, around: Detections | None, of_clip: Detections) -> Detections:
        """Return detections in the context, with those of the clip inside of it."""
        shifted = of_clip.shifted(self.inside.start, len(self.context))
        if around is None:
            return shifted
        is_outside = (around.frames < self.inside.start) | (around.frames >= self.inside.stop)
        return concat([around.where(is_outside), shifted])

    def add_close_up(
        self, model: Detector, detections: Detections, first_labels: Detections
    ) -> Detections:
        """Replace a model's detections inside the clip by those on windows around first labels.

        Args:
            model: that shrinks frames.
            detections: its detections in the context.
            first_labels: labels in frames of the clip.
        """
        workspace, clip = self.workspace, self.clip
        name = model.model_id + stored_predictions.CLOSE_UP_SUFFIX
        close_up = stored_predictions.load_clip(workspace, clip, name, self.classes)
        if close_up is None:
            task = f"look closer {clip.id}"
            close_up = detectors.detect_in_windows(
                model, self.read_frame, first_labels, self.classes, task
            )
            path = workspace.clip_predictions(clip.id, name)
            predictions.save(path, close_up, name, model.threshold)
        return self.replace_inside(detections, close_up)

    def read_frame(self, frame: int) -> Frame:
        """Read an extracted frame, (height, width, 3) RGB.

        Raises:
            BadInput: it is missing or no picture.
        """
        path = self.workspace.frame_file(self.clip.id, frame)
        bgr = cv2.imread(str(path))
        if bgr is None:
            raise BadInput(
                f"{path} is missing or no picture; run: oneclick clips retry {self.clip.id}"
            )
        return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)

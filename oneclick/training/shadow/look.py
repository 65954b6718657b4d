"""The pass of two models over the newest video of each camera, as far as evidence is lacking."""

from __future__ import annotations

import contextlib
import itertools
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from oneclick import detectors, video
from oneclick.catalog import Catalog
from oneclick.core import labels as core_labels
from oneclick.core import progress
from oneclick.core.clips import Clip, Video
from oneclick.core.detections import Detections, join_consecutive
from oneclick.core.errors import BadInput, BadVideo
from oneclick.core.review import POLICY_PREFIX
from oneclick.core.spans import Span
from oneclick.detectors import own
from oneclick.detectors.base import Detector, Frame
from oneclick.detectors.signals import SignalMeter
from oneclick.storage import failure_log, labels, predictions
from oneclick.storage.workspace import Workspace
from oneclick.training.export import exporter
from oneclick.training.shadow import counts, evidence
from oneclick.training.shadow.counts import ModelCounts, ShadowPiece
from oneclick.training.shadow.evidence import VideoEvidence
from oneclick.triggers.rules.unseen_motion import UnseenMotion

PIECE_SECONDS = 600
"""Length of a piece, from full ten minutes of the clock to the next."""
MOTION = "motion"
"""Name of the signal of what moves in the picture, whatever the models see."""


@dataclass(frozen=True, kw_only=True)
class ShadowPass:
    """Which models look at what."""

    workspace: Workspace
    candidate: str
    champion: str
    trained_on: Collection[str]
    """Clips that one of them learned from: their ten minutes are no evidence."""
    classes: tuple[str, ...]
    device: str = "auto"
    failed: dict[str, str] = field(default_factory=dict)
    """Videos that were left out, with the reason."""

    def look(self, hours: float) -> list[ShadowPiece]:
        """Return the pieces that both looked at, after looking at more where `hours` are lacking.

        The newest videos of all cameras come first, camera by camera in turn. What was counted
        before is read; a kill costs the video that it came in.

        Raises:
            DetectorUnavailable: one of the models does not load.
            NoSpace, Unavailable: the evidence cannot be written.
        """
        with Catalog.open(self.workspace.home) as catalog:
            videos = [each for each in catalog.videos() if each.suffix and each.frames]
            clips: dict[str, list[Clip]] = defaultdict(list)
            for record in catalog.clips():
                clips[record.clip.video].append(record.clip)
            reviewed = reviewed_clips(catalog)
        pieces: list[ShadowPiece] = []
        remaining: list[Video] = []
        for recording in videos:
            known = evidence.load(self.workspace, self.candidate, self.champion, recording)
            if known:
                pieces += known.pieces
            elif self.workspace.video_file(recording).exists():
                remaining.append(recording)
        models: list[Detector] = []
        for recording in newest_by_camera(remaining):
            if sum(piece.seconds for piece in pieces) >= hours * 3600:
                break
            own_clips = clips[recording.id]
            spans = [clip.span for clip in own_clips if clip.id in self.trained_on]
            parts = [part for part in split(recording) if not any(map(part.span.overlaps, spans))]
            if not parts:
                continue
            models = models or [self._load(name) for name in (self.champion, self.candidate)]
            item = f"shadow {recording.id}"
            with failure_log.isolate(self.failed, self.workspace, recording.id, item):
                truths = [clip for clip in own_clips if clip.id in reviewed]
                new = self._count(recording, parts, models, truths)
                content = VideoEvidence(digest=recording.digest, pieces=tuple(new))
                evidence.save(self.workspace, self.candidate, self.champion, recording, content)
                pieces += new
        return pieces

    def _load(self, model_id: str) -> Detector:
        name = f"model:{model_id}"
        if own.lacks_graph(name, self.workspace, self.device):
            exporter.serve(self.workspace, name)
        return detectors.create(name, self.workspace, self.device)

    def _count(
        self,
        recording: Video,
        parts: Sequence[VideoPart],
        models: Sequence[Detector],
        clips: Sequence[Clip],
    ) -> list[ShadowPiece]:
        """Return the counts of the parts of a video; predictions that are stored are read."""
        champion, candidate, motion = self._predict(recording, models)
        thresholds = [model.threshold for model in models]
        rule = UnseenMotion()
        is_moving = (motion >= rule.area) & (motion <= rule.most)
        pieces = []
        for part in parts:
            pair = [boxes.cut(part.span) for boxes in (champion, candidate)]
            span = slice(part.span.start, part.span.stop)
            each = counts.count_models(pair, thresholds, is_moving[span])
            errors, boxes = [0, 0], 0
            for clip in clips:
                if clip.span.start in part.span:
                    own_errors, own_boxes = self._review(clip, (champion, candidate), thresholds)
                    boxes += own_boxes
                    errors = [a + b for a, b in zip(errors, own_errors, strict=True)]
            pieces.append(
                ShadowPiece(
                    key=part.key,
                    camera=recording.camera,
                    frames=len(part.span),
                    seconds=len(part.span) / recording.fps,
                    review_boxes=boxes,
                    champion=_with_errors(each[0], errors[0]),
                    candidate=_with_errors(each[1], errors[1]),
                )
            )
        return pieces

    def _review(
        self, clip: Clip, pair: Sequence[Detections], thresholds: Sequence[float]
    ) -> tuple[list[int], int]:
        """Return the errors of both models in a reviewed clip, and its true boxes."""
        try:
            label_set = labels.latest(self.workspace, clip.id)
        except BadInput:
            label_set = None
        if label_set is None:
            return [0, 0], 0
        truth = core_labels.to_tracks(label_set, clip.fps).detections
        errors = [
            counts.count_review_errors(boxes.above(threshold).cut(clip.span), truth)
            for boxes, threshold in zip(pair, thresholds, strict=True)
        ]
        return errors, len(truth)

    def _predict(
        self, recording: Video, models: Sequence[Detector]
    ) -> tuple[Detections, Detections, NDArray[np.float32]]:
        """Return the boxes of champion and candidate, and what moves in the picture.

        What is not stored comes from one pass over the pictures, and is stored in the folder of the
        candidate.
        """
        target = evidence.folder(self.workspace, self.candidate, recording.id)
        stored = [self._stored(recording, model) for model in models]
        motion_path = target / f"{MOTION}.parquet"
        motion = _stored_motion(motion_path, recording)
        lacking = [model for model, boxes in zip(models, stored, strict=True) if boxes is None]
        if lacking or motion is None:
            answers, motion = self._watch(recording, lacking)
            for model in lacking:
                boxes = answers[model.model_id]
                path = target / f"{model.model_id}.parquet"
                predictions.save(path, boxes, model.model_id, model.threshold)
            predictions.save_signal(motion_path, motion)
            stored = [
                answers[model.model_id] if boxes is None else boxes
                for model, boxes in zip(models, stored, strict=True)
            ]
        champion, candidate = stored
        assert champion is not None
        assert candidate is not None
        return champion, candidate, motion

    def _stored(self, recording: Video, model: Detector) -> Detections | None:
        """Return the stored predictions of a model; None where they are not all of the video."""
        target = evidence.folder(self.workspace, self.candidate, recording.id)
        name = f"{model.model_id}.parquet"
        for path in (self.workspace.predictions(recording.id, model.model_id), target / name):
            with contextlib.suppress(BadInput):
                boxes = predictions.load(path)
                if (boxes.length, boxes.names) == (recording.frames, self.classes):
                    return boxes
        return None

    def _watch(
        self, recording: Video, models: Sequence[Detector]
    ) -> tuple[dict[str, Detections], NDArray[np.float32]]:
        """Run models over a video, stretch by stretch, and measure its pictures.

        Raises:
            BadVideo: it does not decode, or has fewer frames than the catalog says.
        """
        meter, task = SignalMeter(recording.fps), f"shadow {recording.id}"
        parts: dict[str, list[Detections]] = {model.model_id: [] for model in models}
        length = 0
        with contextlib.closing(video.read_ahead(self._frames(recording, meter))) as frames:
            for stretch in recording.stretches():
                if not models:
                    own_frames = itertools.islice(frames, len(stretch))
                    length += sum(1 for _ in progress.track(task, own_frames, len(stretch)))
                    continue
                answers = detectors.run_together(
                    models, frames, len(stretch), recording.fps, self.classes, task=task
                )
                for model, answer in zip(models, answers, strict=True):
                    if isinstance(answer, Exception):
                        raise answer
                    parts[model.model_id].append(answer)
        boxes = {name: join_consecutive(own_parts) for name, own_parts in parts.items()}
        nobody = Detections.empty(recording.frames, recording.fps, self.classes)
        return boxes, meter.signals(nobody)["stir"]

    def _frames(self, recording: Video, meter: SignalMeter) -> Iterator[Frame]:
        """Yield all frames of a video, each measured; before a break nothing is remembered."""
        path, count = self.workspace.video_file(recording), 0
        starts = frozenset(recording.timing.breaks)
        for frame in itertools.islice(video.frames(path), recording.frames):
            if count in starts:
                meter.start_stretch()
            meter.add_frame(frame)
            count += 1
            yield frame
        if count < recording.frames:
            raise BadVideo(f"{path.name} has {count} of its {recording.frames} frames")


@dataclass(frozen=True, kw_only=True)
class VideoPart:
    """Frames of one stretch in the same ten minutes of the clock."""

    key: str
    span: Span


def split(recording: Video) -> list[VideoPart]:
    """Return the parts of a video that pieces are made of; one of unknown start counts from 0."""
    start = recording.started_at.timestamp() if recording.started_at else 0.0
    name = recording.camera if recording.started_at else recording.id
    parts = []
    for stretch in recording.stretches():
        frame = stretch.start
        while frame < stretch.stop:
            slot = int((start + recording.seconds_at(frame)) // PIECE_SECONDS)
            end = (slot + 1) * PIECE_SECONDS - start
            stop = min(max(frame + 1, round(recording.frame_at(end))), stretch.stop)
            parts.append(VideoPart(key=f"{name}|{slot}", span=Span(frame, stop)))
            frame = stop
    return parts


def newest_by_camera(videos: Sequence[Video]) -> Iterator[Video]:
    """Yield the newest video of each camera, then the next ones; those of unknown start last."""
    by_camera: dict[str, list[Video]] = defaultdict(list)
    for recording in videos:
        by_camera[recording.camera].append(recording)
    for own_videos in by_camera.values():
        own_videos.sort(key=lambda each: (each.started_at is not None, each.started_at or each.id))
        own_videos.reverse()
    ranks = itertools.zip_longest(*(by_camera[camera] for camera in sorted(by_camera)))
    return (recording for rank in ranks for recording in rank if recording is not None)


def reviewed_clips(catalog: Catalog) -> set[str]:
    """Return the clips that people accepted."""
    return {
        verdict.clip
        for verdict in catalog.verdicts()
        if verdict.decision == "accept" and not verdict.by.startswith(POLICY_PREFIX)
    }


def _with_errors(model_counts: ModelCounts, errors: int) -> ModelCounts:
    return msgspec.structs.replace(model_counts, review_errors=errors)


def _stored_motion(path: Path, recording: Video) -> NDArray[np.float32] | None:
    with contextlib.suppress(BadInput):
        signal = predictions.load_signal(path)
        if len(signal) == recording.frames:
            return signal
    return None

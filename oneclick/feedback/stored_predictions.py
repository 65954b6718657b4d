"""Stored predictions of a model for one clip: of the whole video, or of the clip alone."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from oneclick.core.clips import Clip
from oneclick.core.detections import Detections
from oneclick.core.errors import BadInput
from oneclick.core.spans import Span
from oneclick.core.turned_mode import SUFFIXES
from oneclick.detectors import turned
from oneclick.storage import files, predictions
from oneclick.storage.files import FileVersion
from oneclick.storage.workspace import Workspace

CLOSE_UP_SUFFIX = "-closer"
"""Suffix of a model id: its predictions on windows around the first labels of a clip."""


def load_span(
    workspace: Workspace, clip: Clip, span: Span, model_id: str, classes: tuple[str, ...]
) -> Detections | None:
    """Cut a span of the clip's video from the predictions of the whole video.

    None where these are missing, unreadable, too short or of other classes.
    """
    of_video = _load(workspace.predictions(clip.video, model_id), classes)
    if of_video is None or of_video.length < span.stop:
        return None
    return replace(of_video.cut(span), fps=clip.fps)


def load_video(
    workspace: Workspace, clip: Clip, model_id: str, classes: tuple[str, ...]
) -> Detections | None:
    """Load the predictions of a model on the whole video of a clip; None as in `load_span`."""
    return _load(workspace.predictions(clip.video, model_id), classes)


def load_clip(
    workspace: Workspace, clip: Clip, model_id: str, classes: tuple[str, ...]
) -> Detections | None:
    """Load the predictions of a model that was run on the clip alone; None as in `load_span`."""
    of_clip = _load(workspace.clip_predictions(clip.id, model_id), classes)
    return of_clip if of_clip is not None and of_clip.length == len(clip.span) else None


def load_best(
    workspace: Workspace, clip: Clip, model_id: str, classes: tuple[str, ...]
) -> Detections | None:
    """Load the opinion of a model: what it saw upright and, where it looked, turned.

    None as in `load_span`.
    """
    upright = load_upright(workspace, clip, model_id, classes)
    looks = load_turned(workspace, clip, model_id, classes)
    return upright if upright is None or looks is None else turned.merge(upright, looks)


def load_evidence(
    workspace: Workspace, clip: Clip, model_id: str, classes: tuple[str, ...]
) -> Detections | None:
    """Load everybody whom a model saw upright, in the whole picture or in a close-up.

    A close-up looked around first labels only: it says nothing about the rest of the picture. Whom
    both show is one box, the surer one. None as in `load_span`.
    """
    whole = load_whole(workspace, clip, model_id, classes)
    close_up = load_clip(workspace, clip, model_id + CLOSE_UP_SUFFIX, classes)
    if whole is None or close_up is None:
        return close_up if whole is None else whole
    return turned.merge(whole, replace(close_up, fps=whole.fps))


def load_upright(
    workspace: Workspace, clip: Clip, model_id: str, classes: tuple[str, ...]
) -> Detections | None:
    """Load the predictions of highest resolution: close-up, then of the video, then of the clip.

    None as in `load_span`.
    """
    close_up = load_clip(workspace, clip, model_id + CLOSE_UP_SUFFIX, classes)
    return load_whole(workspace, clip, model_id, classes) if close_up is None else close_up


def load_whole(
    workspace: Workspace, clip: Clip, model_id: str, classes: tuple[str, ...]
) -> Detections | None:
    """Load the predictions of a model on whole pictures, of the video before those of the clip.

    None as in `load_span`.
    """
    of_video = load_span(workspace, clip, clip.span, model_id, classes)
    return load_clip(workspace, clip, model_id, classes) if of_video is None else of_video


def load_turned(
    workspace: Workspace, clip: Clip, model_id: str, classes: tuple[str, ...]
) -> Detections | None:
    """Load the looks of a model at turned pictures, the most there are; None as in `load_span`."""
    ids = [model_id + suffix for suffix in reversed(SUFFIXES.values())]
    looks = (load_looks(workspace, clip, turned_id, classes) for turned_id in ids)
    return next((found for found in looks if found is not None), None)


def load_looks(
    workspace: Workspace, clip: Clip, turned_id: str, classes: tuple[str, ...]
) -> Detections | None:
    """Load looks at turned pictures of the clip, else of the video, filled between two looks.

    None as in `load_span`.
    """
    of_clip = load_clip(workspace, clip, turned_id, classes)
    if of_clip is not None:
        return of_clip
    of_video = load_span(workspace, clip, clip.span, turned_id, classes)
    return None if of_video is None else turned.fill_between(of_video)


def load_threshold(workspace: Workspace, clip: Clip, model_id: str) -> float | None:
    """Return the operating point stored with the predictions; None where there is none."""
    paths = (
        workspace.predictions(clip.video, model_id),
        workspace.clip_predictions(clip.id, model_id),
    )
    for path in paths:
        if path.exists():
            return _threshold_of(path, files.version(path))
    return None


def _load(path: Path, classes: tuple[str, ...]) -> Detections | None:
    try:
        detections = _load_cached(path, files.version(path))
    except (FileNotFoundError, BadInput):
        return None
    return detections if detections.names == classes else None


# Clips of one video follow each other; `version` keeps a rewritten file from being stale.
@lru_cache(maxsize=8)
def _load_cached(path: Path, version: FileVersion) -> Detections:
    return predictions.load(path)


@lru_cache(maxsize=64)
def _threshold_of(path: Path, version: FileVersion) -> float | None:
    try:
        return predictions.load_threshold(path)
    except BadInput:
        return None

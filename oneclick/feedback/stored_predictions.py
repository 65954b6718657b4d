"""What models said of a clip: cut from what they said of the whole video, or of the clip alone."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from oneclick.core.clips import Clip
from oneclick.core.detections import Detections
from oneclick.core.errors import BadInput
from oneclick.core.spans import Span
from oneclick.storage import predictions
from oneclick.storage.workspace import Workspace

CLOSER = "-closer"
"""Behind the id of a model: what it said of windows around the first labels of a clip."""


def around(
    workspace: Workspace, clip: Clip, span: Span, model_id: str, classes: tuple[str, ...]
) -> Detections | None:
    """What a model said of a span of the clip's video, from its predictions of the whole video.

    None where there are none of these classes that can be read and reach so far.
    """
    whole = _stored(workspace.predictions(clip.video, model_id), classes)
    if whole is None or whole.length < span.stop:
        return None
    return replace(whole.cut(span), fps=clip.fps)


def inside(
    workspace: Workspace, clip: Clip, model_id: str, classes: tuple[str, ...]
) -> Detections | None:
    """What a model said of the clip, when it had seen only that; None as above."""
    found = _stored(workspace.clip_predictions(clip.id, model_id), classes)
    return found if found is not None and found.length == len(clip.span) else None


def best(
    workspace: Workspace, clip: Clip, model_id: str, classes: tuple[str, ...]
) -> Detections | None:
    """The closest look that a model has taken at a clip; None as above."""
    closer = inside(workspace, clip, model_id + CLOSER, classes)
    if closer is not None:
        return closer
    whole = around(workspace, clip, clip.span, model_id, classes)
    return inside(workspace, clip, model_id, classes) if whole is None else whole


def threshold(workspace: Workspace, clip: Clip, model_id: str) -> float | None:
    """Operating point at which it was said; None where nobody wrote that down."""
    files = (
        workspace.predictions(clip.video, model_id),
        workspace.clip_predictions(clip.id, model_id),
    )
    for path in files:
        if path.exists():
            return _threshold(path, path.stat().st_mtime_ns)
    return None


def _stored(path: Path, classes: tuple[str, ...]) -> Detections | None:
    try:
        found = _loaded(path, path.stat().st_mtime_ns)
    except (FileNotFoundError, BadInput):
        return None
    return found if found.names == classes else None


@lru_cache(maxsize=8)
def _loaded(path: Path, changed: int) -> Detections:
    # Clips of one video follow each other; `changed` keeps a rewritten file from being stale.
    return predictions.load(path)


@lru_cache(maxsize=64)
def _threshold(path: Path, changed: int) -> float | None:
    try:
        return predictions.threshold(path)
    except BadInput:
        return None

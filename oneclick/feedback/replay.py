"""What triggers look at, from stored predictions or from models that are at work."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from oneclick import hindsight
from oneclick.core.clips import Video
from oneclick.core.errors import BadInput
from oneclick.storage import predictions
from oneclick.storage.cards import Look
from oneclick.storage.workspace import Workspace
from oneclick.triggers.scene import Scene
from oneclick.triggers.streaming import Blocks, Chunk, SceneBlock

CHUNK = 2**14
"""Frames read at once."""
NOTHING = np.zeros(0, np.float32)


def replay(workspace: Workspace, video: Video, look: Look) -> Iterator[SceneBlock]:
    """The blocks of one Video from stored predictions: its own, the rival's, and what hindsight
    makes of both. What is held in memory does not grow with the Video.

    Raises:
        BadInput: in one line, if predictions are missing, damaged or not of these frames.
    """
    models = [model for model in (look.predictor, look.rival) if model]
    blocks = watch([model.threshold for model in models], video.width, video.height)
    try:
        for chunk in _chunks(workspace, video, [model.id for model in models]):
            yield from blocks.feed(chunk)
        yield from blocks.close()
    except ValueError as error:
        raise BadInput(
            f"{video.id}: {error}; delete its predictions and signals and run again"
        ) from None


def watch(limits: Sequence[float], width: float, height: float) -> Blocks:
    """Blocks of a video whose predictions arrive in chunks.

    Args:
        limits: operating points of the predictor and, if there is one, its rival.
        width, height: of the picture in px.
    """
    return Blocks(lambda chunk: scene(chunk, limits, width, height))


def scene(chunk: Chunk, limits: Sequence[float], width: float, height: float) -> Scene:
    """A Scene of a predictor, perhaps with its rival, and their labels by hindsight.

    Raises:
        ValueError: if the two are not of the same frames.
    """
    own, *others = chunk.parts
    other, limit = (others[0], limits[1]) if others else (None, 0.0)
    bare = Scene(own, limits[0], width, height, other, limit)
    seconds = [bare.rival] if bare.rival is not None else []
    labels = hindsight.label([own, *seconds], limits).detections
    return Scene(own, limits[0], width, height, other, limit, labels, chunk.signals)


def _chunks(workspace: Workspace, video: Video, models: Sequence[str]) -> Iterator[Chunk]:
    """Predictions and signals side by side; signals are those that are there."""
    said = [predictions.chunks(workspace.predictions(video.id, model), CHUNK) for model in models]
    signals = {
        path.stem: predictions.signal_chunks(path, CHUNK)
        for path in sorted(workspace.signals_dir(video.id).glob("*.parquet"))
    }
    while parts := [part for one in said if (part := next(one, None)) is not None]:
        if len(parts) < len(said):
            raise ValueError("the predictor and its rival must be of the same frames")
        values = {name: next(one, NOTHING) for name, one in signals.items()}
        yield Chunk(tuple(parts), values)

"""Input of the triggers, from stored predictions or from models that are running."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from oneclick import hindsight
from oneclick.core.clips import Video
from oneclick.core.errors import BadInput
from oneclick.storage import predictions
from oneclick.storage.cards import ModelPair
from oneclick.storage.workspace import Workspace
from oneclick.triggers import streaming
from oneclick.triggers.scene import Scene
from oneclick.triggers.streaming import BlockBuffer, PredictionChunk, SceneBlock

CHUNK_FRAMES = 2**14
"""Frames read at once."""
NO_SIGNAL = np.zeros(0, np.float32)


def replay_blocks(workspace: Workspace, video: Video, models: ModelPair) -> Iterator[SceneBlock]:
    """Yield the blocks of one Video from stored predictions, in constant memory.

    A block holds the predictions of the predictor and its rival, the turned looks of the predictor,
    and the labels that hindsight computes from the first two; it lies in one stretch.

    Raises:
        BadInput: in one line, if predictions are missing, damaged or not of these frames.
    """
    pair = [model for model in (models.predictor, models.rival) if model]
    thresholds = [model.threshold for model in pair]
    chunks = stored_chunks(workspace, video.id, models)
    try:
        blocks = StretchBlocks(thresholds, video.width, video.height)
        for _, own_chunks in streaming.by_stretch(chunks, video.stretches()):
            for chunk in own_chunks:
                yield from blocks.feed(chunk)
            yield from blocks.end_stretch()
    except ValueError as error:
        raise BadInput(
            f"{video.id}: {error}; delete its predictions and signals and run again"
        ) from None


class StretchBlocks:
    """The blocks of a video of several stretches, as its predictions arrive, live or from a file.

    Args:
        thresholds: operating points of the predictor and, if there is one, its rival.
        width, height: image size in px.
    """

    def __init__(self, thresholds: Sequence[float], width: float, height: float) -> None:
        self._new_buffer = partial(block_buffer, thresholds, width, height)
        self._buffer = self._new_buffer()
        self._start = self._stop = 0  # frames of the stretch, in the whole video

    def feed(self, chunk: PredictionChunk) -> Iterator[SceneBlock]:
        """Add frames of the stretch; yield the blocks that they complete, in frames of the video.

        Raises:
            ValueError: models and signals differ in length.
        """
        self._stop += chunk.length
        for block in self._buffer.feed(chunk):
            yield block.shifted(self._start)

    def end_stretch(self) -> Iterator[SceneBlock]:
        """Yield what remains of the stretch: before the next frame time jumps."""
        for block in self._buffer.close():
            yield block.shifted(self._start)
        self._buffer, self._start = self._new_buffer(), self._stop


def block_buffer(thresholds: Sequence[float], width: float, height: float) -> BlockBuffer:
    """Return a buffer that turns chunks of predictions into blocks.

    Args:
        thresholds: operating points of the predictor and, if there is one, its rival.
        width, height: image size in px.
    """
    return BlockBuffer(lambda chunk: build_scene(chunk, thresholds, width, height))


def build_scene(
    chunk: PredictionChunk, thresholds: Sequence[float], width: float, height: float
) -> Scene:
    """Return the Scene of a chunk, with the labels that hindsight computes from all its models.

    Args:
        chunk: predictions of the predictor and, if there is one, its rival.
        thresholds: operating point of each model.
        width, height: image size in px.

    Raises:
        ValueError: if the two are not of the same frames.
    """
    predictor, *rivals = chunk.parts
    scene = Scene(
        detections=predictor,
        threshold=thresholds[0],
        width=width,
        height=height,
        rival_detections=rivals[0] if rivals else None,
        rival_threshold=thresholds[1] if rivals else 0.0,
        turned_detections=chunk.turned,
    )
    parts = [predictor] if scene.rival is None else [predictor, scene.rival]
    labels = hindsight.label(parts, thresholds).detections
    return replace(scene, labels=labels, signals=chunk.signals)


def stored_chunks(
    workspace: Workspace, video_id: str, models: ModelPair
) -> Iterator[PredictionChunk]:
    """Yield the stored predictions of all models and looks side by side, with all stored signals.

    Raises:
        ValueError: the predictions differ in length.
        BadInput: in one line, if a file is missing or damaged.
    """
    streams = [
        predictions.load_chunks(workspace.predictions(video_id, name), CHUNK_FRAMES)
        for name in models.files
    ]
    signals = {
        path.stem: predictions.load_signal_chunks(path, CHUNK_FRAMES)
        for path in sorted(workspace.signals_dir(video_id).glob("*.parquet"))
    }
    while parts := [part for stream in streams if (part := next(stream, None)) is not None]:
        if len(parts) < len(streams):
            raise ValueError("all predictions must be of the same frames")
        values = {name: next(stream, NO_SIGNAL) for name, stream in signals.items()}
        turned = parts.pop() if models.turned else None
        yield PredictionChunk(tuple(parts), values, turned)

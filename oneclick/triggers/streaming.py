"""Processing of a video in blocks of fixed length as its predictions arrive, live or from a file.

Blocks begin at the same frames however the predictions are cut into chunks, and each is processed
together with some time before and after it, once that has arrived. So Hits are the same for any
chunking, and memory does not grow with the length of the video. A block keeps the part of a Hit
that lies inside it: a Hit across the end of a block comes in two parts.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from oneclick.core import detections
from oneclick.core.detections import Detections
from oneclick.core.hits import Hit
from oneclick.core.spans import Span
from oneclick.triggers.ruleset import RuleSet
from oneclick.triggers.scene import Scene

BLOCK_SECONDS = 1200.0
"""Length of a block."""
SECONDS_BEFORE, SECONDS_AFTER = 15.0, 75.0
"""Context around a block: longer than any trigger or hindsight looks back or ahead."""


@dataclass(frozen=True, eq=False)
class PredictionChunk:
    """Consecutive frames of a video as they arrive, counted from 0 at the start of the chunk."""

    parts: tuple[Detections, ...]
    """Detections by model: the predictor, then its rival if there is one."""
    signals: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    """One number per frame, `(length,)`, by name."""
    turned: Detections | None = None
    """Detections of the predictor in turned pictures, where it looked at them."""

    @property
    def length(self) -> int:
        """Return the number of frames."""
        return self.parts[0].length

    @property
    def all_parts(self) -> tuple[Detections, ...]:
        """Return the detections of all models and looks."""
        return self.parts if self.turned is None else (*self.parts, self.turned)

    def cut(self, span: Span) -> PredictionChunk:
        """Return the frames of a span of this chunk."""
        signals = {name: values[span.start : span.stop] for name, values in self.signals.items()}
        parts = tuple(part.cut(span) for part in self.parts)
        return PredictionChunk(parts, signals, self.turned and self.turned.cut(span))


SceneBuilder = Callable[[PredictionChunk], Scene]
"""Makes the input of the triggers from predictions."""


@dataclass(frozen=True, eq=False)
class SceneBlock:
    """One block of a video, with the context around it."""

    scene: Scene
    """Block and context."""
    start: int
    """Frame of the video at which the Scene begins."""
    core: Span
    """Frames of the video that belong to this block."""

    def find(self, rules: RuleSet) -> list[Hit]:
        """Return the Hits inside the block in order of time, in frames of the video."""
        core = Span(self.core.start - self.start, self.core.stop - self.start)
        hits = rules.scan(self.scene)
        inside = [part for hit in hits if (part := hit.within(core))]
        return [hit.shifted(self.start) for hit in sorted(inside, key=lambda hit: hit.order)]

    def shifted(self, frames: int) -> SceneBlock:
        """Return the block of a video in which it begins `frames` later."""
        core = Span(self.core.start + frames, self.core.stop + frames)
        return SceneBlock(self.scene, self.start + frames, core)

    @property
    def visible(self) -> NDArray[np.intp]:
        """Return the number of the predictor's boxes in each frame of the block."""
        return self.scene.visible[self.core.start - self.start : self.core.stop - self.start]


class BlockBuffer:
    """Buffer that collects the chunks of one video and releases each block once it is complete."""

    def __init__(self, build_scene: SceneBuilder) -> None:
        self._build_scene = build_scene
        self._chunks: list[PredictionChunk] = []
        self._start = 0  # frame of the video at which the first buffered chunk begins
        self._stop = 0  # frames that have arrived
        self._next = 0  # number of the next block

    def feed(self, chunk: PredictionChunk) -> Iterator[SceneBlock]:
        """Add a chunk and yield the blocks that it completes.

        Raises:
            ValueError: if models and signals differ in length.
        """
        for length in (
            *(part.length for part in chunk.all_parts),
            *map(len, chunk.signals.values()),
        ):
            if length != chunk.length:
                raise ValueError(
                    f"models and signals must be of the same frames: {chunk.length} and {length}"
                )
        if chunk.length:
            self._chunks.append(chunk)
            self._stop += chunk.length
        while self._chunks and self._stop >= self._context(self._next).stop:
            yield self._release()

    def close(self) -> Iterator[SceneBlock]:
        """Yield the remaining blocks at the end of the video."""
        while self._chunks and self._core(self._next).start < self._stop:
            yield self._release()

    def _release(self) -> SceneBlock:
        """Return the next block and drop the frames that later blocks do not need."""
        core, context = self._core(self._next), self._context(self._next)
        span = Span(context.start, min(context.stop, self._stop))
        buffer = join_chunks(self._chunks)
        scene = self._build_scene(
            buffer.cut(Span(span.start - self._start, span.stop - self._start))
        )
        self._next += 1
        first = min(self._context(self._next).start, self._stop) - self._start
        self._chunks = [buffer.cut(Span(first, buffer.length))] if first < buffer.length else []
        self._start += first
        return SceneBlock(scene, span.start, Span(core.start, min(core.stop, self._stop)))

    def _core(self, number: int) -> Span:
        size = self._frames(BLOCK_SECONDS)
        return Span(number * size, (number + 1) * size)

    def _context(self, number: int) -> Span:
        core = self._core(number)
        before, after = self._frames(SECONDS_BEFORE), self._frames(SECONDS_AFTER)
        return Span(max(0, core.start - before), core.stop + after)

    def _frames(self, seconds: float) -> int:
        return max(1, round(seconds * self._chunks[0].parts[0].fps))


def by_stretch(
    chunks: Iterable[PredictionChunk], stretches: Sequence[Span]
) -> Iterator[tuple[Span, Iterator[PredictionChunk]]]:
    """Yield each stretch of a video with the chunks that lie in it, cut where it ends.

    The chunks of a stretch have to be taken before the next stretch.
    """
    remaining = iter(chunks)
    rest: PredictionChunk | None = None

    def within(length: int) -> Iterator[PredictionChunk]:
        nonlocal rest
        while length and (chunk := rest or next(remaining, None)):
            own = min(length, chunk.length)
            rest = chunk.cut(Span(own, chunk.length)) if own < chunk.length else None
            length -= own
            yield chunk.cut(Span(0, own)) if rest else chunk

    for stretch in stretches[:-1]:
        yield stretch, within(len(stretch))
    if stretches:  # what is left over shows that the predictions are not of these frames
        last = itertools.chain([rest] if rest else [], remaining)
        yield stretches[-1], last


def join_chunks(chunks: Sequence[PredictionChunk]) -> PredictionChunk:
    """Concatenate consecutive chunks of one video."""
    if len(chunks) == 1:
        return chunks[0]
    parts = zip(*(chunk.parts for chunk in chunks), strict=True)
    names = chunks[0].signals
    signals = {name: np.concatenate([chunk.signals[name] for chunk in chunks]) for name in names}
    turned = [chunk.turned for chunk in chunks if chunk.turned is not None]
    return PredictionChunk(
        tuple(map(detections.join_consecutive, parts)),
        signals,
        detections.join_consecutive(turned) if turned else None,
    )

"""A video in blocks of fixed length, looked at as its predictions arrive, live or from a file.

Blocks begin at the same frames however the predictions are cut into chunks, and each is looked at
together with some time before and after it, once that has arrived: so Hits are the same for any
chunking, and memory does not grow with the length of the video. A Hit is kept as far as it lies in
its block: one that lasts over the end of a block comes in two parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from oneclick.core import detections
from oneclick.core.detections import Detections
from oneclick.core.hits import Hit
from oneclick.core.spans import Span
from oneclick.triggers import Trigger
from oneclick.triggers.scene import Scene

SECONDS = 1200.0
"""Length of a block."""
BEFORE, AFTER = 15.0, 75.0
"""Seconds around a block: longer than anything that a trigger or hindsight looks back or ahead."""


@dataclass(frozen=True, eq=False)
class Chunk:
    """Some frames of a video as they arrive; frames are counted from its own start."""

    parts: tuple[Detections, ...]
    """What each model says: the predictor, then its rival if there is one."""
    signals: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    """One number per frame, by name."""

    @property
    def length(self) -> int:
        """Frames."""
        return self.parts[0].length

    def cut(self, span: Span) -> Chunk:
        """The frames of a span."""
        signals = {name: values[span.start : span.stop] for name, values in self.signals.items()}
        return Chunk(tuple(part.cut(span) for part in self.parts), signals)


Look = Callable[[Chunk], Scene]
"""How predictions become what triggers look at."""


@dataclass(frozen=True, eq=False)
class SceneBlock:
    """A piece of a video, and what stands around it."""

    scene: Scene
    start: int
    """Frame of the video at which the Scene begins."""
    core: Span
    """Frames of the video that this block answers for."""

    def find(self, rules: Sequence[Trigger]) -> list[Hit]:
        """Hits inside the block, in order of time, in frames of the video."""
        core = Span(self.core.start - self.start, self.core.stop - self.start)
        found = [hit for rule in rules for hit in rule.find(self.scene)]
        inside = [part for hit in found if (part := hit.within(core))]
        return [hit.shifted(self.start) for hit in sorted(inside, key=lambda hit: hit.order)]

    @property
    def visible(self) -> NDArray[np.intp]:
        """Boxes of the predictor in each frame of the block."""
        return self.scene.visible[self.core.start - self.start : self.core.stop - self.start]


class Blocks:
    """The blocks of one video, each as soon as all of it has arrived."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._chunks: list[Chunk] = []
        self._start = 0  # frame of the video at which the first kept chunk begins
        self._stop = 0  # frames that have arrived
        self._next = 0  # number of the next block

    def feed(self, chunk: Chunk) -> Iterator[SceneBlock]:
        """Blocks that a chunk completes.

        Raises:
            ValueError: if the models do not speak of the same frames.
        """
        _check(chunk)
        if chunk.length:
            self._chunks.append(chunk)
            self._stop += chunk.length
        while self._chunks and self._stop >= self._context(self._next).stop:
            yield self._block()

    def close(self) -> Iterator[SceneBlock]:
        """What is left when the video is over."""
        while self._chunks and self._core(self._next).start < self._stop:
            yield self._block()

    def _block(self) -> SceneBlock:
        core, around = self._core(self._next), self._context(self._next)
        span = Span(around.start, min(around.stop, self._stop))
        held = _joined(self._chunks)
        scene = self._look(held.cut(Span(span.start - self._start, span.stop - self._start)))
        self._next += 1
        self._forget(held)
        return SceneBlock(scene, span.start, Span(core.start, min(core.stop, self._stop)))

    def _forget(self, held: Chunk) -> None:
        """Keep only what later blocks look at."""
        first = min(self._context(self._next).start, self._stop) - self._start
        self._chunks = [held.cut(Span(first, held.length))] if first < held.length else []
        self._start += first

    def _core(self, number: int) -> Span:
        size = self._frames(SECONDS)
        return Span(number * size, (number + 1) * size)

    def _context(self, number: int) -> Span:
        core = self._core(number)
        return Span(max(0, core.start - self._frames(BEFORE)), core.stop + self._frames(AFTER))

    def _frames(self, seconds: float) -> int:
        return max(1, round(seconds * self._chunks[0].parts[0].fps))


def _check(chunk: Chunk) -> None:
    for length in (*(part.length for part in chunk.parts), *map(len, chunk.signals.values())):
        if length != chunk.length:
            raise ValueError(
                f"models and signals must be of the same frames: {chunk.length} and {length}"
            )


def _joined(chunks: Sequence[Chunk]) -> Chunk:
    """Chunks that follow each other as one."""
    if len(chunks) == 1:
        return chunks[0]
    parts = zip(*(chunk.parts for chunk in chunks), strict=True)
    names = chunks[0].signals
    signals = {name: np.concatenate([chunk.signals[name] for chunk in chunks]) for name in names}
    return Chunk(tuple(map(detections.joined, parts)), signals)

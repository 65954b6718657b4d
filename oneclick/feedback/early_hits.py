"""Hits of a stretch that is still going on, at a cost that does not grow with its length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from oneclick.core.hits import Hit
from oneclick.core.spans import Span
from oneclick.feedback import replay
from oneclick.triggers import streaming
from oneclick.triggers.ruleset import RuleSet
from oneclick.triggers.scene import Scene
from oneclick.triggers.streaming import PredictionChunk, SceneBlock

SLACK_SECONDS = 10.0
"""Time by which frames may be settled later, so that fewer Hits come in two parts."""


@dataclass(frozen=True)
class EarlyHits:
    """What one search of the newest frames found, in frames of the stretch."""

    settled: list[Hit]
    """Hits that later searches do not look at again."""
    open: list[Hit]
    """Hits as they stand now: they may grow, and what comes next may explain one away."""


class EarlyScanner:
    """Triggers over the newest frames of a stretch, as if it ended now.

    A frame is searched again with each search until `seconds_after` have followed it, always with
    the context that a block of a replay has before it; then its Hits are settled. With the seconds
    after of a block, settled Hits differ from those of a replay only where hindsight learns from
    frames that are farther away.

    Args:
        rules: the triggers.
        thresholds: operating points of the predictor and, if there is one, its rival.
        width, height: image size in px.
        seconds_after: time until a frame is settled.
    """

    def __init__(
        self,
        rules: RuleSet,
        thresholds: Sequence[float],
        width: float,
        height: float,
        seconds_after: float = streaming.SECONDS_AFTER,
    ) -> None:
        self._rules, self._thresholds = rules, thresholds
        self._width, self._height, self._seconds_after = width, height, seconds_after
        self._chunks: list[PredictionChunk] = []
        self._start = 0  # frame of the stretch at which the first buffered chunk begins
        self._stop = 0  # frames that have arrived
        self._settled_stop = 0

    def feed(self, chunk: PredictionChunk) -> None:
        """Add frames of the stretch."""
        if chunk.length:
            self._chunks.append(chunk)
            self._stop += chunk.length

    def find(self, fps: float | None = None) -> EarlyHits:
        """Search the frames that are not settled.

        Args:
            fps: frames per second of the frames so far, where it is better known than when they
                were fed.

        Raises:
            ValueError: models and signals differ in length.
        """
        if not self._chunks:
            return EarlyHits([], [])
        buffer = streaming.join_chunks(self._chunks)
        scene = replay.build_scene(
            buffer if fps is None else _at_rate(buffer, fps),
            self._thresholds,
            self._width,
            self._height,
        )
        core = Span(self._settled_stop, self._stop)
        hits = SceneBlock(scene, self._start, core).find(self._rules)
        settled_stop = self._next_settled(hits, scene)
        first = max(self._start, settled_stop - scene.frames(streaming.SECONDS_BEFORE))
        self._chunks = [buffer.cut(Span(first - self._start, buffer.length))]
        self._start, self._settled_stop = first, settled_stop
        return EarlyHits(
            _inside(hits, core.start, settled_stop), _inside(hits, settled_stop, core.stop)
        )

    def _next_settled(self, hits: Sequence[Hit], scene: Scene) -> int:
        """Return the frame from which on frames are searched again: where fewest Hits are cut."""
        latest = self._stop - scene.frames(self._seconds_after)
        first = max(self._settled_stop, latest - scene.frames(SLACK_SECONDS))
        if latest <= first:
            return self._settled_stop
        starts = np.array([hit.span.start for hit in hits], np.intp)
        stops = np.array([hit.span.stop for hit in hits], np.intp)
        places = np.arange(latest, first, -1)
        cuts = [np.count_nonzero((starts < place) & (place < stops)) for place in places]
        return int(places[np.argmin(cuts)])


def _at_rate(chunk: PredictionChunk, fps: float) -> PredictionChunk:
    """Return a chunk as one of `fps` frames per second."""
    parts = tuple(replace(part, fps=fps) for part in chunk.parts)
    return PredictionChunk(parts, chunk.signals, chunk.turned and replace(chunk.turned, fps=fps))


def _inside(hits: Sequence[Hit], start: int, stop: int) -> list[Hit]:
    """Return the parts of Hits in `[start, stop)`, which may be empty."""
    if start >= stop:
        return []
    return [part for hit in hits if (part := hit.within(Span(start, stop)))]

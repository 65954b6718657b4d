"""Candidate windows: every place where a clip could lie, and greedy choice among those free."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from oneclick.core.spans import Span

Order = NDArray[np.intp]
Neighbours = Callable[[int], tuple[int, int]]
"""Half-open range of places around a place."""
Accept = Callable[[int], bool]
"""Decides whether a place may be chosen; an accepted place counts as chosen."""

SCORE_RESOLUTION = 1e-6
"""Window scores closer than this are equal: sums of floats differ in the last digits."""


@dataclass(frozen=True, kw_only=True)
class PartWindows:
    """All windows of one part of one video; window k starts at frame `part.start + k`."""

    video: str
    part: Span
    size: int
    """Frames of a window, at most those of the part."""
    gap: int
    """Smallest number of frames between two chosen windows."""
    fps: float
    existing_clips: tuple[Span, ...] = ()
    """Spans of the video that are clips already."""

    @property
    def seconds(self) -> float:
        """Return the length of the part in seconds."""
        return len(self.part) / self.fps

    @property
    def count(self) -> int:
        """Return the number of windows."""
        return len(self.part) - self.size + 1


class WindowPool:
    """The windows of all parts, numbered from 0 in one row, and which of them are free."""

    def __init__(self, parts: Sequence[PartWindows]) -> None:
        self.parts = parts
        self.base = np.cumsum([0, *(part.count for part in parts)])
        self.free = bytearray(b"\1") * int(self.base[-1])
        for number, part in enumerate(parts):
            for span in part.existing_clips:
                first = span.start - part.gap - part.size + 1 - part.part.start
                low, high = self._range(number, first, span.stop + part.gap - part.part.start)
                self.free[low:high] = bytes(high - low)

    def take(self, order: Order, count: int, accept: Accept | None = None) -> list[int]:
        """Choose the first `count` free windows of `order` that do not exclude each other.

        Where `accept` refuses a window, the windows that share half of it are skipped unasked.
        """

        def excluded(k: int) -> tuple[int, int]:
            number, window = self._place(k)
            reach = self.parts[number].size + self.parts[number].gap
            return self._range(number, window - reach + 1, window + reach)

        def similar(k: int) -> tuple[int, int]:
            number, window = self._place(k)
            reach = self.parts[number].size // 2
            return self._range(number, window - reach, window + reach + 1)

        return pick_greedily(order, self.free, count, excluded, accept, similar)

    def locate(self, k: int) -> tuple[int, Span]:
        """Return the number of the part and the frames of window k."""
        number, window = self._place(k)
        part = self.parts[number]
        start = part.part.start + window
        return number, Span(start, start + part.size)

    def _range(self, number: int, first: int, stop: int) -> tuple[int, int]:
        """Clip windows [first, stop) of one part to it; return them as places in the row."""
        low, high = int(self.base[number]), int(self.base[number + 1])
        return min(max(low + first, low), high), min(max(low + stop, low), high)

    def _place(self, k: int) -> tuple[int, int]:
        """Return the number of the part, and the window's number in it."""
        number = int(np.searchsorted(self.base, k, "right")) - 1
        return number, k - int(self.base[number])


def pick_greedily(
    order: Order,
    free: bytearray,
    count: int,
    excluded: Neighbours,
    accept: Accept | None = None,
    similar: Neighbours | None = None,
) -> list[int]:
    """Choose the first `count` free places of `order`.

    Args:
        order: places, best first.
        free: one byte per place, 0 where it is not free; each choice clears its neighbours.
        count: largest number of places.
        excluded: range of places that a choice makes unfree.
        accept: may refuse a place, which stays free for later calls.
        similar: range of places that are skipped with a refused one.
    """
    places: list[int] = []
    refused = bytearray(len(free)) if accept else free
    for k in order.tolist() if count > 0 else ():
        if not free[k] or (accept and refused[k]):
            continue
        if accept and similar and not accept(k):
            first, stop = similar(k)
            refused[first:stop] = b"\1" * (stop - first)
            continue
        first, stop = excluded(k)
        free[first:stop] = bytes(stop - first)
        places.append(k)
        if len(places) == count:
            break
    return places


def random_order(parts: Sequence[PartWindows], seed: int) -> Order:
    """Return all windows in random order; the order within a video ignores the other videos.

    A part comes up in proportion to its frames, however few windows they make: all video has the
    same chance. The first of independent exponential times is drawn in proportion to the rates.
    """
    times = []
    for part in parts:
        text = f"{seed}/{part.video}/{part.part.start}"
        key = int.from_bytes(sha256(text.encode()).digest()[:8], "big")
        mean = part.count / len(part.part)
        times.append(np.random.default_rng(key).exponential(mean, part.count))
    return np.argsort(np.concatenate(times), kind="stable")


def best_first_order(parts: Sequence[PartWindows], scores: Sequence[NDArray[np.float64]]) -> Order:
    """Return the windows whose frame scores sum to more than 0, highest sum first.

    Among equal sums, the window whose middle is nearest to the scores' centre of mass comes first.

    Args:
        parts: windows to order.
        scores: for each part, the scores of all frames of its video.
    """
    sums, offsets = zip(*map(window_scores, parts, scores), strict=True)
    score = np.round(np.concatenate(sums) / SCORE_RESOLUTION)
    offset = np.concatenate(offsets)
    positive = np.flatnonzero(score > 0)
    order: Order = positive[np.lexsort((positive, offset[positive], -score[positive]))]
    return order


def window_scores(
    part: PartWindows, scores: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the sum of scores of each window, and the distance of its middle to their centre.

    Args:
        part: windows, `(count,)` of them.
        scores: scores of all frames of the video.

    Returns:
        Sums `(count,)`, and distances `(count,)` in seconds, rounded to milliseconds.
    """
    values = scores[part.part.start : part.part.stop]
    at = np.arange(len(values))
    mass = np.cumsum(np.append(0, values))
    moment = np.cumsum(np.append(0, values * at))
    sums = mass[part.size :] - mass[: -part.size]
    centre = (moment[part.size :] - moment[: -part.size]) / np.maximum(sums, SCORE_RESOLUTION)
    middle = at[: part.count] + (part.size - 1) / 2
    return sums, np.round(np.abs(centre - middle) / part.fps, 3)

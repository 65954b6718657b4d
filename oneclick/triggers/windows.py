"""All places where a clip could lie, and which of them still exclude nothing that was chosen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from oneclick.core.spans import Span

Order = NDArray[np.intp]
Near = Callable[[int], tuple[int, int]]
"""First place and stop of those around a place."""
Judge = Callable[[int], bool]
"""Whether a place may be taken; what it allows is taken."""

FINEST = 1e-6
"""Window scores closer than this are equal: sums of floats differ in the last digits."""


@dataclass(frozen=True)
class Lane:
    """All windows of one part of one video; window k starts at frame `part.start + k`."""

    video: str
    part: Span
    size: int
    """Frames of a window, at most those of the part."""
    gap: int
    """Least frames between two chosen windows."""
    fps: float
    taken: tuple[Span, ...] = ()
    """Spans of the video that are used already."""

    @property
    def seconds(self) -> float:
        """Length of its part."""
        return len(self.part) / self.fps

    @property
    def windows(self) -> int:
        """How many there are."""
        return len(self.part) - self.size + 1


class Board:
    """The windows of all lanes in one row, numbered from 0, and which are still free."""

    def __init__(self, lanes: Sequence[Lane]) -> None:
        self.lanes = lanes
        self.base = np.cumsum([0, *(lane.windows for lane in lanes)])
        self.free = bytearray(b"\1") * int(self.base[-1])
        for number, lane in enumerate(lanes):
            for span in lane.taken:
                first = span.start - lane.gap - lane.size + 1 - lane.part.start
                low, high = self._range(number, first, span.stop + lane.gap - lane.part.start)
                self.free[low:high] = bytes(high - low)

    def take(self, order: Order, count: int, judge: Judge | None = None) -> list[int]:
        """The first `count` free windows of `order` that do not exclude each other.

        Where `judge` refuses a window, those that share half of it are not asked about.
        """
        return walk(order, self.free, count, self._near, judge, self._beside)

    def where(self, k: int) -> tuple[int, Span]:
        """The lane and the frames of window k."""
        number, window = self._place(k)
        lane = self.lanes[number]
        start = lane.part.start + window
        return number, Span(start, start + lane.size)

    def _near(self, k: int) -> tuple[int, int]:
        """Windows that k excludes."""
        number, window = self._place(k)
        reach = self.lanes[number].size + self.lanes[number].gap
        return self._range(number, window - reach + 1, window + reach)

    def _beside(self, k: int) -> tuple[int, int]:
        """Windows that share at least half of k."""
        number, window = self._place(k)
        reach = self.lanes[number].size // 2
        return self._range(number, window - reach, window + reach + 1)

    def _range(self, number: int, first: int, stop: int) -> tuple[int, int]:
        """Windows [first, stop) of one lane, limited to it, as places in the row."""
        low, high = int(self.base[number]), int(self.base[number + 1])
        return min(max(low + first, low), high), min(max(low + stop, low), high)

    def _place(self, k: int) -> tuple[int, int]:
        number = int(np.searchsorted(self.base, k, "right")) - 1
        return number, k - int(self.base[number])


def walk(
    order: Order,
    free: bytearray,
    count: int,
    near: Near,
    judge: Judge | None = None,
    beside: Near | None = None,
) -> list[int]:
    """The first `count` free places of `order`; each one taken makes all those near it unfree.

    A place that `judge` refuses is passed over here, with all beside it, but stays free.
    """
    taken: list[int] = []
    refused = bytearray(len(free)) if judge else free
    for k in order.tolist() if count > 0 else ():
        if not free[k] or (judge and refused[k]):
            continue
        if judge and beside and not judge(k):
            first, stop = beside(k)
            refused[first:stop] = b"\1" * (stop - first)
            continue
        first, stop = near(k)
        free[first:stop] = bytes(stop - first)
        taken.append(k)
        if len(taken) == count:
            break
    return taken


def at_random(lanes: Sequence[Lane], seed: int) -> Order:
    """All windows in random order; a window's luck does not depend on other videos.

    A lane comes up by its frames, however few windows they make: all time has the same chance.
    """
    luck = np.concatenate([_luck(lane, seed) for lane in lanes])
    return np.argsort(luck, kind="stable")


def best_first(lanes: Sequence[Lane], scores: Sequence[NDArray[np.float64]]) -> Order:
    """Windows whose frame scores sum to more than 0, best first.

    Of equal ones that comes first which has the centre of its scores nearest to its middle.
    `scores` holds the frames of the whole video for each lane.
    """
    worth, off = zip(*map(_worth, lanes, scores), strict=True)
    score, aside = np.round(np.concatenate(worth) / FINEST), np.concatenate(off)
    some = np.flatnonzero(score > 0)
    order: Order = some[np.lexsort((some, aside[some], -score[some]))]
    return order


def _luck(lane: Lane, seed: int) -> NDArray[np.float64]:
    text = f"{seed}/{lane.video}/{lane.part.start}"
    key = int.from_bytes(sha256(text.encode()).digest()[:8], "big")
    # The first of independent exponential times is drawn in proportion to the rates.
    wait = np.random.default_rng(key).exponential(lane.windows / len(lane.part), lane.windows)
    return np.asarray(wait)


def _worth(
    lane: Lane, scores: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Per window: sum of its scores, and seconds from its middle to their centre of mass."""
    part = scores[lane.part.start : lane.part.stop]
    at = np.arange(len(part))
    mass = np.cumsum(np.append(0, part))
    moment = np.cumsum(np.append(0, part * at))
    worth = mass[lane.size :] - mass[: -lane.size]
    centre = (moment[lane.size :] - moment[: -lane.size]) / np.maximum(worth, FINEST)
    middle = at[: lane.windows] + (lane.size - 1) / 2
    return worth, np.round(np.abs(centre - middle) / lane.fps, 3)

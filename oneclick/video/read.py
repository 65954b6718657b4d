"""Frames out of a video file, by number."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from oneclick.core.spans import Span
from oneclick.video import source
from oneclick.video.index import Index, index

_KEYS_TO_TRY = 2
"""Key frames to start from before the file is decoded from its beginning."""


def frames(path: Path, span: Span | None = None) -> Iterator[NDArray[np.uint8]]:
    """Upright pictures, (H, W, 3) uint8 RGB, of the frames in `span` (default: all).

    One frame is held at a time. A span that reaches past the end yields what there is, as a slice
    does. Where a frame of a damaged file is lost though its packet looked sound, the frame before
    stands in, so that all others keep their number.

    Raises:
        BadVideo: the file cannot be opened or has no frame.
    """
    found = index(path)
    for picture in pictures(path, span):
        yield upright(picture, found)


def pictures(path: Path, span: Span | None = None) -> Iterator[VideoFrame]:
    """The same frames as they are stored: not rotated, not cropped, not converted."""
    found = index(path)
    start, stop = (span.start, span.stop) if span else (0, found.info.frames)
    if start >= found.info.frames:
        return
    if found.times is None:
        yield from _counted(path, start, stop)
        return
    times = found.times[start:stop]
    for key in _starting_points(found, int(times[0])):
        yielded = False
        for picture in _timed(path, key, times):
            yielded = True
            yield picture
        if yielded:
            return


def upright(picture: VideoFrame, found: Index, layout: str = "rgb24") -> NDArray[np.uint8]:
    """A stored picture as an (H, W, 3) array: cropped, rotated, RGB or `bgr24`."""
    width, height = found.coded
    image = picture.to_ndarray(format=layout, width=width, height=height)
    if found.quarter_turns:
        image = np.rot90(image, found.quarter_turns)
    return np.ascontiguousarray(image[: found.info.height, : found.info.width])


def _counted(path: Path, start: int, stop: int) -> Iterator[VideoFrame]:
    with source.opened(path, threads=1) as (container, stream):
        yield from itertools.islice(source.decode(container, stream), start, stop)


def _starting_points(found: Index, time: int) -> list[int | None]:
    """Times to seek to, nearest first; None is the start of the file."""
    before = found.keys[: np.searchsorted(found.keys, time, side="right")]
    nearest = before[::-1][:_KEYS_TO_TRY].tolist()
    return [*(key for key in nearest if key > found.keys[0]), None]


def _timed(path: Path, key: int | None, times: NDArray[np.int64]) -> Iterator[VideoFrame]:
    """One frame for each of `times`; none at all if the first cannot be had from `key`.

    Frames that the decoder swallows are replaced by the one before.
    """
    with source.opened(path) as (container, stream):
        if key is not None:
            container.seek(key, stream=stream)
        last: VideoFrame | None = None
        at = 0
        for picture in source.decode(container, stream):
            shown = times[at] if picture.pts is None else picture.pts
            missing = int(np.searchsorted(times[at:], shown))
            if missing and last is None:
                return
            yield from itertools.repeat(last, missing)
            at += missing
            if at < len(times) and times[at] == shown:
                yield picture
                at += 1
            if at == len(times):
                return
            last = picture
        if last is not None:
            yield from itertools.repeat(last, len(times) - at)

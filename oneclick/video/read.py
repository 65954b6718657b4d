"""Frames of a video file, by number."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from oneclick.core.spans import Span
from oneclick.video import source
from oneclick.video.index import FrameIndex, read_index

_KEYS_TO_TRY = 2
"""Keyframes that are tried before the file is decoded from its beginning."""


def frames(path: Path, span: Span | None = None) -> Iterator[NDArray[np.uint8]]:
    """Yield upright pictures, (H, W, 3) uint8 RGB, of the frames in `span` (default: all).

    One frame is held at a time. A span that reaches past the end yields the frames there are, as a
    slice does. Where a damaged frame does not decode though its packet looked intact, the frame
    before it takes its place, so that all other frames keep their number.

    Raises:
        BadVideo: the file cannot be opened or has no frame.
    """
    index = read_index(path)
    for picture in pictures(path, span):
        yield upright(picture, index)


def pictures(path: Path, span: Span | None = None) -> Iterator[VideoFrame]:
    """Yield the same frames as they are stored: not rotated, cropped or converted."""
    index = read_index(path)
    start, stop = (span.start, span.stop) if span else (0, index.info.frames)
    if start >= index.info.frames:
        return
    if index.times is None:
        with source.open_video(path, threads=1) as (container, stream):
            yield from itertools.islice(source.decode(container, stream), start, stop)
        return
    times = index.times[start:stop]
    keys = index.keys[: np.searchsorted(index.keys, int(times[0]), side="right")]
    nearest = keys[::-1][:_KEYS_TO_TRY].tolist()
    for key in [*(key for key in nearest if key > index.keys[0]), None]:
        yielded = False
        for picture in pictures_at(path, key, times):
            yielded = True
            yield picture
        if yielded:
            return


def upright(picture: VideoFrame, index: FrameIndex, layout: str = "rgb24") -> NDArray[np.uint8]:
    """Convert a stored picture to an (H, W, 3) array: cropped, rotated, RGB or `bgr24`."""
    width, height = index.coded
    image = picture.to_ndarray(format=layout, width=width, height=height)
    if index.quarter_turns:
        image = np.rot90(image, index.quarter_turns)
    return np.ascontiguousarray(image[: index.info.height, : index.info.width])


def pictures_at(path: Path, key: int | None, times: NDArray[np.int64]) -> Iterator[VideoFrame]:
    """Yield one stored picture for each presentation time, decoding from a keyframe.

    A frame that the decoder drops is replaced by the one before; nothing is yielded if this
    happens to the first.

    Args:
        path: the file.
        key: time of the keyframe; None is the start of the file.
        times: ascending times in stream ticks.
    """
    with source.open_video(path) as (container, stream):
        if key is not None:
            container.seek(key, stream=stream)
        last: VideoFrame | None = None
        at = 0
        for picture in source.decode(container, stream):
            time = times[at] if picture.pts is None else picture.pts
            dropped = int(np.searchsorted(times[at:], time))
            if dropped and last is None:
                return
            yield from itertools.repeat(last, dropped)
            at += dropped
            if at < len(times) and times[at] == time:
                yield picture
                at += 1
            if at == len(times):
                return
            last = picture
        if last is not None:
            yield from itertools.repeat(last, len(times) - at)

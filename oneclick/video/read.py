"""Frames of a video file, by number."""

from __future__ import annotations

import contextlib
import itertools
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from oneclick.core.errors import BadVideo
from oneclick.core.spans import Span
from oneclick.video import packets, source, stamps
from oneclick.video.frame_index import FrameIndex
from oneclick.video.index import read_index

_KEYS_TO_TRY = 2
"""Packets from which decoding is tried before it starts at the beginning."""
_FAULTS_COME_LATE = ("hevc",)
"""Codecs whose decoder, on several threads, tells of a fault after it has given the picture out."""
_MOST_REPEATED = 25
"""Frames in a row that may fail to decode without the whole video counting as unreadable."""


def frames(path: Path, span: Span | None = None, step: int = 1) -> Iterator[NDArray[np.uint8]]:
    """Yield shown pictures, (H, W, 3) uint8 RGB, of the frames in `span` (default: all).

    With a `step` of n only every n-th of them is converted and yielded, from the first on.

    One frame is held at a time. A span that reaches past the end yields the frames there are, as a
    slice does. Where a frame does not decode though its packet looked intact, the frame before it
    takes its place, so that all other frames keep their number; `cut` refuses such frames.

    Raises:
        BadVideo: the file cannot be opened, has no frame, or many in a row do not decode.
    """
    index = read_index(path)
    for picture in itertools.islice(pictures(path, span), None, None, step):
        yield index.presentation.show(picture)


def pictures(path: Path, span: Span | None = None, exact: bool = False) -> Iterator[VideoFrame]:
    """Yield the same frames as they are stored: not turned, cropped or converted.

    Args:
        path: the file.
        span: the frames.
        exact: whether a frame that does not decode, or not without a fault, is an error.

    Raises:
        BadVideo: as `frames`, or because of `exact`.
    """
    index = read_index(path)
    start, stop = (span.start, span.stop) if span else (0, index.info.frames)
    stop = min(stop, index.info.frames)
    if start >= stop:
        return
    waiting, last = start, None
    for key in _starts(index, start):
        latest = -1
        for number, picture in _decoded(path, index, key, exact):
            if exact and number < latest:  # the decoder knows another order
                _check_missing(path, Span(number, latest + 1), exact)
            latest = number
            if number < waiting:
                continue
            if number > waiting and last is None and key is not None:
                break  # the frames before it do not decode from here
            missing = Span(waiting, number) if number > waiting else None
            if missing:
                _check_missing(path, missing, exact)
                yield from itertools.repeat(last or picture, len(missing))
            yield picture
            waiting, last = number + 1, picture
            if waiting == stop:
                return
        if last is not None:
            break
    if waiting < stop:
        _check_missing(path, Span(waiting, stop), exact or last is None)
        yield from itertools.repeat(last, stop - waiting)  # type: ignore[arg-type]


def _starts(index: FrameIndex, start: int) -> list[int | None]:
    """Return the packets to start decoding at, best first; None is the start of the file."""
    keys = index.keys
    before = keys[(keys <= index.order[start]) & (index.frame_of_packet[keys] <= start)]
    return [*(int(key) for key in before[::-1][:_KEYS_TO_TRY] if key > 0), None]


def _decoded(
    path: Path, index: FrameIndex, key: int | None, exact: bool
) -> Iterator[tuple[int, VideoFrame]]:
    """Yield frame numbers and stored pictures from a key packet on.

    Nothing more is yielded where a seek goes astray.
    """
    is_strict = index.strict and (exact or index.is_decoded)
    is_single = index.is_decoded or (is_strict and index.codec in _FAULTS_COME_LATE)
    with source.open_video(path, threads=int(is_single)) as (container, stream):
        decoder = packets.Decoder(stream, is_strict)
        numbered = (
            packets.packets_of(container, stream)
            if key is None
            else packets.packets_from(container, stream, index.table, key)
        )
        decoded = _until_astray(decoder, numbered, index)
        for number, picture in _settled(decoder, decoded, index, key or 0) if exact else decoded:
            if (frame := int(index.frame_of_packet[number])) >= 0:
                yield frame, picture


def _until_astray(
    decoder: packets.Decoder,
    numbered: Iterator[tuple[int, Packet[VideoStream]]],
    index: FrameIndex,
) -> Iterator[tuple[int, VideoFrame]]:
    with contextlib.suppress(packets.Astray):
        for number, packet in numbered:
            yield from decoder.decode_row(number, packet, index.table)
        yield from decoder.drain()


def _settled(
    decoder: packets.Decoder,
    decoded: Iterator[tuple[int, VideoFrame]],
    index: FrameIndex,
    first: int,
) -> Iterator[tuple[int, VideoFrame]]:
    """Hold pictures back until all that they may refer to have come; leave out the spoilt.

    Args:
        decoder: that decodes.
        decoded: numbers of packets, and their pictures.
        index: of the file.
        first: packet at which decoding starts.
    """
    waiting: deque[tuple[int, VideoFrame]] = deque()
    latest, missing = -1, first  # pictures come in order, so all before the latest are past
    for number, picture in decoded:
        waiting.append((number, picture))
        latest = max(latest, int(index.frame_of_packet[number]))
        while missing < len(index.table) and index.frame_of_packet[missing] <= latest:
            missing += 1
        while waiting and (waiting[0][0] < missing or len(waiting) > stamps.MOST_REORDERED):
            if not decoder.is_spoilt(waiting[0][0]):
                yield waiting[0]
            waiting.popleft()
    yield from (pair for pair in waiting if not decoder.is_spoilt(pair[0]))


def _check_missing(path: Path, missing: Span, exact: bool) -> None:
    """Raise BadVideo where missing frames may not be replaced by the one before."""
    if exact or len(missing) > _MOST_REPEATED:
        raise BadVideo(
            f"frames {missing.start}..{missing.stop} of {path.name} do not decode: the file is "
            "damaged there; copy it again or leave this part out"
        )

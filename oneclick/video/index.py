"""What a video file holds: how many frames, when each is shown, and where decoding can start.

Counting packets costs a read of the file; decoding it costs a hundred times more. So packets count
as frames wherever every sign says that each of them decodes to one frame (`_frame_times`); with any
doubt the file is decoded, on one thread, because a damaged stream may decode to another number of
frames on another number of threads.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from oneclick.core.errors import BadVideo
from oneclick.video import source

DEFAULT_FPS = 25.0
"""Frame rate assumed where a file states none that can be true."""
_POSSIBLE_FPS = (0.05, 500.0)  # a container that does not know states its clock: 1000, 90000
_ONE_PACKET_ONE_FRAME = ("h264", "hevc", "mjpeg", "mpeg4", "msmpeg4", "vp9", "libdav1d")
_TRUE_SIZE = re.compile(r"true size (\d+)x(\d+)")
_FIRST_DIGITAL_YEAR = 1990  # cameras without a clock write 1904 or 1970


@dataclass(frozen=True)
class VideoInfo:
    """What `probe` finds out about a video file."""

    fps: float
    """Nominal frames per second: the average rate, or 25 where no possible one is stated."""
    frames: int
    """Frames that decode; at least one."""
    width: int
    """Pixels, after rotation."""
    height: int
    started_at: datetime | None
    """UTC start as the recorder wrote it, or None."""
    variable: bool
    """Whether frames are unevenly spaced in time."""


@dataclass(frozen=True, eq=False)
class Index:
    """A file's frames and the shape of its pictures."""

    info: VideoInfo
    times: NDArray[np.int64] | None
    """Presentation time of every frame in stream ticks, ascending; None: only decoding can tell."""
    keys: NDArray[np.int64]
    """Presentation times at which decoding can start, ascending."""
    coded: tuple[int, int]
    """(width, height) of the stored pictures, before rotation and with padding."""
    quarter_turns: int
    """Turns counter-clockwise that make a stored picture upright."""


def probe(path: Path, name: str = "") -> VideoInfo:
    """Look at a video file; it is decoded only if its packets leave doubt about its frames.

    A truncated or damaged file counts the frames that decode. Errors speak of `name` if given.

    Raises:
        BadVideo: one line with the file's name and the remedy.
    """
    try:
        return index(path).info
    except BadVideo as error:
        if not name:
            raise
        raise BadVideo(str(error).replace(path.name, name)) from error


def index(path: Path) -> Index:
    """The index of a file, remembered while the file does not change. Raises BadVideo."""
    try:
        stat = path.stat()
    except OSError as error:
        reason = error.strerror or error
        raise BadVideo(f"cannot read {path.name}: {reason}; check its path and rights") from error
    return _index(path, stat.st_size, stat.st_mtime_ns, stat.st_ino)


@functools.lru_cache(maxsize=8)
def _index(path: Path, size: int, mtime_ns: int, inode: int) -> Index:
    first = _first_frame(path)
    with source.opened(path) as (container, stream):
        times, keys = _frame_times(container, stream, first)
        shown = times if times is not None else _decoded_times(path)
        info = _info(container, stream, first, shown)
        return Index(info, times, keys, (first.width, first.height), _turns(first))


def _first_frame(path: Path) -> VideoFrame:
    with source.opened(path, threads=1) as (container, stream):
        for frame in source.decode(container, stream):
            return frame
    raise BadVideo(f"no frame of {path.name} decodes: copy it again or convert it to MP4")


def _frame_times(
    container: InputContainer, stream: VideoStream, first: VideoFrame
) -> tuple[NDArray[np.int64] | None, NDArray[np.int64]]:
    """(frame times, key times) read off the packets; (None, empty) if they leave doubt."""
    doubt = None, np.empty(0, np.int64)
    if stream.codec_context.name not in _ONE_PACKET_ONE_FRAME or first.interlaced_frame:
        return doubt
    prefix = _length_prefix(stream)
    times: list[int] = []
    keys: list[int] = []
    for packet in source.packets(container, stream):
        if packet is None or packet.pts is None or not _sound(packet, prefix):
            return doubt
        if packet.is_keyframe:
            keys.append(packet.pts)
        if not packet.is_discard:
            times.append(packet.pts)
    shown = np.unique(np.array(times, np.int64))
    if stream.frames and stream.frames != len(times):
        return doubt
    if len(shown) != len(times) or not keys or shown[0] != first.pts:
        return doubt
    return shown, np.sort(np.array(keys, np.int64))


def _length_prefix(stream: VideoStream) -> int:
    """Bytes of the length before each unit of an H.264 or HEVC packet; 0 where there is none."""
    header = stream.codec_context.extradata or b""
    if not header or header[0] != 1:
        return 0
    at = {"h264": 4, "hevc": 21}.get(stream.codec_context.name, len(header))
    return (header[at] & 3) + 1 if at < len(header) else 0


def _sound(packet: Packet[VideoStream], prefix: int) -> bool:
    """Whether nothing about a packet's outside says that it is damaged."""
    if packet.is_corrupt or not prefix:
        return not packet.is_corrupt
    data = memoryview(packet)
    at = 0
    while at + prefix < len(data):
        if data[at + prefix] & 0x80:  # the forbidden bit that opens every unit
            return False
        at += prefix + int.from_bytes(data[at : at + prefix], "big")
    return at == len(data)


def _decoded_times(path: Path) -> NDArray[np.int64]:
    """Time of every frame that decodes; frames without one are put at their number."""
    with source.opened(path, threads=1) as (container, stream):
        frames = source.decode(container, stream)
        return np.array(
            [k if frame.pts is None else frame.pts for k, frame in enumerate(frames)], np.int64
        )


def _info(
    container: InputContainer, stream: VideoStream, first: VideoFrame, times: NDArray[np.int64]
) -> VideoInfo:
    width, height = _true_size(container, first)
    if _turns(first) % 2:
        width, height = height, width
    steps = np.diff(times)
    variable = _uneven(steps)
    rates = [stream.average_rate, _mean_rate(stream, steps), stream.guessed_rate]
    if variable:
        rates = [rates[1], rates[0]]
    started_at = _started_at(container.metadata | stream.metadata)
    return VideoInfo(_first_possible(rates), len(times), width, height, started_at, variable)


def _turns(frame: VideoFrame) -> int:
    return round(frame.rotation / 90) % 4


def _uneven(steps: NDArray[np.int64]) -> bool:
    """More than a fifth of a step, and more than rounding to ticks explains."""
    if len(steps) == 0:
        return False
    usual = np.median(steps)
    return bool(np.abs(steps - usual).max() > max(1.0, 0.2 * usual))


def _mean_rate(stream: VideoStream, steps: NDArray[np.int64]) -> float | None:
    ticks = int(steps.sum())
    if ticks <= 0 or stream.time_base is None:
        return None
    return len(steps) / float(ticks * stream.time_base)


def _first_possible(rates: Sequence[Fraction | float | None]) -> float:
    for rate in rates:
        fps = float(rate or math.nan)
        if _POSSIBLE_FPS[0] <= fps <= _POSSIBLE_FPS[1]:
            return fps
    return DEFAULT_FPS


def _started_at(metadata: dict[str, str]) -> datetime | None:
    try:
        at = datetime.fromisoformat(metadata.get("creation_time", ""))
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return at.astimezone(UTC) if at.year >= _FIRST_DIGITAL_YEAR else None


def size_note(width: int, height: int) -> str:
    """The note in a file that tells its picture's true size from the padding to even numbers."""
    return f"true size {width}x{height}"


def _true_size(container: InputContainer, first: VideoFrame) -> tuple[int, int]:
    note = _TRUE_SIZE.fullmatch(container.metadata.get("comment", ""))
    if note:
        width, height = int(note[1]), int(note[2])
        if (width + width % 2, height + height % 2) == (first.width, first.height):
            return width, height
    return first.width, first.height

"""Index of a video file: its frames, their presentation times, and where decoding can start.

Counting packets costs a read of the file; decoding it costs a hundred times more. So packets count
as frames where all checks pass that each of them decodes to one frame (`packet_times`). Otherwise
the file is decoded, on one thread, because a damaged stream may decode to another number of frames
on another number of threads.
"""

from __future__ import annotations

import functools
import math
import re
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
from oneclick.storage import bounded_files
from oneclick.video import mp4_tables, source

DEFAULT_FPS = 25.0
"""Frame rate assumed where a file states none that is plausible."""
_PLAUSIBLE_FPS = (0.05, 500.0)  # some containers state their clock instead: 1000, 90000
_ONE_PACKET_ONE_FRAME = ("h264", "hevc", "mjpeg", "mpeg4", "msmpeg4", "vp9", "libdav1d")
_TRUE_SIZE = re.compile(r"true size (\d+)x(\d+)")
_FIRST_DIGITAL_YEAR = 1990  # cameras without a clock write 1904 or 1970


@dataclass(frozen=True, kw_only=True)
class VideoInfo:
    """Properties of a video file."""

    fps: float
    """Nominal frames per second: the average rate, or 25 where no plausible one is stated."""
    frames: int
    """Frames that decode; at least one."""
    width: int
    """Pixels, after rotation."""
    height: int
    started_at: datetime | None
    """UTC start as the recorder wrote it, or None."""
    variable: bool
    """Whether frames are unevenly spaced in time."""


@dataclass(frozen=True, eq=False, kw_only=True)
class FrameIndex:
    """Frames of a video file, and how its pictures are stored."""

    info: VideoInfo
    times: NDArray[np.int64] | None
    """Presentation time of every frame in stream ticks, ascending; None if packets do not tell."""
    keys: NDArray[np.int64]
    """Presentation times at which decoding can start, ascending."""
    coded: tuple[int, int]
    """(width, height) of the stored pictures, before rotation and with padding."""
    quarter_turns: int
    """Turns counter-clockwise that make a stored picture upright."""


def probe(path: Path, name: str = "") -> VideoInfo:
    """Return the properties of a video file; it is decoded only if its packets are ambiguous.

    In a truncated or damaged file the frames that decode are counted.

    Args:
        path: the file.
        name: replaces the file's name in error messages.

    Raises:
        BadVideo: one line with the file's name and the remedy.
    """
    try:
        return read_index(path).info
    except BadVideo as error:
        if not name:
            raise
        raise BadVideo(str(error).replace(path.name, name)) from error


def check(path: Path) -> None:
    """Check that a file is a video whose first frame decodes, within bounds of memory.

    Raises:
        BadVideo: one line with the file's name and the remedy.
    """
    try:
        bounded_files.check_regular(path, bounded_files.ANY_SIZE, BadVideo)
        mp4_tables.check(path)
    except BadVideo as error:
        raise BadVideo(str(error).replace(str(path), path.name)) from None
    first_frame(path)


def read_index(path: Path) -> FrameIndex:
    """Return the index of a file, cached while the file does not change. Raises BadVideo."""
    try:
        stat = bounded_files.check_regular(path, bounded_files.ANY_SIZE, BadVideo)
    except BadVideo as error:  # folders may be called after people
        raise BadVideo(str(error).replace(str(path), path.name)) from None
    return _index(path, stat.st_size, stat.st_mtime_ns, stat.st_ino)


@functools.lru_cache(maxsize=8)
def _index(path: Path, size: int, mtime_ns: int, inode: int) -> FrameIndex:
    mp4_tables.check(path)
    first = first_frame(path)
    with source.open_video(path) as (container, stream):
        times, keys = packet_times(container, stream, first)
        return FrameIndex(
            info=video_info(
                container, stream, first, decoded_times(path) if times is None else times
            ),
            times=times,
            keys=keys,
            coded=(first.width, first.height),
            quarter_turns=_quarter_turns(first),
        )


def first_frame(path: Path) -> VideoFrame:
    """Decode the first frame.

    Raises:
        BadVideo: no frame decodes.
    """
    with source.open_video(path, threads=1) as (container, stream):
        for frame in source.decode(container, stream):
            return frame
    raise BadVideo(f"no frame of {path.name} decodes: copy it again or convert it to MP4")


def packet_times(
    container: InputContainer, stream: VideoStream, first: VideoFrame
) -> tuple[NDArray[np.int64] | None, NDArray[np.int64]]:
    """Read the times of frames and of keyframes from the packets, in stream ticks, ascending.

    (None, empty) if it is not certain that each packet decodes to one frame.
    """
    uncertain = None, np.empty(0, np.int64)
    if stream.codec_context.name not in _ONE_PACKET_ONE_FRAME or first.interlaced_frame:
        return uncertain
    length_size = nal_length_size(stream)
    times: list[int] = []
    keys: list[int] = []
    for packet in source.packets(container, stream):
        if packet is None or packet.pts is None or not is_intact(packet, length_size):
            return uncertain
        if packet.is_keyframe:
            keys.append(packet.pts)
        if not packet.is_discard:
            times.append(packet.pts)
    distinct = np.unique(np.array(times, np.int64))
    if stream.frames and stream.frames != len(times):
        return uncertain
    if len(distinct) != len(times) or not keys or distinct[0] != first.pts:
        return uncertain
    return distinct, np.sort(np.array(keys, np.int64))


def nal_length_size(stream: VideoStream) -> int:
    """Return the bytes of the length before each NAL unit (H.264, HEVC); 0 where there is none."""
    header = stream.codec_context.extradata or b""
    if not header or header[0] != 1:
        return 0
    at = {"h264": 4, "hevc": 21}.get(stream.codec_context.name, len(header))
    return (header[at] & 3) + 1 if at < len(header) else 0


def is_intact(packet: Packet[VideoStream], length_size: int) -> bool:
    """Check a packet's flags and the lengths of its NAL units for signs of damage."""
    if packet.is_corrupt or not length_size:
        return not packet.is_corrupt
    data = memoryview(packet)
    at = 0
    while at + length_size < len(data):
        if data[at + length_size] & 0x80:  # the forbidden bit that opens every unit
            return False
        at += length_size + int.from_bytes(data[at : at + length_size], "big")
    return at == len(data)


def decoded_times(path: Path) -> NDArray[np.int64]:
    """Decode the whole file; return the time of each frame, or its number if it has none."""
    with source.open_video(path, threads=1) as (container, stream):
        frames = source.decode(container, stream)
        return np.array(
            [k if frame.pts is None else frame.pts for k, frame in enumerate(frames)], np.int64
        )


def video_info(
    container: InputContainer, stream: VideoStream, first: VideoFrame, times: NDArray[np.int64]
) -> VideoInfo:
    """Return the properties of a video with frames at `times`, in stream ticks."""
    width, height = true_size(container, first)
    if _quarter_turns(first) % 2:
        width, height = height, width
    steps = np.diff(times)
    # Uneven: more than a fifth of a step, and more than rounding to ticks explains.
    step = np.median(steps) if len(steps) else 0.0
    variable = bool(len(steps) and np.abs(steps - step).max() > max(1.0, 0.2 * step))
    return VideoInfo(
        fps=frame_rate(stream, steps, variable),
        frames=len(times),
        width=width,
        height=height,
        started_at=recording_start(container.metadata | stream.metadata),
        variable=variable,
    )


def _quarter_turns(frame: VideoFrame) -> int:
    return round(frame.rotation / 90) % 4


def frame_rate(stream: VideoStream, steps: NDArray[np.int64], variable: bool) -> float:
    """Return the first plausible rate in frames per second: stated, measured, or the default.

    Args:
        stream: states an average rate.
        steps: ticks between frames, whose mean comes first if they are uneven.
        variable: whether they are uneven.
    """
    ticks = int(steps.sum())
    mean: float | None = None
    if ticks > 0 and stream.time_base is not None:
        mean = len(steps) / float(ticks * stream.time_base)
    rates: list[Fraction | float | None] = [stream.average_rate, mean, stream.guessed_rate]
    for rate in [mean, stream.average_rate] if variable else rates:
        fps = float(rate or math.nan)
        if _PLAUSIBLE_FPS[0] <= fps <= _PLAUSIBLE_FPS[1]:
            return fps
    return DEFAULT_FPS


def recording_start(metadata: dict[str, str]) -> datetime | None:
    """Return the start of the recording in UTC; None if missing or from before digital video."""
    try:
        start = datetime.fromisoformat(metadata.get("creation_time", ""))
    except ValueError:
        return None
    start = start if start.tzinfo else start.replace(tzinfo=UTC)
    return start.astimezone(UTC) if start.year >= _FIRST_DIGITAL_YEAR else None


def size_note(width: int, height: int) -> str:
    """Return the comment that stores the size in px of pictures padded to even sides."""
    return f"true size {width}x{height}"


def true_size(container: InputContainer, first: VideoFrame) -> tuple[int, int]:
    """Return width and height of the stored pictures in px, without padding."""
    note = _TRUE_SIZE.fullmatch(container.metadata.get("comment", ""))
    if note:
        width, height = int(note[1]), int(note[2])
        if (width + width % 2, height + height % 2) == (first.width, first.height):
            return width, height
    return first.width, first.height

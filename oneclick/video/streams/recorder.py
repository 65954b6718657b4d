"""Recording of a live source: packets are copied into segments, and nothing is encoded.

A segment begins at a key frame and lies in one stretch: a lost connection, a jump in time or
another size of the pictures closes it. It is called `<start>.mkv.part` while it is written and
renamed when it is closed and on the disk. What a killed process leaves is finished by `salvage`.
"""

from __future__ import annotations

import contextlib
import itertools
import shutil
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.codec import CodecContext
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from oneclick.core import layouts
from oneclick.core.errors import NoSpace, OneclickError, Unavailable
from oneclick.storage import files
from oneclick.video import source
from oneclick.video.streams import segment_closer
from oneclick.video.streams.base import StreamPacket
from oneclick.video.streams.segment_ages import SegmentAges
from oneclick.video.streams.segment_closer import MILLISECONDS, PART, SUFFIX, SegmentCloser

LEAST_FREE = 2 << 30
"""Bytes of the disk that recordings leave free."""
LEAST_FREE_SHARE = 0.05
"""Share of the disk that they leave free where that is less."""
SPACE_SECONDS = 2.0
SPACE_BYTES = 1 << 20
"""The space is looked at again after so long, or after so many bytes of one camera."""
RETRY_SECONDS = 10.0
"""Time after which a recorder that failed begins another segment."""
_UNCOMPRESSED = ("rawvideo", "bitpacked", "v210", "wrapped_avframe")
"""Codecs that would fill the disk."""
# A killed process loses what lies in the cluster that it was writing.
_OPTIONS = {"cluster_time_limit": "1000", "flush_packets": "1"}
_TIME_BASE = Fraction(1, MILLISECONDS)


def why_not_recordable(stream: VideoStream) -> str:
    """Return why the packets of a stream cannot be copied into a segment, or ""."""
    name = stream.codec_context.name
    if name in _UNCOMPRESSED:
        return f"its pictures are not compressed ({name}), so they are not recorded"
    return ""


class _Segment:
    """A Matroska file that is being written."""

    def __init__(self, path: Path, first: StreamPacket, is_in_band: bool) -> None:
        self.path, self.start = path, first.time
        self.count = 0
        self._zero = first.decode_stamp
        self._last = -1
        self._container = av.open(
            str(path), "w", format="matroska", container_options=dict(_OPTIONS)
        )
        if is_in_band:
            width, height = _size_of(first)
            name = first.stream.codec_context.codec.canonical_name
            self._stream: Any = self._container.add_mux_stream(name, width=width, height=height)
        else:
            self._stream = self._container.add_stream_from_template(first.stream, opaque=True)

    def write(self, packet: StreamPacket) -> None:
        """Append a packet; stamps that do not rise are moved on by a millisecond."""
        copy: Packet[Any] = Packet(packet.content)
        decode_ms = round((packet.decode_stamp - self._zero) * MILLISECONDS)
        copy.dts = self._last = max(decode_ms, self._last + 1)
        copy.pts = max(round((packet.stamp - self._zero) * MILLISECONDS), copy.dts)
        copy.time_base = _TIME_BASE
        copy.is_keyframe = packet.is_key
        copy.stream = self._stream
        self._container.mux(copy)
        self.count += 1
        # The first packets may have waited in a buffer: later ones tell when they were taken.
        self.start = min(self.start, packet.time - (packet.stamp - self._zero))

    def close(self) -> None:
        """Write the end of the file."""
        self._container.close()


class _SpaceWatch:
    """Looks at the space of a disk again and again while it is written, by other cameras too."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._bytes, self._looked = 0, time.monotonic()

    def count(self, size: int) -> None:
        """Count bytes that are to be written. Raises as `check_space`, or OSError."""
        self._bytes += size
        if self._bytes >= SPACE_BYTES or time.monotonic() - self._looked >= SPACE_SECONDS:
            self.check()

    def check(self) -> None:
        """Look at the space now. Raises as `check_space`, or OSError."""
        self._bytes, self._looked = 0, time.monotonic()
        check_space(self._folder)


class SegmentRecorder:
    """Copies the packets of a source into segments; what fails is told, and tried again.

    Args:
        folder: of the segments, made where it is missing.
        seconds: length of a segment, which ends at the next key frame.
        retain_seconds: closed segments that are older are removed; see `SegmentAges`.
    """

    def __init__(self, folder: Path, seconds: float, retain_seconds: float) -> None:
        self._folder, self._seconds, self._retain = folder, seconds, retain_seconds
        self._segment: _Segment | None = None
        self._ages: SegmentAges | None = None
        self._is_in_band = False
        self._not_before = 0.0
        self._space = _SpaceWatch(folder)
        self._closer = SegmentCloser()
        self._problem = ""

    @property
    def problem(self) -> str:
        """Return why nothing is recorded, or what is recorded is not there; "" if all is well."""
        return self._problem or self._closer.problem

    @property
    def segment(self) -> str:
        """Return the name of the segment that is being written; empty where there is none."""
        segment = self._segment
        return segment.path.name.removesuffix(PART) if segment else ""

    def write(self, packet: StreamPacket) -> None:
        """Record a packet; until the first key frame of a stretch they are left out."""
        if packet.start:
            self.end_stretch()
            in_band_before = self._is_in_band and packet.start == "time"
            self._is_in_band = packet.start == "format" or in_band_before
        segment = self._segment
        if segment and packet.is_key and packet.time - segment.start >= self._seconds:
            self.end_stretch()
            segment = None
        if segment is None and not packet.is_key:
            return
        if time.monotonic() < self._not_before:
            return
        try:
            if segment is None:
                segment = self._segment = self._begin(packet)
            self._space.count(len(packet.content))
            segment.write(packet)
            self._problem = ""
        except (OSError, OneclickError, ValueError, av.FFmpegError) as error:
            self._fail(error)

    def end_stretch(self) -> None:
        """Close the segment; its file gets its name once it is on the disk."""
        segment, self._segment = self._segment, None
        if segment is not None:
            try:
                segment.close()
            except (OSError, av.FFmpegError) as error:
                self._fail(error)
            self._closer.add(segment.path, segment.count, segment.start)

    def close(self) -> None:
        """Close the segment and wait until it is on the disk."""
        self.end_stretch()
        self._closer.close()

    def _begin(self, packet: StreamPacket) -> _Segment:
        """Begin a segment at a key frame. Raises OSError, Unavailable or ValueError."""
        if refusal := why_not_recordable(packet.stream):
            raise Unavailable(refusal)
        with files.guard(self._folder):
            files.make_folder(self._folder)
        self._closer.try_again()
        closed = list(self._folder.glob(f"*{SUFFIX}"))
        self._ages = self._ages or SegmentAges(closed, packet.time)
        for path in self._ages.older_than(self._retain, closed):
            path.unlink(missing_ok=True)
        self._space.check()
        path = segment_closer.free_name(self._folder, packet.time)
        return _Segment(path.with_name(path.name + PART), packet, self._is_in_band)

    def _fail(self, error: Exception) -> None:
        """Remember why nothing is recorded; the segment so far is closed and kept."""
        text = str(error) if isinstance(error, OneclickError) else _reason(error, self._folder)
        self._problem = text
        self._not_before = time.monotonic() + RETRY_SECONDS
        segment, self._segment = self._segment, None
        if segment is not None:
            with contextlib.suppress(OSError, av.FFmpegError):
                segment.close()
            self._closer.add(segment.path, segment.count, segment.start)


def salvage(folder: Path) -> dict[str, str]:
    """Finish the parts that a killed process left; call it while nobody records into the folder.

    The packets that are whole are copied into a segment of the part's name.

    Returns:
        What became of each part, by its name.
    """
    results: dict[str, str] = {}
    for part in sorted(folder.glob(f"*{SUFFIX}{PART}")):
        target = part.with_name(part.name.removesuffix(PART))
        try:
            count = _copy_packets(part, target)
        except (OSError, OneclickError, ValueError, av.FFmpegError) as error:
            results[part.name] = f"cannot be read: {getattr(error, 'strerror', None) or error}"
            if isinstance(error, Unavailable):
                raise
            part.replace(part.with_name(f".{part.name}.broken"))
            continue
        results[part.name] = f"{count} pictures saved" if count else "held no whole picture"
        part.unlink()
    return results


def remove_before(folder: Path, time: float) -> None:
    """Remove the closed segments of a folder that started before unix seconds."""
    for path in folder.glob(f"*{SUFFIX}"):
        start = layouts.moment_in(path.name).started_at
        if start is not None and start.timestamp() < time:
            path.unlink(missing_ok=True)


def unfinished(folder: Path) -> list[Path]:
    """Return the parts that a process left, and those that could not be saved."""
    return [*folder.glob(f"*{SUFFIX}{PART}"), *folder.glob(f".*{SUFFIX}{PART}.broken")]


def check_space(folder: Path) -> None:
    """Raise NoSpace where a segment would leave too little space for all else on the disk."""
    usage = shutil.disk_usage(folder)
    floor = min(LEAST_FREE, int(usage.total * LEAST_FREE_SHARE))
    if usage.free < floor:
        raise NoSpace(
            f"no space to record: less than {max(floor >> 20, 1):,} MB are free; free some, or "
            "lower live.retain_hours"
        )


def _copy_packets(part: Path, target: Path) -> int:
    """Copy the whole packets of a part from its first key frame on; return how many."""
    if not part.stat().st_size:
        return 0
    count = 0
    with source.open_video(part, threads=1) as (container, stream):
        packets = (packet for packet in source.packets(container, stream) if packet is not None)
        whole = itertools.dropwhile(lambda packet: not packet.is_keyframe, packets)
        with (
            files.temporary_name(target) as temporary,
            av.open(str(temporary), "w", format="matroska") as out,
        ):
            copy = out.add_stream_from_template(stream, opaque=True)
            for packet in whole:
                packet.stream = copy
                out.mux(packet)
                count += 1
            out.close()
            if count:
                with files.guard(target):
                    files.flush(temporary)
                    temporary.replace(target)
                    files.flush(target.parent)
    return count


def _size_of(packet: StreamPacket) -> tuple[int, int]:
    """Return width and height of the picture in a key packet. Raises ValueError without one."""
    context = CodecContext.create(packet.stream.codec_context.name, "r")
    assert isinstance(context, VideoCodecContext)
    context.options = {"max_pixels": str(source.MAX_PIXELS)}
    for data in (Packet(packet.content), None):
        for picture in context.decode(data):
            return picture.width, picture.height
    raise ValueError("the first picture of another size cannot be decoded")


def _reason(error: Exception, folder: Path) -> str:
    if files.is_disk_full(error):
        return f"no space left in {folder}"
    return f"cannot record: {getattr(error, 'strerror', None) or error}"

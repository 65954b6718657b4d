"""Index of a video file: its frames in order of presentation, their times, and where they lie.

Reading packets costs a hundredth of decoding them. So packets count as frames where all checks pass
that each of them decodes to one frame, and that their stamps tell the order (`order_of_packets`).
Otherwise the file is decoded, on one thread, because a damaged stream may decode to another number
of frames on another number of threads; the order is then the decoder's.
"""

from __future__ import annotations

import itertools
import math
import os
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from oneclick.core.errors import BadVideo
from oneclick.core.timing import describe_times
from oneclick.storage import bounded_files
from oneclick.video import (
    access_units,
    index_files,
    losses,
    mp4_tables,
    packets,
    remarks,
    source,
    stamps,
)
from oneclick.video import presentation as presentations
from oneclick.video.frame_index import FrameIndex, VideoInfo
from oneclick.video.index_files import RecentIndexes
from oneclick.video.packets import ABSENT, PacketTable
from oneclick.video.stamps import FrameTimes

DEFAULT_FPS = 25.0
"""Frame rate assumed where neither stamps nor header tell a plausible one."""
_PLAUSIBLE_FPS = (0.05, 500.0)  # some containers state their clock instead: 1000, 90000
_SAME_RATE = 0.005
"""Relative difference up to which a stated rate is the measured one, told exactly."""
_ONE_PACKET_ONE_FRAME = ("h264", "hevc", "mjpeg", "mpeg4", "msmpeg4", "vp9", "libdav1d")
_COUNTING_CHUNKS = ("avi",)
"""Formats whose packets have places and no times; only stamps of decoding are not guessed."""
_FIRST_DIGITAL_YEAR = 1990  # cameras without a clock write 1904 or 1970
_HABIT = 3
"""Key packets, all with a fault, that show an encoder's habit and not damage."""
_COMPARED = 48
"""Frames whose order is held against the decoder's."""
_WITH_LENGTHS = ("avi", "flv", "matroska,webm", "mov,mp4,m4a,3gp,3g2,mj2")
"""Formats that state the length of each packet, so that one that is cut off is noticed."""
_WITH_EDITS = "mov,mp4,m4a,3gp,3g2,mj2"
_LONGEST_TAIL = 1000
"""Packets from the last key packet to the end that are decoded to see whether the end is whole."""
_MOST_CUT_OFF = 3
"""Packets at the end of a file that may be cut off without other damage being likely."""
_recent = RecentIndexes()


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
    """Return the index of a file, remembered while the file does not change. Raises BadVideo."""
    status = _status(path)
    index = _recent.get(status)
    if index is None:
        index = build_index(path)
        _recent.add(status, index)
    return index


def keep_index(path: Path) -> None:
    """Read the index of a recording of ours, and see that the file beside it holds it.

    Call it before what needs the index: where another process has built it, it is read in
    milliseconds. It is no error where that file cannot be written.

    Raises:
        BadVideo: as `read_index`.
    """
    status = _status(path)
    index = _recent.get(status)
    if index is None and (index := index_files.load(path, status)):
        _recent.add(status, index)
    elif index is None or not index_files.is_current(path, status):
        index_files.write(path, status, read_index(path))


def _status(path: Path) -> os.stat_result:
    try:
        return bounded_files.check_regular(path, bounded_files.ANY_SIZE, BadVideo)
    except BadVideo as error:  # folders may be called after people
        raise BadVideo(str(error).replace(str(path), path.name)) from None


def first_frame(path: Path) -> tuple[int, VideoFrame]:
    """Decode the first frame; return the number of its packet, and the frame.

    Raises:
        BadVideo: no frame decodes.
    """
    with source.open_video(path, threads=1) as (container, stream):
        decoder = packets.Decoder(stream, strict=False)
        for numbered in decoder.decode_all(container, stream):
            return numbered
    raise BadVideo(f"no frame of {path.name} decodes: copy it again or convert it to MP4")


def build_index(path: Path) -> FrameIndex:
    """Read the packets of a file, and decode it where they do not tell. Raises BadVideo."""
    mp4_tables.check(path)
    number, first = first_frame(path)
    with source.open_video(path) as (container, stream):
        table = packets.read_table(container, stream)
        pauses = losses.Pauses()
        if stream.codec_context.name in access_units.CODECS:
            span = access_units.reader_of(stream).counter_span
            pauses = losses.find_pauses(table.stamps, table.is_key, span)
            table = losses.marked(table, pauses.swallowed)
        if container.format.name == "mpegts":
            table = losses.marked(table, losses.torn_packets(path, table.positions))
        order = order_of_packets(stream, table, number, bool(first.interlaced_frame))
        if order is not None:
            order = order_of_decoder(path, table, order)
        is_decoded, strict, changes = order is None, True, np.empty(0, np.int64)
        if order is None:
            order, changes, strict = decoded_order(path, table, first)
        tick = float(stream.time_base or 1)
        knows_decoding = container.format.name in _COUNTING_CHUNKS
        known = table.decode_stamps if knows_decoding else table.stamps
        empty = table.empty_places if knows_decoding else 0
        stored = stamps.complete(np.where(known == ABSENT, np.nan, known * tick))[order]
        if is_ascending(known) and not is_ascending(order):
            stored = np.sort(stored)  # the file knows the order of decoding only
        times = stamps.settle(stored, 1 / (stated_rate(stream) or DEFAULT_FPS))
        breaks = np.union1d(times.breaks, changes)
        is_variable = stamps.is_uneven(np.delete(np.diff(times.seconds), breaks - 1), tick)
        fps = frame_rate(stream, times, is_variable)
        stored_packets = count_stored(path, container, stream, table)
        presentation = presentations.read_presentation(path, container, stream, first)
        is_counted = stream.codec_context.name in access_units.CODECS or bool(table.is_key.all())
        notes = [
            *presentations.stream_notes(container, stream),
            *presentation.notes,
            *remarks.notes_on_frames(table, order, stream.frames - empty, stored_packets),
            *([] if strict else ["faults throughout: pictures are taken as they decode"]),
            *remarks.notes_on_times(times, len(changes), are_counted=is_counted),
            *remarks.notes_on_pauses(pauses.doubtful),
        ]
        info = VideoInfo(
            fps=fps,
            frames=len(order),
            width=presentation.size[0],
            height=presentation.size[1],
            started_at=recording_start(container.metadata | stream.metadata),
            variable=is_variable,
            timing=describe_times(times.seconds, breaks, fps),
            notes=tuple(notes),
        )
    return FrameIndex(
        info=info,
        codec=stream.codec_context.name,
        presentation=presentation,
        table=table,
        order=order,
        seconds=times.seconds,
        is_decoded=is_decoded,
        strict=strict,
    )


def count_stored(
    path: Path, container: InputContainer, stream: VideoStream, table: PacketTable
) -> int:
    """Return how many packets a file stores, those included that an edit list leaves out."""
    has_more = stream.frames > len(table) or bool(table.is_discarded.any())
    if container.format.name != _WITH_EDITS or not has_more:
        return len(table)
    with source.open_video(path, is_edited=False) as (unedited, all_packets):
        return sum(packet is not None for packet in source.packets(unedited, all_packets))


def order_of_packets(
    stream: VideoStream, table: PacketTable, first: int, is_interlaced: bool
) -> NDArray[np.int64] | None:
    """Return the packets in order of presentation, as their stamps tell it.

    None if it is not certain that each of them decodes to one frame, in the order of its stamp.

    Args:
        stream: of the packets.
        table: all packets.
        first: packet of the first frame that decodes.
        is_interlaced: whether two packets may make one frame.
    """
    codec = stream.codec_context.name
    if codec not in _ONE_PACKET_ONE_FRAME or is_interlaced or table.is_new_format:
        return None
    if not table.is_sound or not table.is_key.any() or (table.stamps == ABSENT).any():
        return None
    shown = np.flatnonzero(~table.is_discarded)
    if stream.frames and stream.frames != len(shown):
        return None
    seconds = table.stamps[shown].astype(np.float64) * float(stream.time_base or 1)
    if not stamps.order_is_sound(seconds):
        return None
    order = shown[np.argsort(table.stamps[shown], kind="stable")]
    places = table.places[order]
    if not is_ascending(places[places != ABSENT]):
        return None
    return order if order[0] == first else None


def order_of_decoder(
    path: Path, table: PacketTable, order: NDArray[np.int64]
) -> NDArray[np.int64] | None:
    """Hold an order of packets against the decoder at both ends of a file.

    Some containers store the order of decoding for that of presentation; and in some a recording
    that was cut off ends within a packet, which only the decoder notices.

    Returns:
        the order without frames at the end that do not decode; None if the decoder has another.
    """
    with source.open_video(path, threads=1) as (container, stream):
        if stream.codec_context.has_b_frames and is_ascending(order):
            decoded = packets.Decoder(stream, strict=False).decode_all(container, stream)
            numbers = [number for number, _ in itertools.islice(decoded, _COMPARED)]
            if numbers != order[: len(numbers)].tolist():
                return None
        if container.format.name in _WITH_LENGTHS:
            return order
    last = int(np.flatnonzero(table.is_key)[-1])
    if len(table) - last > _LONGEST_TAIL:
        return order
    with source.open_video(path, threads=1) as (container, stream):
        decoder = packets.Decoder(stream, strict=True)
        try:
            rest = packets.packets_from(container, stream, table, last)
            decoded = itertools.chain.from_iterable(
                decoder.decode_row(number, packet, table) for number, packet in rest
            )
            numbers = [number for number, _ in [*decoded, *decoder.drain()]]
        except packets.Astray:
            return order
    if not decoder.faults:
        return order
    if not numbers or min(decoder.faults) < len(table) - _MOST_CUT_OFF:
        return None
    at = np.flatnonzero(order == numbers[-1])
    return order[: at[0] + 1] if len(at) else None


def decoded_order(
    path: Path, table: PacketTable, first: VideoFrame
) -> tuple[NDArray[np.int64], NDArray[np.int64], bool]:
    """Decode the whole file.

    Faults at every packet where decoding can start are the encoder's habit, not damage: then they
    are overlooked, and a note says so.

    Returns:
        the packets of the frames in the decoder's order, or as they count themselves; the frames
        before which the size of pictures changes; and whether a fault of the decoder means damage.

    Raises:
        BadVideo: no frame decodes.
    """
    for strict in (True, False):
        with source.open_video(path, threads=1) as (container, stream):
            decoder = packets.Decoder(stream, strict)
            sizes = {
                number: (frame.width, frame.height)
                for number, frame in decoder.decode_all(container, stream, table)
            }
        sound_keys = np.flatnonzero(table.is_key & ~table.is_damaged)
        faulty_keys = np.intersect1d(sound_keys, decoder.faults)
        numbers = [number for number in sizes if not decoder.is_spoilt(number)]
        is_habit = len(faulty_keys) == len(sound_keys) >= _HABIT
        if numbers and not is_habit:
            break
    if not numbers:
        raise BadVideo(f"no frame of {path.name} decodes: copy it again or convert it to MP4")
    shown = [(first.width, first.height), *(sizes[number] for number in numbers)]
    changes = [k for k, (before, size) in enumerate(itertools.pairwise(shown)) if size != before]
    order = np.array(numbers, np.int64)
    places = table.places[order]
    if (places != ABSENT).all():  # a picture that comes late is shown late
        order = order[np.argsort(places, kind="stable")]
    return order, np.array(changes, np.int64), strict


def is_ascending(numbers: NDArray[np.int64]) -> bool:
    """Check that each number is above the one before."""
    return bool((np.diff(numbers) > 0).all())


def frame_rate(stream: VideoStream, times: FrameTimes, is_variable: bool) -> float:
    """Return the frames per second: measured, told exactly by the header if it says the same."""
    measured = 1 / times.step if times.step > 0 else math.nan
    if not _PLAUSIBLE_FPS[0] <= measured <= _PLAUSIBLE_FPS[1]:
        return DEFAULT_FPS
    if is_variable and times.is_irregular:
        return measured
    for rate in (stream.average_rate, stream.guessed_rate, stream.base_rate):
        if rate and abs(float(rate) - measured) <= _SAME_RATE * measured:
            return float(rate)
    return float(round(measured)) if abs(round(measured) - measured) < 1e-4 else measured


def stated_rate(stream: VideoStream) -> float | None:
    """Return the first plausible rate that a header states, in frames per second."""
    for rate in (stream.average_rate, stream.guessed_rate):
        if rate and _PLAUSIBLE_FPS[0] <= rate <= _PLAUSIBLE_FPS[1]:
            return float(rate)
    return None


def recording_start(metadata: dict[str, str]) -> datetime | None:
    """Return the start of the recording in UTC; None if missing or from before digital video."""
    try:
        start = datetime.fromisoformat(metadata.get("creation_time", ""))
    except ValueError:
        return None
    start = start if start.tzinfo else start.replace(tzinfo=UTC)
    return start.astimezone(UTC) if start.year >= _FIRST_DIGITAL_YEAR else None

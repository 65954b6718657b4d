"""Damage to videos: bytes, lengths, packets and time stamps, drawn from a seed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import av
import numpy as np
from av.packet import Packet
from av.video.stream import VideoStream

VideoPacket: TypeAlias = "Packet[VideoStream]"
Mutation = Callable[[Path, Path, np.random.Generator], None]
"""Reads a video, writes a damaged one, and draws how from the generator."""


def flip_bytes(source: Path, target: Path, rng: np.random.Generator) -> None:
    """Change some bytes anywhere."""
    data = bytearray(source.read_bytes())
    for _ in range(int(rng.integers(1, 40))):
        data[int(rng.integers(0, len(data)))] = int(rng.integers(0, 256))
    target.write_bytes(data)


def spoil_patch(source: Path, target: Path, rng: np.random.Generator) -> None:
    """Overwrite a patch with zeros or noise, as a bad sector does."""
    data = bytearray(source.read_bytes())
    start, length = int(rng.integers(0, len(data))), int(rng.integers(1, 20_000))
    stop = min(len(data), start + length)
    noise = rng.integers(0, 256, stop - start, np.uint8).tobytes()
    data[start:stop] = noise if rng.random() < 0.5 else bytes(stop - start)
    target.write_bytes(data)


def cut_off(source: Path, target: Path, rng: np.random.Generator) -> None:
    """End within the file."""
    data = source.read_bytes()
    target.write_bytes(data[: int(rng.integers(1, len(data)))])


def remove_patch(source: Path, target: Path, rng: np.random.Generator) -> None:
    """Leave out some bytes, so that all that follows moves."""
    data = source.read_bytes()
    start = int(rng.integers(0, len(data)))
    target.write_bytes(data[:start] + data[start + int(rng.integers(1, 5000)) :])


def spoil_header(source: Path, target: Path, rng: np.random.Generator) -> None:
    """Change bytes of the first or the last kilobyte, where headers and tables lie."""
    data = bytearray(source.read_bytes())
    offset = 0 if rng.random() < 0.6 else max(0, len(data) - 1024)
    for _ in range(int(rng.integers(1, 12))):
        at = offset + int(rng.integers(0, min(1024, len(data) - offset)))
        data[at] = int(rng.integers(0, 256))
    target.write_bytes(data)


def drop_packets(source: Path, target: Path, rng: np.random.Generator) -> None:
    """Leave out packets of a whole container."""
    _remux(source, target, lambda packets: _without(packets, rng))


def double_packets(source: Path, target: Path, rng: np.random.Generator) -> None:
    """Write some packets twice."""

    def doubled(packets: list[bytes]) -> list[bytes]:
        twice = set(rng.integers(0, len(packets), int(rng.integers(1, 6))).tolist())
        return [part for k, part in enumerate(packets) for part in [part] * (1 + (k in twice))]

    _rearrange(source, target, doubled)


def swap_packets(source: Path, target: Path, rng: np.random.Generator) -> None:
    """Exchange neighbouring packets."""

    def swapped(packets: list[bytes]) -> list[bytes]:
        for at in rng.integers(0, len(packets) - 1, int(rng.integers(1, 4))).tolist():
            packets[at], packets[at + 1] = packets[at + 1], packets[at]
        return packets

    _rearrange(source, target, swapped)


def shift_stamps(source: Path, target: Path, rng: np.random.Generator) -> None:
    """Move the stamps of some packets, or of all from one on."""
    kind, at = int(rng.integers(0, 3)), float(rng.uniform(0.05, 0.95))
    amount = float(rng.choice([0.5, 3.0, 400.0, 40_000.0])) * (1 if rng.random() < 0.5 else -1)
    chosen = set(rng.integers(0, 400, 6).tolist())

    def shift(number: int, count: int) -> float:
        if kind == 0:
            return amount if number in chosen else 0.0
        return amount if number >= at * count else 0.0

    rewrite_stamps(source, target, shift)


MUTATIONS: tuple[Mutation, ...] = (
    flip_bytes,
    spoil_patch,
    cut_off,
    remove_patch,
    spoil_header,
    drop_packets,
    double_packets,
    swap_packets,
    shift_stamps,
)


def _without(packets: list[VideoPacket], rng: np.random.Generator) -> list[VideoPacket]:
    dropped = set(rng.integers(0, len(packets), int(rng.integers(1, 6))).tolist())
    if rng.random() < 0.4:
        start = int(rng.integers(0, len(packets)))
        dropped |= set(range(start, start + int(rng.integers(1, 30))))
    return [packet for k, packet in enumerate(packets) if k not in dropped]


def _remux(
    source: Path,
    target: Path,
    choose: Callable[[list[VideoPacket]], list[VideoPacket]],
) -> None:
    """Write the chosen packets of a video, with their own stamps, into the same kind of file."""
    with av.open(str(source)) as container, av.open(str(target), "w") as out:
        stream = container.streams.video[0]
        copy = out.add_stream_from_template(stream)
        for packet in choose([packet for packet in container.demux(stream) if packet.size]):
            packet.stream = copy
            packet.dts = _decode_time(packet)
            out.mux(packet)


def _decode_time(packet: VideoPacket) -> int:
    """Return when a packet is decoded; Matroska stores no such time, and the first is unknown."""
    return (packet.pts or 0) - 1000 if packet.dts is None else packet.dts


def _rearrange(source: Path, target: Path, arrange: Callable[[list[bytes]], list[bytes]]) -> None:
    """Write the content of packets in another order under the stamps of the places."""
    with av.open(str(source)) as container, av.open(str(target), "w") as out:
        stream = container.streams.video[0]
        copy = out.add_stream_from_template(stream)
        packets = [packet for packet in container.demux(stream) if packet.size]
        places = [(packet.pts or 0, _decode_time(packet), packet.is_keyframe) for packet in packets]
        step = places[-1][1] - places[-2][1]
        for number, content in enumerate(arrange([bytes(packet) for packet in packets])):
            place = places[min(number, len(places) - 1)]
            beyond = max(0, number - len(places) + 1) * step
            packet = Packet(content)
            packet.pts, packet.dts, packet.is_keyframe = (
                place[0] + beyond,
                place[1] + beyond,
                place[2],
            )
            packet.stream = copy
            if stream.time_base is not None:
                packet.time_base = stream.time_base
            out.mux(packet)


def rewrite_stamps(source: Path, target: Path, shift: Callable[[int, int], float]) -> None:
    """Move the stamps of a transport stream in place.

    Args:
        source: a transport stream.
        target: the file to write.
        shift: seconds by the number of the picture and the count of all.
    """
    data = bytearray(source.read_bytes())
    places = []
    for at in range(0, len(data) - 187, 188):
        starts = data[at + 1] & 0x40
        body = at + 4 + (1 + data[at + 4] if data[at + 3] & 0x20 else 0)
        is_video = data[body : body + 3] == b"\0\0\1" and data[body + 3] & 0xF0 == 0xE0
        if starts and is_video and data[body + 7] & 0x80:
            places += [(body + 9, bool(data[body + 7] & 0x40))]
    for number, (at, has_decode_time) in enumerate(places):
        ticks = round(shift(number, len(places)) * 90_000)
        for place in (at, at + 5) if has_decode_time else (at,):
            _add_ticks(data, place, ticks)
    target.write_bytes(data)


def counted_anew(stream: bytes) -> bytes:
    """Return a transport stream whose packets are counted without a gap (2.4.3.3)."""
    data, counters = bytearray(stream), dict[int, int]()
    for at in range(0, len(data) - 187, 188):
        pid = (data[at + 1] & 31) << 8 | data[at + 2]
        if data[at + 3] & 0x10:
            counters[pid] = (counters.get(pid, -1) + 1) % 16
        data[at + 3] = data[at + 3] & 0xF0 | counters.get(pid, 0)
    return bytes(data)


def _add_ticks(data: bytearray, at: int, ticks: int) -> None:
    """Add to a stamp of 33 bits (ISO/IEC 13818-1, 2.4.3.7)."""
    b = data[at : at + 5]
    stamp = (b[0] >> 1 & 7) << 30 | b[1] << 22 | (b[2] >> 1) << 15 | b[3] << 7 | b[4] >> 1
    stamp = (stamp + ticks) % (1 << 33)
    data[at] = b[0] & 0xF1 | (stamp >> 30 & 7) << 1
    data[at + 1] = stamp >> 22 & 255
    data[at + 2] = b[2] & 1 | (stamp >> 15 & 127) << 1
    data[at + 3] = stamp >> 7 & 255
    data[at + 4] = b[4] & 1 | (stamp & 127) << 1

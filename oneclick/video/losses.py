"""Signs of lost pictures that no single packet shows: torn transport streams, swallowed groups.

Standard: ISO/IEC 13818-1 (2.4.3.2), packets of transport streams.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from oneclick.video.packets import ABSENT, PacketTable
from oneclick.video.stamps import FEW, LONG_STEP, MOST_REORDERED

_SIZES = (188, 192, 204)
"""Bytes of a packet of a transport stream: plain, with its time of arrival, with a checksum."""
_WITH_TIME = 192
_SAMPLED = 32
_SYNC = 0x47
_PACKETS_AT_ONCE = 1 << 15
_OFF_BEAT = 0.2
"""Part of a step by which time that lost pictures leave empty differs from whole steps at most."""
_MOST_GROUPS = 8
"""Groups whose loss is likelier than a pause of that very length; of longer ones a note tells."""
_MOST = 3
"""Swallowed losses that there may be in a short recording."""
_LONGEST_GROUP = 10_000
_USUAL = 0.75
"""Share of the groups from which on their length is the camera's habit."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pauses:
    """Pauses in time that may hide lost pictures, key pictures among them."""

    swallowed: tuple[int, ...] = ()
    """First packets after pauses that are as long as whole groups."""
    doubtful: int = 0
    """How many there are of which groups of changing length tell nothing."""


def torn_packets(path: Path, positions: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the pictures of a transport stream within which bytes are missing or are no packet.

    The counter of the stream's packets does not show that 16 of them are lost, or a multiple.

    Args:
        path: the file.
        positions: bytes from the start of the file to the pictures' packets, or ABSENT.
    """
    known = np.flatnonzero(positions != ABSENT)
    places = positions[known]
    if len(known) < 2 or (np.diff(places) < 0).any():
        return np.empty(0, np.int64)
    size = max(_SIZES, key=lambda size: int(np.bincount(places % size).max()))
    is_torn = np.diff(places % size) != 0
    edges = [0, *(np.flatnonzero(is_torn) + 1).tolist(), len(places)]
    with path.open("rb") as file:
        time_bytes = _time_bytes(file, places) if size == _WITH_TIME else 0
        for first, stop in itertools.pairwise(edges):
            start = int(places[first])
            while start < places[stop - 1]:
                count = min(_PACKETS_AT_ONCE, int(places[stop - 1] - start) // size)
                content = b""
                with contextlib.suppress(OSError):  # what cannot be read is known as damage
                    file.seek(start)
                    content = file.read(count * size)
                heads = np.frombuffer(content, np.uint8)[time_bytes::size]
                strays = start + size * np.flatnonzero(heads != _SYNC)
                is_torn[np.searchsorted(places, strays, "right") - 1] = True
                start += count * size
    rows = [np.arange(known[k], known[k + 1]) for k in np.flatnonzero(is_torn)]
    return np.concatenate(rows) if rows else np.empty(0, np.int64)


def _time_bytes(file: BinaryIO, places: NDArray[np.int64]) -> int:
    """Return how many bytes stand before the first byte of most packets: 4, or none."""
    heads = []
    for place in places[:_SAMPLED].tolist():
        with contextlib.suppress(OSError):
            file.seek(place)
            heads.append(file.read(5))
    return 4 * (sum(head[4:] == b"G" for head in heads) * 2 > len(heads))


def find_pauses(stamps: NDArray[np.int64], is_key: NDArray[np.bool_], counter_span: int) -> Pauses:
    """Find pauses after which pictures may refer to others than the last before.

    Where a loss reaches from the middle of a group of pictures into that of another, the next
    picture may count on as if nothing were missing. Then time has moved on by whole groups, though
    all other steps are even; a camera that paused would have to fit them by chance.

    Args:
        stamps: times of presentation in the order of the file, or ABSENT.
        is_key: whether decoding can start there.
        counter_span: pictures after which their counter starts anew; 0 without one.
    """
    if len(stamps) < 2 or (stamps == ABSENT).any():
        return Pauses()
    order = np.argsort(stamps, kind="stable")
    steps, keys = np.diff(stamps[order]), np.flatnonzero(is_key)
    is_long = steps > LONG_STEP * np.median(steps)
    step, spread = float(steps[~is_long].mean()), float(steps[~is_long].std())
    leads = np.arange(len(order)) - order
    if step <= 0 or not len(keys) or np.abs(leads).max() > MOST_REORDERED:
        return Pauses()
    usual, is_habit = _group_length(np.diff(stamps[keys]) / step)
    depth = int(leads.max())
    is_habit = is_habit and usual > 4 * depth
    gaps = np.flatnonzero(is_long)
    after = np.minimum.accumulate(order[::-1])[::-1][gaps + 1]
    is_open = ~is_key[after] & (after >= keys[0])
    gaps, after = gaps[is_open], after[is_open]
    lost = np.rint(steps[gaps] / step).astype(np.int64) - 1
    key = keys[np.searchsorted(keys, after, "right") - 1]
    places = np.rint((stamps[after] - stamps[key]) / step).astype(np.int64)
    groups = (places + depth) // usual if usual else np.zeros_like(places)
    ahead = _ahead(lost - groups * usual, counter_span, depth)
    is_across = groups > 0
    is_hidden = np.where(
        is_across,
        is_habit & (ahead <= 2 * depth),
        bool(counter_span) & (lost % max(1, counter_span) == 0),
    )
    is_hidden &= is_across | (depth == 0)
    is_hidden &= np.abs(steps[gaps] - (lost + 1) * step) <= _OFF_BEAT * step + 2 * spread
    spans = [span for span in (usual, 0 if depth else counter_span) if span]
    is_great = lost >= min(spans, default=0) - 2 * depth
    is_far = lost > _MOST_GROUPS * max(spans, default=0)
    swallowed, others = after[is_hidden & ~is_far], int((is_great & ~is_hidden).sum())
    doubtful = far = int((is_hidden & is_far).sum())
    if usual and not is_habit:
        doubtful += int((is_great & is_across & ~is_hidden).sum())
    # A camera that pauses as it likes, or all the time, loses nothing by it.
    if others > len(swallowed) + far or len(swallowed) > max(_MOST, FEW * len(steps)):
        return Pauses(doubtful=0 if is_habit or not usual else doubtful + len(swallowed))
    return Pauses(swallowed=tuple(swallowed.tolist()), doubtful=doubtful)


def marked(table: PacketTable, rows: Sequence[int] | NDArray[np.int64]) -> PacketTable:
    """Return a table in which some packets count as damaged."""
    is_damaged = table.is_damaged.copy()
    is_damaged[np.asarray(rows, np.int64)] = True
    return dataclasses.replace(table, is_damaged=is_damaged)


def _group_length(distances: NDArray[np.float64]) -> tuple[int, bool]:
    """Return the pictures from one key to the next, 0 if unknown, and whether it is a habit."""
    lengths = np.rint(distances[distances >= 1]).astype(np.int64)
    if not len(lengths):
        return 0, False
    usual = int(np.bincount(np.minimum(lengths, _LONGEST_GROUP)).argmax())
    is_habit = len(lengths) > 1 and float((lengths % usual == 0).mean()) >= _USUAL
    return (usual, True) if is_habit else (max(1, int(np.median(lengths))), False)


def _ahead(pictures: NDArray[np.int64], counter_span: int, depth: int) -> NDArray[np.int64]:
    """Return by how many pictures a counter differs from the one that is expected."""
    if not counter_span or depth:  # pictures that none refers to are not counted
        return np.abs(pictures)
    return np.minimum(pictures % counter_span, -pictures % counter_span)

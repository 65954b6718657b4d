"""What is said of a video: repaired, lost or left out, each in a few words."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oneclick.video.packets import PacketTable
from oneclick.video.stamps import FrameTimes


def notes_on_frames(
    table: PacketTable, order: NDArray[np.int64], stated: int, stored: int
) -> list[str]:
    """Return how many pictures damage has cost, an edit list hides, or are not there at all.

    Args:
        table: packets as the edit list has them.
        order: packets of the frames.
        stated: pictures that the header states; 0 where it does not.
        stored: packets in the file, whatever the edit list says.
    """
    is_there = ~table.is_discarded & ~table.is_repeat
    lost, absent = int(is_there.sum()) - len(order), stated - stored
    notes = [f"{lost:,} picture{'s' * (lost > 1)} lost to damage"] if lost > 0 else []
    if absent > 0:
        notes.append(f"{absent:,} of the {stated:,} pictures that the header states are missing")
    if stored > len(table) or table.is_discarded.any():
        hidden = stored - len(np.unique(table.positions[is_there]))
        notes.append(f"an edit list hides {hidden:,} of {stored:,} pictures")
    if count := int(table.is_repeat.sum()):
        notes.append(f"{count:,} packet{'s' * (count > 1)} that stood twice left out")
    return notes


def notes_on_times(times: FrameTimes, changes: int, are_counted: bool) -> list[str]:
    """Return what had to be done for the times of frames, which a codec may count."""
    notes = []
    if times.is_worthless:
        notes.append("no usable time stamps: frames are evenly spaced")
    elif times.repaired:
        notes.append(f"{times.repaired:,} time stamps repaired")
    if count := len(times.breaks):
        notes.append(f"{count + 1:,} stretches: time jumps {count:,} ×")
    if not are_counted and not times.is_irregular and times.long_steps:
        notes += notes_on_pauses(times.long_steps)
    if changes:
        notes.append(f"the size of pictures changes {changes:,} ×")
    return notes


def notes_on_pauses(count: int) -> list[str]:
    """Return what to think of pauses at which packets may be lost without a sign."""
    gaps = f"{count:,} gap{'s' * (count > 1)} in time"
    return [f"{gaps}: if packets are lost there, pictures after it are made up"] if count else []

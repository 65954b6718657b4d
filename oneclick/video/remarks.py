"""What is said of a video: repaired, lost or left out, each in a few words."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oneclick.video.packets import PacketTable
from oneclick.video.stamps import FrameTimes


def notes_on_frames(table: PacketTable, order: NDArray[np.int64], stated: int) -> list[str]:
    """Return how many pictures damage has cost, and how many that a header states are not there."""
    there = int((~table.is_discarded & ~table.is_repeat).sum())
    lost, absent = there - len(order), stated - int(table.is_discarded.sum()) - there
    notes = [f"{lost:,} picture{'s' * (lost > 1)} lost to damage"] if lost > 0 else []
    if absent > 0:
        notes.append(f"{absent:,} of the {stated:,} pictures that the header states are missing")
    if table.is_repeat.any():
        notes.append(f"{int(table.is_repeat.sum()):,} packets that stood twice left out")
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
        gaps = f"{times.long_steps:,} gap{'s' * (times.long_steps > 1)} in time"
        notes.append(f"{gaps}: if packets are lost there, pictures after it are made up")
    if changes:
        notes.append(f"the size of pictures changes {changes:,} ×")
    return notes

"""The time by which recordings are deleted: one that a wrong clock cannot move on.

The clock of a machine may be wrong by weeks after a dead battery or a typing error. So each
maintenance moves a time of its own on, `retention.json`, by what has really passed since the last:

- as the uptime of the machine tells, while it was not restarted;
- else as its clock tells, but at most a day, and never back.

At the first maintenance it is the newest time in the catalog, or that of the clock if that is
earlier. A recording is as old as its file, but no older than the maintenance before it was there.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from oneclick.core.errors import BadInput
from oneclick.storage import sealed_files

MOST_UNCHECKED = timedelta(days=1)
"""Most time between two maintenances that the clock alone vouches for."""
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class ClockReading(msgspec.Struct, frozen=True, kw_only=True):
    """What the clocks of a machine show at one moment."""

    wall: datetime
    """UTC; anybody can set it."""
    boot: str
    """Identifies the time since the machine was started; empty where that is unknown."""
    uptime: float
    """Seconds since the machine was started, with those that it slept."""

    @classmethod
    def now(cls) -> ClockReading:
        """Read the clocks of this machine."""
        clock = getattr(time, "CLOCK_BOOTTIME", None)
        try:
            boot = _BOOT_ID.read_text("latin-1").strip() if clock is not None else ""
        except OSError:
            boot = ""
        uptime = time.clock_gettime(clock) if clock is not None else 0.0
        return cls(wall=datetime.now(UTC), boot=boot, uptime=uptime)

    def since(self, earlier: ClockReading) -> timedelta:
        """Return the time that has surely passed since an earlier reading."""
        if self.boot and self.boot == earlier.boot:
            return timedelta(seconds=max(self.uptime - earlier.uptime, 0))
        return min(max(self.wall - earlier.wall, timedelta()), MOST_UNCHECKED)


class RetentionState(msgspec.Struct, frozen=True, kw_only=True):
    """Content of `retention.json`."""

    at: datetime
    """Time of the last maintenance as far as it is sure, UTC."""
    reading: ClockReading
    births: dict[str, datetime]
    """From when each recording counts its days, by id of the video."""


def advance(
    path: Path, files_by_video: Mapping[str, Path], newest: datetime | None, reading: ClockReading
) -> RetentionState:
    """Move the time on to the present maintenance, and write it down.

    Args:
        path: of `retention.json`; one that is missing or broken begins anew.
        files_by_video: raw recordings that are there.
        newest: time in the catalog, None where it is empty; used at the first maintenance.
        reading: of the clocks now.

    Raises:
        NoSpace, Unavailable: it cannot be written.
    """
    before = load(path)
    at = min(reading.wall, newest or reading.wall)
    if before:
        at = before.at + reading.since(before.reading)
    births = {}
    for video_id, file in files_by_video.items():
        birth = before.births.get(video_id) if before else None
        if birth is None:
            birth = datetime.fromtimestamp(file.stat().st_mtime, UTC)
            if before:  # it came after the last maintenance, whatever the clock was then
                birth = max(birth, before.at)
        births[video_id] = min(birth, at)
    state = RetentionState(at=at, reading=reading, births=births)
    sealed_files.write(path, state)
    return state


def load(path: Path) -> RetentionState | None:
    """Read the state of the last maintenance; None where there is none, or it is broken."""
    try:
        state: RetentionState = sealed_files.read(path, RetentionState)
    except BadInput:
        return None
    return state

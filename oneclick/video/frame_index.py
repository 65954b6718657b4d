"""What is known of a video file: its properties, its frames, and how its pictures are stored."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from oneclick.core.timing import CONSTANT, Timing
from oneclick.video.packets import PacketTable
from oneclick.video.presentation import Presentation


@dataclass(frozen=True, kw_only=True)
class VideoInfo:
    """Properties of a video file."""

    fps: float
    """Mean frames per second within stretches, or 25 where nothing plausible is known."""
    frames: int
    """Frames that decode; at least one."""
    width: int
    """Pixels, as players show it: turned, and with square pixels."""
    height: int
    started_at: datetime | None
    """UTC start as the recorder wrote it, or None."""
    variable: bool
    """Whether frames are unevenly spaced in time."""
    timing: Timing = CONSTANT
    """True times of the frames, and the breaks between stretches."""
    notes: tuple[str, ...] = ()
    """What was chosen, repaired or left out, each in a few words."""


@dataclass(frozen=True, eq=False, kw_only=True)
class FrameIndex:
    """Frames of a video file, and how its pictures are stored."""

    info: VideoInfo
    codec: str
    """Name of the decoder."""
    presentation: Presentation
    """How stored pictures become those that are shown."""
    table: PacketTable
    order: NDArray[np.int64]
    """(N,) number of the packet of every frame, in order of presentation."""
    seconds: NDArray[np.float64]
    """(N,) true time of every frame from the first."""
    is_decoded: bool
    """Whether the file was decoded for this, and is to be decoded on one thread."""
    strict: bool
    """Whether a fault of the decoder means damage."""

    @functools.cached_property
    def frame_of_packet(self) -> NDArray[np.int64]:
        """(P,) number of the frame of every packet; -1 where there is none."""
        numbers = np.full(len(self.table), -1, np.int64)
        numbers[self.order] = np.arange(len(self.order))
        return numbers

    @functools.cached_property
    def keys(self) -> NDArray[np.int64]:
        """Numbers of the packets at which decoding can start, ascending."""
        is_start = self.table.is_key & ~self.table.is_damaged & (self.frame_of_packet >= 0)
        return np.flatnonzero(is_start)

"""What the lanes of a timeline hold: hits or their density, video, clips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from oneclick.report.timeline import UndatedVideo


@dataclass(frozen=True, kw_only=True)
class LaneHit:
    """One hit on a lane of the timeline."""

    start: float
    """Seconds since 1970."""
    stop: float
    score: float
    why: str
    video: str
    frame: int
    """Its first frame."""


@dataclass(frozen=True, kw_only=True)
class TriggerLane:
    """Hits of one trigger on one camera: one by one, or their number by bucket."""

    trigger: str
    total: int
    hits: tuple[LaneHit, ...] = ()
    cells: Sequence[int] | None = None
    """Bucket and number of hits by turns, the bucket counted from the first of the window; None
    where hits are shown one by one."""


@dataclass(frozen=True)
class VideoSpan:
    """Time with video: a stretch without a break, or buckets."""

    start: float
    stop: float
    seconds: float
    """Recorded between them."""
    scanned: float
    """Seconds of these that triggers have looked at."""


@dataclass(frozen=True)
class ClipSpan:
    """A Clip, or the Clips of a bucket that are equally far."""

    start: float
    stop: float
    state: str
    """`selected`, `review`, `reviewed` or `published`."""
    clip: str
    """Id; empty where several are joined."""


@dataclass(frozen=True, kw_only=True)
class CameraLanes:
    """One camera in a window."""

    camera: str
    triggers: tuple[TriggerLane, ...]
    """Most hits first."""
    video: tuple[VideoSpan, ...]
    clips: tuple[ClipSpan, ...]
    undated: tuple[UndatedVideo, ...]

    @property
    def total(self) -> int:
        """Return the number of hits of all triggers."""
        return sum(lane.total for lane in self.triggers)


@dataclass(frozen=True, kw_only=True)
class TriggerLanes:
    """All lanes of a window."""

    start: float
    """Seconds since 1970."""
    stop: float
    bucket: int
    """Seconds of a cell; 0 where hits are shown one by one."""
    origin: int
    """Start of the first bucket, in seconds since 1970."""
    cameras: tuple[CameraLanes, ...]

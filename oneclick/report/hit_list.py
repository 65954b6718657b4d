"""Every hit as a moment somebody can look at: when, where, why, and the clip that shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import inf
from pathlib import Path

from oneclick.catalog import Catalog, ClipRow
from oneclick.core.clips import Clip, ClipStage, Video
from oneclick.core.hits import Hit
from oneclick.core.spans import Span
from oneclick.report import windows
from oneclick.report.windows import Window


@dataclass(frozen=True)
class Moment:
    """One Hit, and where it leads."""

    at: datetime | None
    """UTC start of its span; None where nobody knows when the Video began."""
    camera: str
    video: str
    trigger: str
    start: int
    """First frame of the Video, 0-based."""
    stop: int
    score: float
    why: str
    clip: str | None
    """The Clip that shows most of it; None if none was cut."""


def moments(
    home: Path,
    since: datetime | None = None,
    until: datetime | None = None,
    camera: str | None = None,
    trigger: str | None = None,
    limit: int | None = None,
) -> list[Moment]:
    """Hits in `[since, until)`, newest first; those without a time come last.

    Raises:
        UnknownName: no video is of this camera, or there is no such trigger.
        UsageError: the window is empty.
    """
    window, found = Window(since, until), list[Moment]()
    with Catalog.open(home) as catalog, catalog.reading():
        videos = windows.videos(catalog, window, camera, trigger)
        for video in sorted(videos, key=_latest, reverse=True):
            if limit is not None and len(found) >= limit and _earlier(video, found[limit - 1]):
                break
            clips = _cut(catalog.clips(video=video.id))
            here = [moment(video, hit, clips) for _, hit in catalog.hits(video.id, trigger)]
            found += [m for m in here if not m.at or window.low <= m.at.timestamp() < window.high]
            found.sort(key=_newest)
    return found[:limit]


def moment(video: Video, hit: Hit, clips: Sequence[Clip] = ()) -> Moment:
    """A Hit of a Video as a Moment; `clips` are those cut from the Video."""
    shows = max(clips, key=lambda clip: _shared(clip.span, hit.span), default=None)
    return Moment(
        windows.at(video, hit.span.start),
        video.camera,
        video.id,
        hit.trigger,
        hit.span.start,
        hit.span.stop,
        hit.score,
        hit.why,
        shows.id if shows and shows.span.overlaps(hit.span) else None,
    )


def _latest(video: Video) -> float:
    """When it ended; those whose start nobody knows come last."""
    return windows.stamp(video, video.frames) if video.started_at else -inf


def _earlier(video: Video, last: Moment) -> bool:
    """Whether no hit of a video can be newer than one that was found."""
    return last.at is not None and _latest(video) <= last.at.timestamp()


def _cut(rows: Sequence[ClipRow]) -> list[Clip]:
    """Clips without those that could not even be cut."""
    return [r.clip for r in rows if r.stage is not ClipStage.QUARANTINED or r.failed_from]


def _shared(a: Span, b: Span) -> int:
    return min(a.stop, b.stop) - max(a.start, b.start)


def _newest(found: Moment) -> tuple[bool, float, str, int, str]:
    age = -found.at.timestamp() if found.at else 0.0
    return found.at is None, age, found.video, found.start, found.trigger

"""Hits as rows: when, where, why, and the clip that shows each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import inf
from pathlib import Path
from urllib.parse import quote

from oneclick.catalog import Catalog
from oneclick.core.clips import Clip, ClipStage, Video
from oneclick.core.hits import Hit
from oneclick.report import windows
from oneclick.report.windows import TimeWindow


@dataclass(frozen=True, kw_only=True)
class HitRow:
    """One Hit with its time, and the Clip that shows it."""

    at: datetime | None
    """Start of its span, UTC; None for a Video of unknown start."""
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
    link: str
    """Address of the hit on the web pages, below that of their server."""


def hits(
    home: Path,
    since: datetime | None = None,
    until: datetime | None = None,
    camera: str | None = None,
    trigger: str | None = None,
    limit: int | None = None,
) -> list[HitRow]:
    """List Hits in `[since, until)`, newest first; those without a time come last.

    Raises:
        UnknownName: no video is of this camera, or there is no such trigger.
        UsageError: the window is empty.
    """
    window = TimeWindow(since, until)
    hit_rows: list[HitRow] = []
    with Catalog.open(home) as catalog, catalog.reading():
        videos = windows.videos_in_window(catalog, window, camera, trigger)
        for video in sorted(videos, key=_end, reverse=True):
            if limit is not None and len(hit_rows) >= limit:
                oldest = hit_rows[limit - 1].at
                if oldest is not None and _end(video) <= oldest.timestamp():
                    break  # no hit of this video or of a later one is newer
            clips = [
                record.clip
                for record in catalog.clips(video=video.id)
                if record.stage is not ClipStage.QUARANTINED or record.failed_from  # was cut
            ]
            for _, hit in catalog.hits(video.id, trigger):
                row = hit_row(video, hit, clips)
                if row.at is None or window.low <= row.at.timestamp() < window.high:
                    hit_rows.append(row)
            hit_rows.sort(key=newest_first)
    return hit_rows[:limit]


def hit_row(video: Video, hit: Hit, clips: Sequence[Clip] = ()) -> HitRow:
    """Convert a Hit of a Video to a row; `clips` are those cut from the Video."""

    def shared_frames(clip: Clip) -> int:
        return min(clip.span.stop, hit.span.stop) - max(clip.span.start, hit.span.start)

    clip = max(clips, key=shared_frames, default=None)
    return HitRow(
        at=video.taken_at(hit.span.start),
        camera=video.camera,
        video=video.id,
        trigger=hit.trigger,
        start=hit.span.start,
        stop=hit.span.stop,
        score=hit.score,
        why=hit.why,
        clip=clip.id if clip and shared_frames(clip) > 0 else None,
        link=timeline_link(video.camera, video.id, hit.span.start),
    )


def timeline_link(camera: str, video_id: str, frame: int) -> str:
    """Return the path of a frame of a Video on the page of the timeline."""
    return f"/timeline/{quote(camera)}?video={quote(video_id)}&frame={frame}"


def newest_first(row: HitRow) -> tuple[bool, float, str, int, str]:
    """Return a key that sorts rows by time, newest first, those without a time last."""
    age = -row.at.timestamp() if row.at else 0.0
    return row.at is None, age, row.video, row.start, row.trigger


def _end(video: Video) -> float:
    """Return the end of a Video in seconds since 1970, -inf if its start is unknown."""
    return windows.recorded_timestamp(video, video.frames) if video.started_at else -inf

"""Videos and clips as rows, and one clip in full."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from oneclick.catalog import Catalog, ClipRecord
from oneclick.core import ids
from oneclick.core.clips import ClipStage, Video
from oneclick.core.errors import UnknownName
from oneclick.core.hits import Hit
from oneclick.storage import platform_records
from oneclick.storage.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class VideoRow:
    """One recording."""

    id: str
    camera: str
    started_at: datetime | None
    frames: int
    fps: float
    width: int
    height: int
    clips: int
    """Clips cut from it."""
    stretches: int
    """Spans of frames without a break in time."""
    notes: tuple[str, ...]
    """What was chosen, repaired or left out when it was fetched."""


@dataclass(frozen=True, kw_only=True)
class StretchRow:
    """One span of frames of a recording without a break in time."""

    start: int
    """First frame, 0-based."""
    stop: int
    seconds: float
    """True time of the first frame, from the start of the recording."""
    length: float
    """Seconds from the first frame to the end of the last."""
    started_at: datetime | None
    """UTC, or None where the start of the recording is unknown."""


@dataclass(frozen=True, kw_only=True)
class VideoDetail:
    """One recording with its stretches."""

    row: VideoRow
    digest: str
    """sha256 of the file."""
    stretches: list[StretchRow]


@dataclass(frozen=True, kw_only=True)
class ClipRow:
    """One clip in a list."""

    id: str
    stage: str
    frames: int
    split: str
    chosen_by: str
    why: str
    """Triggers that chose it."""
    revision: int
    error: str
    camera: str
    moved_at: datetime
    """When it arrived at its stage, UTC."""


@dataclass(frozen=True, kw_only=True)
class ClipDetail:
    """One clip with its whole history."""

    row: ClipRow
    video: str
    start: int
    """First frame of the video, 0-based."""
    stop: int
    hits: tuple[Hit, ...]
    revisions: list[Any]
    events: list[Any]
    known_as: dict[str, str]
    """Its title on each review platform that it was sent to."""


def videos(home: Path) -> list[VideoRow]:
    """List all recordings with the number of clips cut from each."""
    with Catalog.open(home) as catalog:
        clips = Counter(record.clip.video for record in catalog.clips())
        return [video_row(video, clips[video.id]) for video in catalog.videos()]


def video(home: Path, video_id: str) -> VideoDetail:
    """Return one recording with its stretches.

    Raises:
        UnknownName: there is no such recording.
    """
    with Catalog.open(home) as catalog:
        recording = catalog.video(video_id)
        clips = len(catalog.clips(video=video_id))
    stretches = []
    for span in recording.stretches():
        seconds = recording.seconds_at(span.start)
        end = recording.seconds_at(span.stop - 1) + 1 / recording.fps
        stretch = StretchRow(
            start=span.start,
            stop=span.stop,
            seconds=round(seconds, 3),
            length=round(end - seconds, 3),
            started_at=recording.taken_at(span.start),
        )
        stretches.append(stretch)
    return VideoDetail(
        row=video_row(recording, clips), digest=recording.digest, stretches=stretches
    )


def video_row(video: Video, clips: int) -> VideoRow:
    """Convert a Video, from which so many clips were cut, to a row."""
    return VideoRow(
        id=video.id,
        camera=video.camera,
        started_at=video.started_at,
        frames=video.frames,
        fps=video.fps,
        width=video.width,
        height=video.height,
        clips=clips,
        stretches=len(video.stretches()),
        notes=video.notes,
    )


def clips(
    home: Path,
    stage: str | None = None,
    camera: str | None = None,
    limit: int | None = None,
    offset: int = 0,
) -> list[ClipRow]:
    """List clips, oldest first.

    Raises:
        UnknownName: there is no such stage.
    """
    stages = [clip_stage.value for clip_stage in ClipStage]
    if stage is not None and stage.upper() not in stages:
        raise UnknownName("clip stage", stage, stages)
    with Catalog.open(home) as catalog:
        records = catalog.clips(
            stage=ClipStage(stage.upper()) if stage else None,
            camera=camera,
            limit=limit,
            offset=offset,
        )
    return [clip_row(record) for record in records]


def clip(home: Path, clip_id: str) -> ClipDetail:
    """Return one clip in full, by its id or by its title on a review platform.

    Raises:
        UnknownName: there is no such clip.
    """
    with Catalog.open(home) as catalog:
        record = catalog.clip(clip_id_of_title(catalog, clip_id))
        clip = record.clip
        return ClipDetail(
            row=clip_row(record),
            video=clip.video,
            start=clip.span.start,
            stop=clip.span.stop,
            hits=clip.hits,
            revisions=list(catalog.revision_rows(clip.id)),
            events=list(catalog.events(clip.id)),
            known_as=platform_records.clip_titles(Workspace(home), clip.id),
        )


def clip_id_of_title(catalog: Catalog, title: str) -> str:
    """Return the id of the clip with this title on a review platform, else the text itself."""
    code = title.removesuffix(".mp4")
    if not code.startswith(ids.PSEUDONYM_PREFIX):
        return title
    clip_ids = (record.clip.id for record in catalog.clips())
    return next((id_ for id_ in clip_ids if ids.pseudonym(id_) == code), title)


def clip_row(record: ClipRecord) -> ClipRow:
    """Convert a record of the catalog to a row of a list."""
    clip = record.clip
    return ClipRow(
        id=clip.id,
        stage=record.stage.value,
        frames=len(clip.span),
        split=clip.split,
        chosen_by=clip.chosen_by.value,
        why=", ".join(sorted({hit.trigger for hit in clip.hits})),
        revision=record.revision,
        error=record.error or "",
        camera=clip.camera,
        moved_at=record.moved_at,
    )

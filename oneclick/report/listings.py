"""Videos and clips as rows, and one clip in full."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from oneclick.catalog import Catalog
from oneclick.catalog import ClipRow as CatalogRow
from oneclick.core.clips import ClipStage
from oneclick.core.errors import UnknownName
from oneclick.core.hits import Hit
from oneclick.platforms.encord import records
from oneclick.platforms.encord.records import Records
from oneclick.storage.workspace import Workspace


@dataclass(frozen=True)
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


@dataclass(frozen=True)
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
    """Since when it stands there, UTC."""


@dataclass(frozen=True)
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
    """Its title on review platforms that it was sent to."""


def videos(home: Path) -> list[VideoRow]:
    """All recordings with the number of clips cut from each."""
    with Catalog.open(home) as catalog:
        owned = Counter(row.clip.video for row in catalog.clips())
        return [
            VideoRow(v.id, v.camera, v.started_at, v.frames, v.fps, v.width, v.height, owned[v.id])
            for v in catalog.videos()
        ]


def clips(
    home: Path,
    stage: str | None = None,
    camera: str | None = None,
    limit: int | None = None,
    offset: int = 0,
) -> list[ClipRow]:
    """Clips, oldest first.

    Raises:
        UnknownName: for a stage that does not exist.
    """
    known = [name.value for name in ClipStage]
    if stage is not None and stage.upper() not in known:
        raise UnknownName("clip stage", stage, known)
    with Catalog.open(home) as catalog:
        rows = catalog.clips(
            stage=ClipStage(stage.upper()) if stage else None,
            camera=camera,
            limit=limit,
            offset=offset,
        )
    return [row(one) for one in rows]


def clip(home: Path, clip_id: str) -> ClipDetail:
    """One clip in full, by its id or by its title on a review platform.

    Raises:
        UnknownName: if there is no such clip.
    """
    known = Records(Workspace(home).review_dir() / "encord" / "records")
    with Catalog.open(home) as catalog:
        found = catalog.clip(_named(catalog, clip_id))
        clip_id = found.clip.id
        there = known.find(clip_id)
        return ClipDetail(
            row(found),
            found.clip.video,
            found.clip.span.start,
            found.clip.span.stop,
            found.clip.hits,
            list(catalog.revision_rows(clip_id)),
            list(catalog.events(clip_id)),
            {"encord": there.title} if there else {},
        )


def _named(catalog: Catalog, text: str) -> str:
    """The clip that a review platform knows by that title, or the text as it is."""
    wanted = text.removesuffix(".mp4")
    if not wanted.startswith(records.PREFIX):
        return text
    ids = (row.clip.id for row in catalog.clips())
    return next((clip for clip in ids if records.code(clip) == wanted), text)


def row(found: CatalogRow) -> ClipRow:
    """A row of the catalog as one in a list."""
    names = sorted({hit.trigger for hit in found.clip.hits})
    return ClipRow(
        found.clip.id,
        found.stage.value,
        len(found.clip.span),
        found.clip.split,
        found.clip.chosen_by.value,
        ", ".join(names),
        found.revision,
        found.error or "",
        found.clip.camera,
        found.moved_at,
    )

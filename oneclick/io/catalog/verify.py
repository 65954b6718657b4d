"""Does the catalog tell the truth? Rollups recounted, rows compared with files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from oneclick.core import progress
from oneclick.core.clips import ClipStage
from oneclick.io import datasets, files, labels
from oneclick.io.catalog import engine as engines
from oneclick.io.catalog import schema
from oneclick.io.catalog.rows import ClipRow, RevisionRow

if TYPE_CHECKING:
    from oneclick.io.catalog.catalog import Catalog

_BARE = (ClipStage.CUT, ClipStage.QUARANTINED)
_UNLABELLED = (*_BARE, ClipStage.EXTRACTED)


def verify(catalog: Catalog, deep: bool) -> list[str]:
    """One sentence a problem; `deep` reads every file."""
    with catalog.reading() as connection:
        return [
            *(engines.damage(connection) if deep else ()),
            *_rollups(connection),
            *_history(connection),
            *_videos(catalog, deep),
            *_clips(catalog, deep),
            *_made(catalog),
        ]


def _rollups(connection: sa.Connection) -> Iterator[str]:
    clips, hits, videos = schema.clips.c, schema.hits.c, schema.videos.c
    yield from _differences(
        connection,
        "clips",
        sa.select(clips.camera, clips.stage, sa.func.count()).group_by(clips.camera, clips.stage),
        schema.stage_counts,
    )
    yield from _differences(
        connection,
        "hits",
        sa.select(videos.camera, hits.trigger, sa.func.count())
        .where(hits.video == videos.id)
        .group_by(videos.camera, hits.trigger),
        schema.hit_counts,
    )


def _differences(
    connection: sa.Connection, what: str, recount: sa.Select[tuple[str, str, int]], rollup: sa.Table
) -> Iterator[str]:
    true = {(camera, name): count for camera, name, count in connection.execute(recount)}
    kept = {(camera, name): count for camera, name, count in connection.execute(sa.select(rollup))}
    for key in sorted(true.keys() | kept.keys()):
        told, counted = kept.get(key, 0), true.get(key, 0)
        if told != counted:
            yield f"{what} of camera {key[0]}, {key[1]}: total says {told}, there are {counted}"


def _history(connection: sa.Connection) -> Iterator[str]:
    """The last event of a clip says where it stands."""
    events, clips = schema.clip_events.c, schema.clips.c
    last = sa.select(sa.func.max(events.id).label("id")).group_by(events.clip).subquery()
    query = (
        sa.select(clips.id, clips.stage, events.new)
        .where(events.id.in_(sa.select(last.c.id)), events.clip == clips.id)
        .where(events.new != clips.stage)
        .order_by(clips.id)
    )
    for row in connection.execute(query):
        yield f"clip {row.id} stands at {row.stage}, but its last event says {row.new}"


def _videos(catalog: Catalog, deep: bool) -> Iterator[str]:
    for video in catalog.videos():
        card = catalog.workspace.video_card(video.camera, video.id)
        if not card.exists():
            yield f"video {video.id}: {card} is missing"
        raw = catalog.workspace.video_file(video)  # may have been retired
        if deep and raw.exists():
            yield from _digest(raw, video.digest, f"video {video.id}")


def _clips(catalog: Catalog, deep: bool) -> Iterator[str]:
    rows, revisions = catalog.clips(), _by_clip(catalog.revision_rows())
    for row in progress.track("verify", rows, len(rows)):
        for problem in _clip(catalog, row, deep):
            yield f"clip {row.clip.id}: {problem}"
        for problem in _labels(catalog, row, revisions.get(row.clip.id, []), deep):
            yield f"clip {row.clip.id}: {problem}"
    known = {row.clip.id for row in rows}
    for card in sorted(catalog.workspace.home.glob("clips/*/*/clip.json")):
        if card.parent.name not in known and not card.parent.name.startswith("."):
            yield f"clip {card.parent.name} lies on disk, but not in the catalog"


def _by_clip(rows: list[RevisionRow]) -> dict[str, list[RevisionRow]]:
    found: dict[str, list[RevisionRow]] = {}
    for row in rows:
        found.setdefault(row.clip, []).append(row)
    return found


def _clip(catalog: Catalog, row: ClipRow, deep: bool) -> Iterator[str]:
    clip, workspace = row.clip, catalog.workspace
    if row.stage is ClipStage.QUARANTINED:
        if not workspace.quarantine_card(clip.id).exists():
            yield f"{workspace.quarantine_card(clip.id)} is missing"
        if row.failed_from is None:
            return  # it was never cut
    video = workspace.clip_file(clip.id)
    for path in (workspace.clip_card(clip.id), video):
        if not path.exists():
            yield f"{path} is missing"
    if deep and video.exists():
        yield from _digest(video, clip.digest, "clip.mp4")
    if row.stage not in _BARE and not workspace.frame_file(clip.id, 0).exists():
        yield f"{workspace.frames_dir(clip.id)} is missing or empty"
    if row.stage not in _UNLABELLED and not row.revision:
        yield f"stands at {row.stage} without labels"


def _labels(catalog: Catalog, row: ClipRow, known: list[RevisionRow], deep: bool) -> Iterator[str]:
    on_disk = {
        labels.revision(path): path for path in labels.revisions(catalog.workspace, row.clip.id)
    }
    for revision in known:
        path = on_disk.pop(revision.revision, None)
        if path is None:
            yield f"the file of label revision {revision.revision} is missing"
        elif deep:
            yield from _digest(path, revision.digest, f"label revision {revision.revision}")
    for number in on_disk:
        yield f"label revision {number} lies on disk, but not in the catalog"


def _digest(path: Path, digest: str, what: str) -> Iterator[str]:
    if files.sha256(path) != digest:
        yield f"{what}: {path} was changed, its sha256 is not the one on record"


def _made(catalog: Catalog) -> Iterator[str]:
    home = catalog.workspace.home
    cards = {path.parent.name for path in home.glob("models/*/card.json")}
    yield from _both("model", {row.id for row in catalog.models()}, cards)
    versions = set(datasets.names(catalog.workspace))
    yield from _both("dataset version", {row.name for row in catalog.datasets()}, versions)


def _both(what: str, rows: set[str], on_disk: set[str]) -> Iterator[str]:
    for name in sorted(rows - on_disk):
        yield f"{what} {name} stands in the catalog, but its files are missing"
    for name in sorted(on_disk - rows):
        yield f"{what} {name} lies on disk, but not in the catalog"

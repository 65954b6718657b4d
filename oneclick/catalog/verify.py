"""Does the catalog tell the truth? Rollups recounted, rows compared with files."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from oneclick.catalog import counters, schema
from oneclick.catalog import engine as engines
from oneclick.catalog.rows import ClipRow, RevisionRow
from oneclick.core import progress
from oneclick.core.clips import ClipStage
from oneclick.storage import datasets, files, labels

if TYPE_CHECKING:
    from oneclick.catalog.catalog import Catalog

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
    """Counters that a recount of the rows contradicts."""
    table = schema.counters.c
    for word, true in counters.recount(connection):
        query = sa.select(schema.counters).where(table.kind.in_(counters.KINDS[word]))
        kept = {tuple(row[:5]): row[5] for row in connection.execute(query)}
        for key in sorted(true.keys() | kept.keys()):
            told, counted = kept.get(key, 0), true.get(key, 0)
            if not math.isclose(told, counted, rel_tol=1e-9, abs_tol=1e-3):
                yield f"{_named(word, key)}: total says {told:g}, there are {counted:g}"


def _named(word: str, key: tuple[Any, ...]) -> str:
    kind, size, start, who, what = key
    since = f" from {datetime.fromtimestamp(start, UTC):%Y-%m-%d %H:%M} on" if size else ""
    names = ", ".join(name for name in (who, what) if name)
    return f"{word} ({kind}) of {names or 'all'}{since and f' in {size} s{since}'}"


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

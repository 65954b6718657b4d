"""Consistency check of the catalog: counters recounted, rows compared with files."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from oneclick.catalog import engine as engines
from oneclick.catalog import recount, schema
from oneclick.catalog.catalog import Catalog
from oneclick.catalog.rows import ClipRecord, LabelRevisionRecord
from oneclick.core import progress
from oneclick.core.clips import ClipStage
from oneclick.storage import datasets, files, labels

_WITHOUT_FRAMES = (ClipStage.CUT, ClipStage.QUARANTINED)
_WITHOUT_LABELS = (*_WITHOUT_FRAMES, ClipStage.EXTRACTED)


def verify(catalog: Catalog, deep: bool = False) -> list[str]:
    """Check the counters against a recount, and the rows against the files.

    Args:
        catalog: an open catalog.
        deep: also compare the sha256 of every file, and check the database file.

    Returns:
        One sentence a problem; empty if catalog and files agree.
    """
    home = catalog.workspace.home
    with catalog.reading() as connection:
        return [
            *(engines.damage(connection) if deep else ()),
            *check_counters(connection),
            *check_events(connection),
            *check_videos(catalog, deep),
            *check_clips(catalog, deep),
            *_differences(
                "model",
                {row.id for row in catalog.models()},
                {path.parent.name for path in home.glob("models/*/card.json")},
            ),
            *_differences(
                "dataset version",
                {row.name for row in catalog.datasets()},
                set(datasets.names(catalog.workspace)),
            ),
        ]


def check_counters(connection: sa.Connection) -> Iterator[str]:
    """Yield a sentence for each counter that differs from a recount of the rows."""
    table = schema.counters.c
    for label, recounted in recount.recount(connection):
        query = sa.select(schema.counters).where(table.kind.in_(recount.KINDS[label]))
        totals = {tuple(row[:5]): row[5] for row in connection.execute(query)}
        for key in sorted(recounted.keys() | totals.keys()):
            total, number = totals.get(key, 0), recounted.get(key, 0)
            if not math.isclose(total, number, rel_tol=1e-9, abs_tol=1e-3):
                kind, size, start, group, measure = key
                names = ", ".join(name for name in (group, measure) if name) or "all"
                since = f"{datetime.fromtimestamp(start, UTC):%Y-%m-%d %H:%M}"
                period = f" in {size} s from {since} on" if size else ""
                yield (
                    f"{label} ({kind}) of {names}{period}: total says {total:g}, "
                    f"there are {number:g}"
                )


def check_events(connection: sa.Connection) -> Iterator[str]:
    """Yield a sentence for each clip whose stage is not that of its last event."""
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


def check_videos(catalog: Catalog, deep: bool) -> Iterator[str]:
    """Yield a sentence for each video without a card, or (`deep`) with a changed file."""
    for video in catalog.videos():
        card = catalog.workspace.video_card(video.camera, video.id)
        if not card.exists():
            yield f"video {video.id}: {card} is missing"
        recording = catalog.workspace.video_file(video)  # deleted after its retention time
        if deep and recording.exists():
            yield from _check_digest(recording, video.digest, f"video {video.id}")


def check_clips(catalog: Catalog, deep: bool) -> Iterator[str]:
    """Yield the problems of all clips, and a sentence for each clip that only exists on disk."""
    clips = catalog.clips()
    revisions: defaultdict[str, list[LabelRevisionRecord]] = defaultdict(list)
    for revision in catalog.revision_rows():
        revisions[revision.clip].append(revision)
    for row in progress.track("verify", clips, len(clips)):
        for problem in check_clip_files(catalog, row, deep):
            yield f"clip {row.clip.id}: {problem}"
        for problem in check_label_files(catalog, row, revisions[row.clip.id], deep):
            yield f"clip {row.clip.id}: {problem}"
    clip_ids = {row.clip.id for row in clips}
    for card in sorted(catalog.workspace.home.glob("clips/*/*/clip.json")):
        if card.parent.name not in clip_ids and not card.parent.name.startswith("."):
            yield f"clip {card.parent.name} lies on disk, but not in the catalog"


def check_clip_files(catalog: Catalog, row: ClipRecord, deep: bool) -> Iterator[str]:
    """Yield what is missing or (`deep`) changed of the files that the stage of a clip requires."""
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
        yield from _check_digest(video, clip.digest, "clip.mp4")
    if row.stage not in _WITHOUT_FRAMES and not workspace.frame_file(clip.id, 0).exists():
        yield f"{workspace.frames_dir(clip.id)} is missing or empty"
    if row.stage not in _WITHOUT_LABELS and not row.revision:
        yield f"stands at {row.stage} without labels"


def check_label_files(
    catalog: Catalog, row: ClipRecord, revisions: list[LabelRevisionRecord], deep: bool
) -> Iterator[str]:
    """Yield the differences between the label revisions of a clip and its label files."""
    paths = {
        labels.revision(path): path for path in labels.revisions(catalog.workspace, row.clip.id)
    }
    for revision in revisions:
        path = paths.pop(revision.revision, None)
        if path is None:
            yield f"the file of label revision {revision.revision} is missing"
        elif deep:
            yield from _check_digest(path, revision.digest, f"label revision {revision.revision}")
    for number in paths:
        yield f"label revision {number} lies on disk, but not in the catalog"


def _check_digest(path: Path, digest: str, label: str) -> Iterator[str]:
    if files.sha256(path) != digest:
        yield f"{label}: {path} was changed, its sha256 is not the one on record"


def _differences(label: str, rows: set[str], on_disk: set[str]) -> Iterator[str]:
    for name in sorted(rows - on_disk):
        yield f"{label} {name} stands in the catalog, but its files are missing"
    for name in sorted(on_disk - rows):
        yield f"{label} {name} lies on disk, but not in the catalog"

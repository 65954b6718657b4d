"""Consistency check of the catalog: counters recounted, every file read and compared with rows."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime

import sqlalchemy as sa

from oneclick.catalog import engine as engines
from oneclick.catalog import recount, schema
from oneclick.catalog.catalog import Catalog
from oneclick.catalog.file_checks import ClipCheck, ResultCheck, ReviewCheck, VideoCheck
from oneclick.storage import datasets


def verify(catalog: Catalog, deep: bool = False) -> list[str]:
    """Check the counters against a recount, and the rows against the files.

    Everything that `rebuild` depends on is read.

    Args:
        catalog: an open catalog.
        deep: also decode every frame, prediction and task, compare the sha256 of every file of
            which one is on record, and check the database file.

    Returns:
        One sentence a problem; empty if catalog and files agree.
    """
    home = catalog.workspace.home
    with catalog.reading() as connection:
        return [
            *(engines.damage(connection) if deep else ()),
            *check_counters(connection),
            *check_events(connection),
            *VideoCheck(catalog, deep).run(),
            *ClipCheck(catalog, deep).run(),
            *ReviewCheck(catalog, deep).run(),
            *ResultCheck(catalog, deep).run(),
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


def _differences(label: str, rows: set[str], on_disk: set[str]) -> Iterator[str]:
    for name in sorted(rows - on_disk):
        yield f"{label} {name} stands in the catalog, but its files are missing"
    for name in sorted(on_disk - rows):
        yield f"{label} {name} lies on disk, but not in the catalog"

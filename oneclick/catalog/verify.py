"""Consistency check of the catalog: counters recounted, every file read and compared with rows."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from oneclick.catalog import engine as engines
from oneclick.catalog import recount, row_checks, schema
from oneclick.catalog.camera_checks import CameraCheck
from oneclick.catalog.catalog import Catalog
from oneclick.catalog.file_checks import ClipCheck, ResultCheck, VideoCheck
from oneclick.catalog.review_checks import ReviewCheck
from oneclick.storage import datasets

REMEDY = "oneclick catalog rebuild"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(seconds=1)
"""Last second that has a date: a damaged one may lie beyond."""


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
        damages = [*(engines.damage(connection) if deep else ())]
        damages += map(str, row_checks.damaged_values(connection))
        if damages:  # what else there is would be read from damaged rows
            return damages
        return [
            *check_counters(connection),
            *check_events(connection),
            *VideoCheck(catalog, deep).run(),
            *ClipCheck(catalog, deep).run(),
            *ReviewCheck(catalog, deep).run(),
            *ResultCheck(catalog, deep).run(),
            *CameraCheck(catalog, deep).run(),
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
                since = _EPOCH + timedelta(seconds=max(min(start, _LATEST), 0))
                period = f" in {size} s from {since:%Y-%m-%d %H:%M} on" if size else ""
                yield (
                    f"{label} ({kind}) of {names}{period}: total says {total:g}, "
                    f"there are {number:g}: {REMEDY}"
                )


def check_events(connection: sa.Connection) -> Iterator[str]:
    """Yield a sentence for each clip whose events do not lead to its stage, one by one."""
    events, clips = schema.clip_events.c, schema.clips.c
    last = sa.select(sa.func.max(events.id).label("id")).group_by(events.clip).subquery()
    query = (
        sa.select(clips.id, clips.stage, events.new)
        .where(events.id.in_(sa.select(last.c.id)), events.clip == clips.id)
        .where(events.new != clips.stage)
        .order_by(clips.id)
    )
    for row in connection.execute(query):
        yield f"clip {row.id} stands at {row.stage}, but its last event says {row.new}: {REMEDY}"
    silent = sa.select(clips.id).where(clips.id.not_in(sa.select(events.clip)))
    for (clip,) in connection.execute(silent.order_by(clips.id)):
        yield f"clip {clip} has no event: {REMEDY}"
    before = sa.func.lag(events.new).over(partition_by=events.clip, order_by=events.id)
    pairs = sa.select(events.clip, events.old, before.label("before")).subquery().c
    query = sa.select(pairs.clip, pairs.old, pairs.before).where(
        # A clip that is cut again begins anew.
        pairs.old.is_not(None),
        sa.or_(pairs.before.is_(None), pairs.before != pairs.old),
    )
    for clip, old, new in connection.execute(query.order_by(pairs.clip)):
        yield f"clip {clip}: an event left {old}, but the one before led to {new}: {REMEDY}"


def _differences(label: str, rows: set[str], on_disk: set[str]) -> Iterator[str]:
    for name in sorted(rows - on_disk):
        yield f"{label} {name} stands in the catalog, but its files are missing"
    for name in sorted(on_disk - rows):
        yield f"{label} {name} lies on disk, but not in the catalog"

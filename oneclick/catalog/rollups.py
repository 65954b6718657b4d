"""Queries of the counters: totals, totals at an earlier time, and time series."""

from __future__ import annotations

import functools
from collections import defaultdict
from datetime import UTC, datetime
from math import inf
from typing import Any

import sqlalchemy as sa

from oneclick.catalog import counters, schema
from oneclick.catalog.store import CatalogBase
from oneclick.core.clips import ClipStage

FAR_FUTURE = 1 << 40
"""Upper bound of all times, in seconds since 1970."""
LEAST_SECONDS = 1e-6
"""Less video than that is the rounding of what was added and taken away."""
Totals = dict[tuple[str, str], float]
"""Amount by (group, measure)."""


class RollupsMixin(CatalogBase):
    """Counts and sums of the catalog, in a time that does not depend on its size."""

    def totals(self, kind: str, at: datetime | None = None) -> Totals:
        """Return the counters of all time, or as they were at `at` (a full minute)."""
        amounts: Totals = defaultdict(float)
        for group, measure, amount in self._fetch(_TOTALS, kind=kind):
            amounts[group, measure] += amount
        for key, amount in self.growth(kind, since=at).items() if at else ():
            amounts[key] -= amount
        return dict(amounts)

    def growth(self, kind: str, since: datetime, until: datetime | None = None) -> Totals:
        """Return how much the counters grew in `[since, until)`, both full minutes."""
        stop = until.timestamp() if until else inf
        runs = counters.split_range(int(since.timestamp()), stop)
        if not runs:
            return {}
        bounds = {
            f"{name}{number}": int(min(bound, FAR_FUTURE))
            for number, run in enumerate(runs)
            for name, bound in zip(("size", "low", "high"), run, strict=True)
        }
        rows = self._fetch(_growth_query(len(runs)), kind=kind, **bounds)
        return {(group, measure): amount for group, measure, amount in rows}

    def series(
        self, kind: str, measure: str, since: datetime, until: datetime, bucket: int, size: int
    ) -> dict[str, dict[int, int]]:
        """Return the amounts in `[since, until)` by group and by bucket start, as integers.

        Args:
            kind: kind of counters.
            measure: column `what` of the counters.
            since: inclusive.
            until: exclusive.
            bucket: seconds, a multiple of `size`. Its start is in seconds since 1970.
            size: a bucket size of the counters of this kind, in seconds.
        """
        low, high = int(since.timestamp()), int(until.timestamp())
        query = _CELLS if bucket == size else _GRID
        bounds = {"kind": kind, "what": measure, "size": size, "low": low, "high": high}
        rows = self._fetch(query, **bounds, **({} if bucket == size else {"bucket": bucket}))
        amounts: dict[str, dict[int, int]] = {}
        for group, cells in rows:
            pairs = (cell.split(":") for cell in cells.split())
            amounts[group] = {int(start): int(amount) for start, amount in pairs}
        return amounts

    def hit_lanes(
        self, since: int, until: int, size: int, camera: str | None = None
    ) -> dict[tuple[str, str], list[int]]:
        """Return the numbers of Hits in `[since, until)` by (camera, trigger).

        Args:
            since: first bucket, in seconds since 1970, a multiple of `size`.
            until: end of the last bucket.
            size: one of `counters.COARSE`.
            camera: only this one.

        Returns:
            Bucket and number by turns, the bucket counted from the first one; of no lane that has
            none. A week of 400 lanes has 67,000 buckets: pairs would cost twice the time.
        """
        query = _HIT_LANES if camera is None else _HIT_LANES_OF_CAMERA
        bounds: dict[str, Any] = {"size": size, "low": since, "high": until}
        rows = self._fetch(query, **bounds, **({} if camera is None else {"camera": camera}))
        return {(who, what): [*map(int, cells.split())] for who, what, cells in rows if cells}

    def coverage(
        self, kind: str, since: int, until: int, size: int, camera: str | None = None
    ) -> dict[str, dict[int, float]]:
        """Return the seconds of RECORDED or SCANNED video by camera and start of the bucket.

        Arguments as of `hit_lanes`.
        """
        query = _COVERAGE if camera is None else _COVERAGE.where(_c.who == camera)
        seconds: dict[str, dict[int, float]] = {}
        for who, cells in self._fetch(query, kind=kind, size=size, low=since, high=until):
            pairs = [cell.split(":") for cell in cells.split()]
            amounts = {int(start): float(amount) for start, amount in pairs}
            seconds[who] = {
                at: amounts[at] for at in sorted(amounts) if amounts[at] > LEAST_SECONDS
            }
        return seconds

    def extents(
        self, kind: str, since: datetime, until: datetime, size: int
    ) -> dict[str, tuple[int, int, int]]:
        """Return (first start, last start, number) of the non-empty buckets by group."""
        low, high = int(since.timestamp()), int(until.timestamp())
        rows = self._fetch(_EXTENTS, kind=kind, size=size, low=low, high=high)
        return {row[0]: (row[1], row[2], row[3]) for row in rows}

    def last_activity(self, kind: str, until: datetime) -> datetime | None:
        """Return the end of the last non-empty quarter of an hour before `until`."""
        table, size = schema.counters.c, counters.QUARTER
        query = sa.select(sa.func.max(table.start)).where(table.kind == kind, table.size == size)
        start = self._fetch(query.where(table.start < int(until.timestamp())))[0][0]
        return None if start is None else datetime.fromtimestamp(start + size, UTC)

    def oldest_by_stage(self) -> dict[ClipStage, datetime]:
        """Return when the clip that has been longest at each stage arrived there."""
        return {ClipStage(row.stage): row.at for row in self._fetch(_OLDEST) if row.at}


# Statements are built once: building one costs as much as running it.
_c = schema.counters.c
_TOTALS = sa.select(_c.who, _c.what, _c.value).where(_c.kind == sa.bindparam("kind"), _c.size == 0)


def _within(*conditions: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Select the buckets of one kind and size from `low` to `high`."""
    return sa.and_(
        _c.kind == sa.bindparam("kind"),
        _c.size == sa.bindparam("size"),
        _c.start >= sa.bindparam("low"),
        _c.start < sa.bindparam("high"),
        *conditions,
    )


def _cell_list(at: sa.ColumnElement[Any], amount: sa.ColumnElement[Any]) -> sa.ColumnElement[str]:
    """Join cells to one text `at:amount …`, since a row costs more than its numbers."""
    number = sa.cast(sa.cast(amount, sa.BigInteger), sa.Text)
    return sa.func.aggregate_strings(sa.cast(at, sa.Text) + ":" + number, " ")


_measure = _c.what == sa.bindparam("what")
_CELLS = sa.select(_c.who, _cell_list(_c.start, _c.value)).where(_within(_measure)).group_by(_c.who)
_at = _c.start - _c.start % sa.bindparam("bucket", type_=sa.BigInteger)
_cells = (
    sa.select(_at.label("at"), _c.who, sa.func.sum(_c.value).label("value"))
    .where(_within(_measure))
    .group_by("at", _c.who)
    .subquery()
)
_GRID = sa.select(_cells.c.who, _cell_list(_cells.c.at, _cells.c.value)).group_by(_cells.c.who)
_EXTENTS = (
    sa.select(_c.who, sa.func.min(_c.start), sa.func.max(_c.start), sa.func.count())
    .where(_within())
    .group_by(_c.who)
)
_COVERAGE = (
    sa.select(
        _c.who,
        sa.func.aggregate_strings(
            sa.cast(_c.start, sa.Text) + ":" + sa.cast(_c.value, sa.Text), " "
        ),
    )
    .where(_within())
    .group_by(_c.who)
)

# Lane by lane: read in order of time, all lanes would have to be sorted, at twice the time.
_lanes = schema.counters.alias("lane")
_lane = _lanes.c
_place = _c.start - sa.bindparam("low", type_=sa.BigInteger)
_bucket = _place // sa.bindparam("size", type_=sa.BigInteger)
_number = sa.cast(sa.cast(_c.value, sa.BigInteger), sa.Text)
_HIT_LANES = sa.select(
    _lane.who,
    _lane.what,
    sa.select(sa.func.aggregate_strings(sa.cast(_bucket, sa.Text) + " " + _number, " "))
    .where(
        # The literal makes the index of the lanes usable.
        _c.kind == sa.literal_column(f"'{counters.HIT}'"),
        _c.size == sa.bindparam("size"),
        _c.start >= sa.bindparam("low"),
        _c.start < sa.bindparam("high"),
        _c.who == _lane.who,
        _c.what == _lane.what,
        _c.value != 0,
    )
    .correlate(_lanes)
    .scalar_subquery(),
).where(_lane.kind == sa.literal_column(f"'{counters.HIT}'"), _lane.size == 0)
_HIT_LANES_OF_CAMERA = _HIT_LANES.where(_lane.who == sa.bindparam("camera"))
_OLDEST = sa.union_all(
    *(
        sa.select(
            sa.literal(stage.value).label("stage"), sa.func.min(schema.clips.c.moved_at).label("at")
        ).where(schema.clips.c.stage == stage.value)
        for stage in ClipStage
    )
)


@functools.cache
def _growth_query(runs: int) -> sa.Select[Any]:
    # A union: with OR, SQLite would read all counters of the kind.
    queries = [
        sa.select(_c.who, _c.what, _c.value).where(
            _c.kind == sa.bindparam("kind"),
            _c.size == sa.bindparam(f"size{number}"),
            _c.start >= sa.bindparam(f"low{number}"),
            _c.start < sa.bindparam(f"high{number}"),
        )
        for number in range(runs)
    ]
    cells = sa.union_all(*queries).subquery()
    query = sa.select(cells.c.who, cells.c.what, sa.func.sum(cells.c.value))
    return query.group_by(cells.c.who, cells.c.what)

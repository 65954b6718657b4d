"""What the counters say: totals, totals of an earlier moment, and grids through time."""

from __future__ import annotations

import functools
from collections import defaultdict
from datetime import UTC, datetime
from math import inf
from typing import Any

import sqlalchemy as sa

from oneclick.catalog import counters, schema
from oneclick.catalog.store import Store
from oneclick.core.clips import ClipStage

FAR = 1 << 40
"""Seconds since 1970 of a moment that never comes."""
Totals = dict[tuple[str, str], float]
"""(who, what) to the value."""


class Rollups(Store):
    """The part of the catalog that answers how much and how many, whatever its size."""

    def totals(self, kind: str, at: datetime | None = None) -> Totals:
        """Counters of all time; with `at` (a full minute) as they stood then."""
        found: Totals = defaultdict(float)
        for who, what, value in self._rows(_TOTALS, kind=kind):
            found[who, what] += value
        for key, value in self.grown(kind, since=at).items() if at else ():
            found[key] -= value
        return dict(found)

    def grown(self, kind: str, since: datetime, until: datetime | None = None) -> Totals:
        """How much the counters grew in `[since, until)`, both full minutes."""
        high = until.timestamp() if until else inf
        parts = counters.pieces(int(since.timestamp()), high)
        if not parts:
            return {}
        bounds = {
            f"{name}{k}": int(min(part[j], FAR))
            for k, part in enumerate(parts)
            for j, name in enumerate(("size", "low", "high"))
        }
        found = self._rows(_grown(len(parts)), kind=kind, **bounds)
        return {(who, what): value for who, what, value in found}

    def series(
        self, kind: str, what: str, since: datetime, until: datetime, bucket: int, size: int
    ) -> dict[str, dict[int, int]]:
        """Whole values in `[since, until)` by who, and by the start of the bucket since 1970.

        Args:
            bucket: seconds, a multiple of `size`.
            size: one of the stretches that this kind is counted in.
        """
        low, high = int(since.timestamp()), int(until.timestamp())
        query = _CELLS if bucket == size else _GRID
        values = {"kind": kind, "what": what, "size": size, "low": low, "high": high}
        found = self._rows(query, **values, **({} if bucket == size else {"bucket": bucket}))
        return {who: _numbers(text) for who, text in found}

    def extents(
        self, kind: str, since: datetime, until: datetime, size: int
    ) -> dict[str, tuple[int, int, int]]:
        """First and last start of the stretches with anything in them, and how many, by who."""
        low, high = int(since.timestamp()), int(until.timestamp())
        found = self._rows(_EXTENTS, kind=kind, size=size, low=low, high=high)
        return {row[0]: (row[1], row[2], row[3]) for row in found}

    def last(self, kind: str, until: datetime) -> datetime | None:
        """End of the last quarter of an hour before `until` with anything in it."""
        table = schema.counters.c
        size = counters.QUARTER
        query = sa.select(sa.func.max(table.start)).where(table.kind == kind, table.size == size)
        start = self._rows(query.where(table.start < int(until.timestamp())))[0][0]
        return None if start is None else _moment(start + size)

    def oldest(self) -> dict[ClipStage, datetime]:
        """Since when the clip that stands at each stage longest has stood there."""
        found = self._rows(_OLDEST)
        return {ClipStage(row.stage): row.at for row in found if row.at}


# Statements are made once: to make them costs as much as to run them.
_c = schema.counters.c
_TOTALS = sa.select(_c.who, _c.what, _c.value).where(_c.kind == sa.bindparam("kind"), _c.size == 0)


def _within(*more: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Stretches of one kind and size from `low` to `high`."""
    window = (_c.start >= sa.bindparam("low"), _c.start < sa.bindparam("high"))
    here = (_c.kind == sa.bindparam("kind"), _c.size == sa.bindparam("size"))
    return sa.and_(*here, *window, *more)


def _texts(at: sa.ColumnElement[Any], value: sa.ColumnElement[Any]) -> sa.ColumnElement[str]:
    """`at:value …` as one text: rows cost more than their numbers."""
    number = sa.cast(sa.cast(value, sa.BigInteger), sa.Text)
    return sa.func.aggregate_strings(sa.cast(at, sa.Text) + ":" + number, " ")


_what = _c.what == sa.bindparam("what")
_CELLS = sa.select(_c.who, _texts(_c.start, _c.value)).where(_within(_what)).group_by(_c.who)
_at = _c.start - _c.start % sa.bindparam("bucket", type_=sa.BigInteger)
_grouped = (
    sa.select(_at.label("at"), _c.who, sa.func.sum(_c.value).label("value"))
    .where(_within(_what))
    .group_by("at", _c.who)
    .subquery()
)
_GRID = sa.select(_grouped.c.who, _texts(_grouped.c.at, _grouped.c.value)).group_by(_grouped.c.who)
_EXTENTS = (
    sa.select(_c.who, sa.func.min(_c.start), sa.func.max(_c.start), sa.func.count())
    .where(_within())
    .group_by(_c.who)
)
_OLDEST = sa.union_all(
    *(
        sa.select(
            sa.literal(stage.value).label("stage"), sa.func.min(schema.clips.c.moved_at).label("at")
        ).where(schema.clips.c.stage == stage.value)
        for stage in ClipStage
    )
)


@functools.cache
def _grown(parts: int) -> sa.Select[Any]:
    """Sums over so many stretches; as a union, for with OR SQLite would read the whole kind."""
    each = [
        sa.select(_c.who, _c.what, _c.value).where(
            _c.kind == sa.bindparam("kind"),
            _c.size == sa.bindparam(f"size{k}"),
            _c.start >= sa.bindparam(f"low{k}"),
            _c.start < sa.bindparam(f"high{k}"),
        )
        for k in range(parts)
    ]
    whole = sa.union_all(*each).subquery()
    query = sa.select(whole.c.who, whole.c.what, sa.func.sum(whole.c.value))
    return query.group_by(whole.c.who, whole.c.what)


def _numbers(text: str) -> dict[int, int]:
    pairs = (part.split(":") for part in text.split())
    return {int(at): int(value) for at, value in pairs}


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)

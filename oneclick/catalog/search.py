"""Clips by what is known of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from oneclick.catalog import rows, schema
from oneclick.catalog.rollups import Rollups
from oneclick.catalog.rows import ClipRow

COUNTED = 10_000
"""No more than so many are counted."""
AT_ONCE = 10_000
"""Rows of one query: SQLite takes 32,766 values."""
_c = schema.clips.c
Condition = sa.ColumnElement[bool]


@dataclass(frozen=True)
class Term:
    """One condition."""

    key: str
    """A name of TESTS."""
    value: str
    """As the key wants it: seconds for an age."""
    negated: bool = False


@dataclass(frozen=True)
class Asked:
    """When a search was asked for, and of what."""

    now: datetime
    like: str
    """The method of a column that compares without case. `ilike` works on SQLite too, where `like`
    does so by itself, three times faster."""


def _has(column: sa.Column[str], text: str, asked: Asked) -> Condition:
    escaped = text.replace("/", "//").replace("%", "/%").replace("_", "/_")
    made: Condition = getattr(column, asked.like)(f"%{escaped}%", escape="/")
    return made


def _named(value: str, asked: Asked) -> Condition:
    # The index of the ids is small beside the table: 30 ms instead of 110 for 200,000 clips.
    return _c.seq.in_(sa.select(_c.seq).where(_has(_c.id, value, asked)))


def _is(column: sa.Column[str]) -> Callable[[str, Asked], Condition]:
    return lambda value, _: column == value


def _fired(value: str, _: Asked) -> Condition:
    # The hits are compact JSON of our own making.
    return _c.hits.contains(f'"trigger":"{value}"', autoescape=True)


def _since(value: str, asked: Asked) -> datetime:
    return asked.now - timedelta(seconds=float(value))


TESTS: dict[str, Callable[[str, Asked], Condition]] = {
    "id": _named,
    "stage": _is(_c.stage),
    "cam": _is(_c.camera),
    "video": _is(_c.video),
    "why": _fired,
    "led": _is(_c.led_by),
    "by": _is(_c.chosen_by),
    "split": _is(_c.split),
    "rev": lambda value, _: _c.revision == int(value),
    "error": lambda value, asked: _has(_c.error, value, asked),
    "age>": lambda value, asked: _c.moved_at < _since(value, asked),
    "age<": lambda value, asked: _c.moved_at > _since(value, asked),
}
SORTS: dict[str, sa.ColumnElement[object]] = {
    "new": _c.seq,
    "age": _c.moved_at,
    "id": _c.id,
    "stage": _c.stage,
    "cam": _c.camera,
}


class Search(Rollups):
    """The part of the catalog that finds Clips."""

    def search(
        self, terms: Sequence[Term], sort: str, down: bool, limit: int, offset: int, now: datetime
    ) -> tuple[list[ClipRow], int]:
        """A page of the Clips that meet all terms, and how many do, counted up to COUNTED + 1."""
        asked = Asked(now, "like" if self._engine.dialect.name == "sqlite" else "ilike")
        keys = [SORTS[sort], _c.seq]
        order = [key.desc() if down else key for key in keys]
        query = sa.select(_c.seq).where(*(_condition(term, asked) for term in terms))
        query = query.order_by(*order)
        with self.reading() as connection:
            if offset + limit > COUNTED + 1:
                page = connection.scalars(query.limit(limit).offset(offset)).all()
                if page or not offset:
                    return self._whole(page), min(offset + len(page), COUNTED + 1)
            # One look counts them and finds the page: rare matches cost a scan of the table.
            first = connection.scalars(query.limit(COUNTED + 1)).all()
            return self._whole(first[offset : offset + limit]), len(first)

    def _whole(self, numbers: Sequence[int]) -> list[ClipRow]:
        """Clips by their `seq`, in this order."""
        found: dict[int, sa.Row[Any]] = {}
        for start in range(0, len(numbers), AT_ONCE):
            some = _c.seq.in_(numbers[start : start + AT_ONCE])
            found |= {row.seq: row for row in self._rows(sa.select(schema.clips).where(some))}
        return [rows.clip_row(found[number]) for number in numbers]


def _condition(term: Term, asked: Asked) -> Condition:
    made = TESTS[term.key](term.value, asked)
    return sa.not_(made) if term.negated else made

"""Clips by what is known of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from oneclick.io.catalog import rows, schema
from oneclick.io.catalog.rollups import Rollups
from oneclick.io.catalog.rows import ClipRow

COUNTED = 10_000
"""No more than so many are counted."""
_c = schema.clips.c


@dataclass(frozen=True)
class Term:
    """One condition."""

    key: str
    """A name of TESTS."""
    value: str
    """As the key wants it: seconds for an age."""
    negated: bool = False


def _has(column: sa.Column[str]) -> Callable[[str, datetime], sa.ColumnElement[bool]]:
    return lambda value, _: column.icontains(value, autoescape=True)


def _is(column: sa.Column[str]) -> Callable[[str, datetime], sa.ColumnElement[bool]]:
    return lambda value, _: column == value


def _fired(value: str, _: datetime) -> sa.ColumnElement[bool]:
    # The hits are compact JSON of our own making.
    return _c.hits.contains(f'"trigger":"{value}"', autoescape=True)


def _since(value: str, now: datetime) -> datetime:
    return now - timedelta(seconds=float(value))


TESTS: dict[str, Callable[[str, datetime], sa.ColumnElement[bool]]] = {
    "id": _has(_c.id),
    "stage": _is(_c.stage),
    "cam": _is(_c.camera),
    "video": _is(_c.video),
    "why": _fired,
    "led": _is(_c.led_by),
    "by": _is(_c.chosen_by),
    "split": _is(_c.split),
    "error": _has(_c.error),
    "age>": lambda value, now: _c.moved_at < _since(value, now),
    "age<": lambda value, now: _c.moved_at > _since(value, now),
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
        where = [_condition(term, now) for term in terms]
        order = [SORTS[sort], _c.seq]
        query = sa.select(schema.clips).where(*where)
        page = query.order_by(*(key.desc() if down else key for key in order))
        some = sa.select(_c.seq).where(*where).limit(COUNTED + 1).subquery()
        with self.reading():
            found = self._rows(page.limit(limit).offset(offset))
            total = self._rows(sa.select(sa.func.count()).select_from(some))[0][0]
        return [rows.clip_row(row) for row in found], total


def _condition(term: Term, now: datetime) -> sa.ColumnElement[bool]:
    made = TESTS[term.key](term.value, now)
    return sa.not_(made) if term.negated else made

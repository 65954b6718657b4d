"""What all parts of the catalog share: the database, the clock, transactions."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from oneclick.catalog import counters
from oneclick.catalog import engine as engines
from oneclick.catalog.counters import Tally
from oneclick.storage.workspace import Workspace

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The present, with its zone."""
    return datetime.now(UTC)


class Store:
    """A database of one workspace. Every method may raise Unavailable, NoSpace and BadInput."""

    def __init__(self, workspace: Workspace, engine: sa.Engine, clock: Clock) -> None:
        self.workspace = workspace
        self._engine = engine
        self._clock = clock
        self._running = threading.local()

    @property
    def _where(self) -> str:
        return engines.name(self._engine.url)

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """One writing transaction: all calls of this thread inside it count, or none does."""
        outer = getattr(self._running, "connection", None)
        if outer is not None:
            yield outer
            return
        with engines.transaction(self._engine, writes=True) as connection:
            self._running.connection = connection
            try:
                yield connection
            finally:
                self._running.connection = None

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """One view of the catalog: all that this thread reads inside it belongs together."""
        running = self._running
        outer = getattr(running, "connection", None) or getattr(running, "view", None)
        if outer is not None:
            yield outer
            return
        with engines.transaction(self._engine, writes=False) as connection:
            running.view = connection
            try:
                yield connection
            finally:
                running.view = None

    def _rows(
        self, query: sa.Select[Any] | sa.CompoundSelect[Any], **values: Any
    ) -> list[sa.Row[Any]]:
        with self.reading() as connection:
            return list(connection.execute(query, values).all())

    def _put(self, table: sa.Table, rows: list[dict[str, Any]]) -> int:
        """Insert the rows that are not there yet; how many were new."""
        if not rows:
            return 0
        with self.transaction() as connection:
            query = engines.insert(connection.dialect.name, table).on_conflict_do_nothing()
            new = query.returning(next(iter(table.primary_key)))
            return len(connection.execute(new, rows).all())

    def _count(self, *changes: Tally) -> None:
        """Add to the counters."""
        whole = Tally()
        for change in changes:
            whole.add(change)
        with self.transaction() as connection:
            counters.add(connection, whole)

    def _upsert(self, table: sa.Table, row: dict[str, Any], keep: tuple[str, ...]) -> None:
        """Insert the row, or write it over the old one, of which the columns `keep` stay."""
        with self.transaction() as connection:
            query = engines.insert(connection.dialect.name, table).values(row)
            changes = {name: query.excluded[name] for name in row if name not in keep}
            connection.execute(
                query.on_conflict_do_update(index_elements=list(table.primary_key), set_=changes)
            )

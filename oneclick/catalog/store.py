"""What all parts of the catalog share: the database, the clock, transactions."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from oneclick.catalog import counters, generations
from oneclick.catalog import engine as engines
from oneclick.catalog.counters import CounterChanges
from oneclick.core.errors import BadInput
from oneclick.storage.workspace import Workspace

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the current time, timezone-aware, in UTC."""
    return datetime.now(UTC)


class CatalogBase:
    """The database of one workspace.

    Every method of it and of its subclasses may raise Unavailable, NoSpace and BadInput.
    """

    def __init__(self, workspace: Workspace, engine: sa.Engine, clock: Clock) -> None:
        self.workspace = workspace
        self._engine = engine
        self._clock = clock
        self._local = threading.local()
        self._has_written = False

    def now(self) -> datetime:
        """Return the time of this catalog's clock, UTC."""
        return self._clock()

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """Run all calls of this thread inside the block in one writing transaction.

        A transaction inside another one joins it.
        """
        outer = getattr(self._local, "writer", None)
        if outer is not None:
            yield outer
            return
        generation = None
        with engines.transaction(self._engine, writes=True) as connection:
            self._local.writer = connection
            try:
                if not self._has_written:
                    generation = generations.advance(connection)
                yield connection
            finally:
                self._local.writer = None
        if generation:
            self._has_written = True
            generations.record(self.workspace, generation)

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Run all reads of this thread inside the block on one consistent snapshot."""
        outer = getattr(self._local, "writer", None) or getattr(self._local, "reader", None)
        if outer is not None:
            yield outer
            return
        with engines.transaction(self._engine, writes=False) as connection:
            self._local.reader = connection
            try:
                yield connection
            finally:
                self._local.reader = None

    def _fetch(
        self, query: sa.Select[Any] | sa.CompoundSelect[Any], **parameters: Any
    ) -> list[sa.Row[Any]]:
        with self.reading() as connection:
            try:
                return list(connection.execute(query, parameters).all())
            except (ValueError, TypeError) as error:  # a time that is none
                catalog = engines.name(self._engine.url)
                raise BadInput(
                    f"{catalog} holds a damaged value ({error}): oneclick catalog rebuild"
                ) from None

    def _insert_missing(self, table: sa.Table, rows: list[dict[str, Any]]) -> int:
        """Insert the rows whose key is not in the table; return the number of inserted rows."""
        if not rows:
            return 0
        with self.transaction() as connection:
            query = engines.insert(connection.dialect.name, table).on_conflict_do_nothing()
            new = query.returning(next(iter(table.primary_key)))
            return len(connection.execute(new, rows).all())

    def _upsert(self, table: sa.Table, row: dict[str, Any], keep: tuple[str, ...]) -> None:
        """Insert the row, or overwrite the existing one except for its columns `keep`."""
        with self.transaction() as connection:
            query = engines.insert(connection.dialect.name, table).values(row)
            changes = {name: query.excluded[name] for name in row if name not in keep}
            connection.execute(
                query.on_conflict_do_update(index_elements=list(table.primary_key), set_=changes)
            )

    def _add_counts(self, *changes: CounterChanges) -> None:
        """Add the sum of the changes to the counters."""
        total = CounterChanges()
        for change in changes:
            total.add(change)
        with self.transaction() as connection:
            counters.apply(connection, total)

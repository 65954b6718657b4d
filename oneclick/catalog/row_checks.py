"""Values of the catalog that an old disk changed: found without converting a row.

SQLite keeps in any column what its bytes say, text that is no UTF-8 included. So the values are
read as they are, and each is held against the type of its column. Postgres checks types itself.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from oneclick.catalog import schema
from oneclick.core import visible
from oneclick.storage import bounded_documents
from oneclick.storage.bounded_documents import BrokenJson

JSON = {
    schema.clips.c.hits,
    schema.selections.c.hits,
    schema.hits.c.boxes,
    schema.label_revisions.c.origins,
    schema.models.c.card,
}
"""Columns of JSON text."""


@dataclass(frozen=True)
class DamagedValue:
    """A value that is not of the type of its column."""

    table: str
    column: str
    key: str
    """Primary key of the row, as far as it can be read."""
    rowid: int | None
    """Number of the row in an SQLite file; None in a table without."""

    def __str__(self) -> str:
        return (
            f"catalog: {self.column} of {self.key} in the table {self.table} is damaged: "
            "oneclick catalog rebuild"
        )


def damaged_values(connection: sa.Connection) -> list[DamagedValue]:
    """Return the damaged values of all tables; none of a catalog in Postgres.

    The generation is left out: a damaged one is behind the file beside it, and counted on.
    """
    if connection.dialect.name != "sqlite":
        return []
    tables = [table for table in schema.metadata.sorted_tables if table is not schema.generations]
    return [value for table in tables for value in _scan(connection, table)]


def sound_rows(connection: sa.Connection, table: sa.Table) -> list[sa.Row[Any]]:
    """Return the rows of a table, without those that hold damaged values."""
    query = sa.select(table)
    if connection.dialect.name == "sqlite":
        numbers = [value.rowid for value in _scan(connection, table)]
        query = query.where(sa.literal_column("rowid").not_in(numbers))
    return list(connection.execute(query).all())


def _scan(connection: sa.Connection, table: sa.Table) -> list[DamagedValue]:
    """Return the damaged values of one table of an SQLite file."""
    raw = connection.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)
    columns = list(table.columns)
    has_rowid = table.dialect_options["sqlite"]["with_rowid"]
    names = ["rowid" if has_rowid else "NULL", *(f'"{column.name}"' for column in columns)]
    damages: list[DamagedValue] = []
    # Bytes that are no UTF-8 become lone surrogates.
    factory, raw.text_factory = raw.text_factory, lambda text: text.decode(errors="surrogateescape")
    try:
        for rowid, *values in raw.execute(f'SELECT {", ".join(names)} FROM "{table.name}"'):
            pairs = list(zip(columns, values, strict=True))
            key = " ".join(
                visible.line(str(value)) for column, value in pairs if column.primary_key
            )
            damages += [
                DamagedValue(table.name, column.name, key, rowid)
                for column, value in pairs
                if not _is_sound(column, value)
            ]
    finally:
        raw.text_factory = factory
    return damages


def _is_sound(column: sa.Column[Any], value: Any) -> bool:
    """Check whether a value is what our program writes into a column."""
    if value is None:
        return column.nullable is True
    if isinstance(column.type, sa.Float):
        return isinstance(value, int | float)
    if isinstance(column.type, sa.Integer):
        return isinstance(value, int)
    try:
        if isinstance(column.type, schema.Utc):
            datetime.fromisoformat(value)
        elif column in JSON:
            bounded_documents.parse_json(value)
        value.encode()
    except (AttributeError, TypeError, ValueError, BrokenJson):
        return False
    return True

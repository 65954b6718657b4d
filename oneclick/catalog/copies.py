"""Copies of a catalog as it is at one moment, while others write to it."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import sqlalchemy as sa

from oneclick.catalog import engine as engines
from oneclick.catalog import migrate, schema


def copy_sqlite(source: Path, target: Path) -> None:
    """Copy an SQLite file as it is at one moment, while others write to it.

    Raises:
        sqlite3.DatabaseError: the source is broken.
    """
    with contextlib.closing(sqlite3.connect(source, timeout=engines.BUSY_SECONDS)) as connection:
        for row in connection.execute("PRAGMA quick_check"):
            if row[0] != "ok":
                raise sqlite3.DatabaseError(row[0])
        with contextlib.closing(sqlite3.connect(target)) as copy:
            connection.backup(copy)


def copy_rows(source: sa.URL, target: sa.URL) -> None:
    """Copy all tables of a catalog to a new SQLite file, as they are at one moment."""
    reader, writer = engines.connect(source, readonly=True), engines.connect(target)
    try:
        migrate.ensure(writer)
        with (
            engines.transaction(reader, writes=False) as rows,
            engines.transaction(writer, writes=True) as copy,
        ):
            for table in schema.metadata.sorted_tables:
                copy.execute(sa.delete(table))
                for part in rows.execute(sa.select(table)).mappings().partitions(1000):
                    copy.execute(sa.insert(table), [dict(row) for row in part])
        with engines.transaction(writer, writes=False) as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        reader.dispose()
        writer.dispose()

"""What a database holds, to compare a new catalog with one that migrations made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from oneclick.catalog import generations, migrate, schema


def made_by(make: Callable[[sa.Connection], None], connection: sa.Connection) -> Any:
    """Make a schema; check that it is the one the code knows, and return it in plain values."""
    make(connection)
    assert compare_metadata(MigrationContext.configure(connection), schema.metadata) == []
    assert migrate.current(connection) == schema.REVISION
    assert generations.read(connection).number == 0
    inspector = sa.inspect(connection)
    return {
        table: (
            {column["name"]: _plain(column) for column in inspector.get_columns(table)},
            sorted(_plain(index) for index in inspector.get_indexes(table)),
            sorted(_plain(key) for key in inspector.get_foreign_keys(table)),
            inspector.get_pk_constraint(table)["constrained_columns"],
        )
        for table in inspector.get_table_names()
    }


def _plain(values: Any) -> str:
    return str(
        sorted(
            (name, _plain(value) if isinstance(value, dict) else str(value))
            for name, value in values.items()
        )
    )


def drop(connection: sa.Connection) -> None:
    """Empty the database."""
    schema.metadata.drop_all(connection)
    connection.execute(sa.text("DROP TABLE IF EXISTS alembic_version"))

"""A number that the catalog and a file beside it share: it tells a catalog behind its files.

Every opened Catalog advances the number with its first write. A restored backup, a lost file or a
torn end of the log leaves the catalog with a smaller number than the file, or with another name.
"""

from __future__ import annotations

import contextlib

import msgspec
import sqlalchemy as sa

from oneclick.catalog import schema
from oneclick.core.errors import BadInput, OneclickError
from oneclick.storage import sealed_files
from oneclick.storage.workspace import Workspace


class Generation(msgspec.Struct, frozen=True):
    """Name and number that a catalog shares with the file beside it: a smaller one is behind."""

    catalog: str
    """Random name that a catalog gets when it is created."""
    number: int


def read(connection: sa.Connection) -> Generation:
    """Return the generation in the database."""
    row = connection.execute(sa.select(schema.generations)).one()
    number = row.number if isinstance(row.number, int) else 0  # a damaged one is behind any other
    return Generation(str(row.catalog), number)


def advance(connection: sa.Connection) -> Generation:
    """Increment the generation in the database, and return it."""
    table = schema.generations
    query = sa.update(table).values(number=table.c.number + 1).returning(table)
    row = connection.execute(query).one()
    return Generation(row.catalog, row.number)


def record(workspace: Workspace, generation: Generation) -> None:
    """Write the file beside the catalog; a full disk does not undo what the catalog did."""
    with contextlib.suppress(OneclickError):
        sealed_files.write(workspace.generation_file, generation)


def is_behind(workspace: Workspace, connection: sa.Connection) -> bool:
    """Check whether the catalog is older than the files of its workspace."""
    if not workspace.generation_file.exists():
        return False  # a new workspace, or one of an earlier version
    try:
        recorded: Generation = sealed_files.read(workspace.generation_file, Generation)
    except BadInput:
        return True
    generation = read(connection)
    return generation.catalog != recorded.catalog or generation.number < recorded.number

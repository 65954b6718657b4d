"""The version of the schema: checked and created without Alembic, which migrates older ones."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from oneclick.catalog import engine as engines
from oneclick.catalog import recount, schema
from oneclick.core.errors import BadInput, Unavailable

if TYPE_CHECKING:
    from alembic.config import Config

COUNTED = "0003"
"""The first revision with counters."""
WITH_TIMELINE = "0008"
"""The first revision with the counters of the timeline."""
FOLDER = Path(__file__).parent / "migrations"
_version = sa.Table(
    "alembic_version", sa.MetaData(), sa.Column("version_num", sa.String(32), primary_key=True)
)


def ensure(engine: sa.Engine, readonly: bool = False) -> None:
    """Update the schema, or only check its version; safe in several processes at once.

    Raises:
        BadInput: the catalog was made by a newer version of oneclick.
        Unavailable: `readonly`, and the catalog is empty or of an older version.
    """
    with engines.transaction(engine, writes=False) as connection:
        version = current(connection)
    if version == schema.REVISION:
        return
    check_known(version, engine)
    if readonly:
        raise Unavailable(
            f"{engines.name(engine.url)} is empty or of an older oneclick: "
            "oneclick catalog verify brings it up to date"
        )
    with engines.transaction(engine, writes=True) as connection:
        engines.lock_schema(connection)
        if (version := current(connection)) != schema.REVISION:
            check_known(version, engine)
            if version is None:
                create(connection)
            else:
                upgrade(connection)


def current(connection: sa.Connection) -> str | None:
    """Return the revision of the database; None for an empty one."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.scalar(sa.select(_version.c.version_num))


def check_known(version: str | None, engine: sa.Engine) -> None:
    """Raise BadInput for a revision that is newer than this version of oneclick."""
    if version is not None and version > schema.REVISION:
        raise BadInput(
            f"{engines.name(engine.url)} was made by a newer oneclick (schema {version}, this one "
            f"knows {schema.REVISION}): upgrade oneclick, or oneclick catalog rebuild"
        )


def create(connection: sa.Connection) -> None:
    """Create the tables of this version in an empty database: what all migrations would make."""
    schema.metadata.create_all(connection, checkfirst=False)
    generation = {"catalog": uuid.uuid4().hex, "number": 0}
    connection.execute(sa.insert(schema.generations).values(generation))
    _version.create(connection)
    connection.execute(sa.insert(_version).values(version_num=schema.REVISION))


def upgrade(connection: sa.Connection) -> None:
    """Run the missing migrations inside the connection's transaction."""
    from alembic import command

    before = current(connection)
    command.upgrade(config(connection), "head")
    if before is None or before >= WITH_TIMELINE:
        return
    recount.fill_ends(connection)
    if before < COUNTED:
        recount.refill(connection)
    else:
        recount.add_timeline(connection)


def config(connection: sa.Connection) -> Config:
    """Return Alembic's configuration for this connection, without a configuration file."""
    from alembic.config import Config

    options = Config()
    options.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    options.set_main_option("path_separator", "os")
    options.attributes["connection"] = connection
    return options

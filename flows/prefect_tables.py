"""The tables of a new Prefect database, by Prefect's own migrations in half of their time.

Prefect sends each of their 34,000 calls to another thread and back. Here they run in memory, in one
thread, and the file is there at once, whole.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import traceback
import warnings
from pathlib import Path
from typing import Any

from oneclick.flows import prefect_database
from oneclick.storage import files


def create_missing() -> None:
    """Create the database of this server where `prefect_database.setup` found none.

    Whatever fails is printed into the server's log; then Prefect does it its own way.
    """
    folder = Path(os.environ.get("PREFECT_HOME", ""))
    database = folder / prefect_database.DATABASE
    if not (folder / prefect_database.UNFINISHED).exists() or database.exists():
        return
    try:
        create(database)
    except Exception:  # another Prefect may keep its migrations elsewhere
        traceback.print_exc()


def create(database: Path) -> None:
    """Create a database file with the tables of the installed Prefect, and nothing in them.

    Raises:
        Unavailable, NoSpace: the file cannot be written.
    """
    import sqlalchemy
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory
    from prefect.server.database import provide_database_interface
    from prefect.server.database.alembic_commands import alembic_config

    config = alembic_config()
    script = ScriptDirectory.from_config(config)
    script.version_locations = [str(provide_database_interface().orm.versions_dir)]

    def steps(revision: Any, context: object) -> Any:
        """Return the migrations to the newest tables."""
        return script._upgrade_revs("head", revision)

    engine = sqlalchemy.create_engine("sqlite://")
    with engine.connect() as connection, warnings.catch_warnings():
        warnings.simplefilter("ignore", sqlalchemy.exc.SAWarning)  # as Prefect does
        with EnvironmentContext(config, script, fn=steps) as environment:
            environment.configure(connection=connection, transaction_per_migration=True)
            with environment.begin_transaction():
                environment.run_migrations()
        source: Any = connection.connection.driver_connection
        with (
            files.atomic_file(database) as temporary,
            files.guard(database),
            contextlib.closing(sqlite3.connect(temporary)) as target,
        ):
            source.backup(target)
    engine.dispose()

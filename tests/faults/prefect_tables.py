"""Prefect's database with runs in it, at older tables, and its upgrade in this process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from pathlib import Path
from typing import Any

from oneclick.flows import prefect_database
from oneclick.storage import files

STEPS_BACK = 7
"""Migrations to upgrade by: two tables are written anew, a table and indexes come."""
RUNS = 200
TABLE_OF_A_STEP = "automation_held_event"


def make_old(folder: Path) -> None:
    """Take the newest migrations back, and add runs."""
    from prefect.server.database import provide_database_interface

    database = provide_database_interface()
    asyncio.run(database.run_migrations_downgrade(f"-{STEPS_BACK}"))
    with contextlib.closing(sqlite3.connect(folder / prefect_database.DATABASE)) as connection:
        connection.execute("INSERT INTO flow (id, name) VALUES ('a-flow', 'one_click')")
        for number in range(RUNS):
            connection.execute(
                "INSERT INTO flow_run (flow_id, name, parameters) VALUES ('a-flow', ?, ?)",
                (f"lap-{number}", '{"text": "' + "x" * 500 + '"}'),
            )
        connection.commit()


def break_half_way(folder: Path) -> None:
    """Leave what an upgrade leaves that was killed half-way through a step: it cannot go on."""
    database = folder / prefect_database.DATABASE
    prefect_database.copy_database(database, folder / prefect_database.BEFORE)
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.execute(f"CREATE TABLE {TABLE_OF_A_STEP} (half TEXT)")
        connection.execute("DELETE FROM flow_run WHERE name = 'lap-7'")
        connection.commit()


def migrate_here(folder: Path, log: Path, env: object) -> bool:
    """Do what `prefect server database upgrade` does, in this process."""
    from prefect.server.database import provide_database_interface

    with files.guard(log), log.open("ab", buffering=0) as log_file:
        try:
            asyncio.run(provide_database_interface().run_migrations_upgrade())
        except Exception as error:
            with contextlib.suppress(OSError):  # as a process whose log is on the full disk
                log_file.write(str(error).encode())
            return False
    return True


def start(folder: Path) -> str:
    """Set the database up as a start does; return what the user is told."""
    prefect_database.run_upgrade = migrate_here
    with prefect_database.setup(folder, folder / "server.log", os.environ) as notice:
        return notice


def state(folder: Path) -> dict[str, Any]:
    """Return tables, runs and revision of the database, and the files beside it."""
    with contextlib.closing(sqlite3.connect(folder / prefect_database.DATABASE)) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
        runs = connection.execute("SELECT id, name, parameters FROM flow_run ORDER BY id")
        return {
            # Constraints of a table that is written anew have no order.
            "tables": {name: sorted((sql or "").replace(",", "").split()) for name, sql in rows},
            "runs": runs.fetchall(),
            "revision": connection.execute("SELECT version_num FROM alembic_version").fetchall(),
            "check": connection.execute("PRAGMA integrity_check").fetchall(),
            "files": sorted(
                path.name
                for path in folder.iterdir()
                if path.name.startswith(prefect_database.DATABASE)
                and not path.name.endswith(("-wal", "-shm", ".half-upgraded"))
            ),
        }

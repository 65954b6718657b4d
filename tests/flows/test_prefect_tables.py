"""A new database of Prefect has the tables that Prefect's own start would create."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from oneclick.flows import prefect_database, prefect_tables


def schema(database: Path) -> dict[str, Any]:
    """What SQLite knows of each table; foreign keys come in another order each time."""
    facts: dict[str, Any] = {}
    with closing(sqlite3.connect(database)) as connection:
        objects = connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
        for kind, name, sql in objects:
            facts[f"{kind} {name}"] = sql if kind != "table" else None
            if kind == "table":
                keys = connection.execute(f"PRAGMA foreign_key_list('{name}')").fetchall()
                rows = connection.execute(f"SELECT * FROM '{name}'").fetchall()
                columns = connection.execute(f"PRAGMA table_xinfo('{name}')").fetchall()
                facts[f"of {name}"] = columns, {key[2:] for key in keys}, rows
    return facts


@pytest.mark.e2e
def test_a_new_database_has_the_tables_of_prefects_own(
    tmp_path: Path, prefect_database: Path
) -> None:
    database = tmp_path / "new.db"
    prefect_tables.create(database)
    tables = schema(database)
    assert tables == schema(prefect_database)
    assert len(tables) > 100


def test_where_it_fails_the_log_tells_why_and_prefect_does_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(database: Path) -> None:
        raise LookupError("versions moved")

    monkeypatch.setattr(prefect_tables, "create", fail)
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path))
    prefect_tables.create_missing()  # no mark: the database is not ours to make
    assert not capfd.readouterr().err
    (tmp_path / prefect_database.UNFINISHED).touch()
    prefect_tables.create_missing()
    assert "versions moved" in capfd.readouterr().err
    assert not (tmp_path / prefect_database.DATABASE).exists()

"""Prefect's database is created and upgraded by one process at a time, and nothing is lost.

Two first starts at once were looked for at everything that is made once: the catalog's tables are
made in one transaction, the workspace's key is created exclusively, Prefect's database under this
lock; nothing else was found.
"""

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from oneclick.core.errors import NoSpace, Unavailable
from oneclick.flows import prefect_database
from oneclick.storage import locks

SET_UP = """
import os, sys
from pathlib import Path
from oneclick.flows import prefect_database
folder = Path(sys.argv[1])
with prefect_database.setup(folder, folder / 'log', os.environ):
    (folder / prefect_database.DATABASE).write_bytes(b"half of it")
    print("begun", flush=True)
    sys.stdin.read(1)
"""


def test_a_database_that_was_never_finished_is_begun_anew(tmp_path: Path) -> None:
    """Of two first laps at once one sets up Prefect's tables; killed meanwhile, the next does."""
    database = tmp_path / prefect_database.DATABASE
    for is_killed in (True, False):
        with subprocess.Popen(
            [sys.executable, "-c", SET_UP, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as first:
            assert first.stdin is not None
            assert first.stdout is not None
            assert first.stdout.readline() == b"begun\n"
            with (
                pytest.raises(Unavailable, match="another process holds the lock"),
                locks.file_lock(tmp_path / prefect_database.SETUP_LOCK, wait=False),
            ):
                raise AssertionError("two set up one database")
            if is_killed:
                first.kill()
            first.stdin.close()
    with prefect_database.setup(tmp_path, tmp_path / "log", os.environ):
        assert database.read_bytes() == b"half of it"
    assert [path.name for path in tmp_path.glob("*.unfinished")] == ["prefect.db.unfinished"]
    assert not (tmp_path / prefect_database.UNFINISHED).exists()


def old_database(folder: Path) -> Path:
    """Make a database with tables that need an upgrade."""
    database = folder / prefect_database.DATABASE
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES ('of-tomorrow')")
        connection.commit()
    return database


def test_an_upgrade_that_fails_keeps_a_copy_and_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a newer Prefect's database the older one says only that it knows no such revision."""
    database, copy = old_database(tmp_path), tmp_path / prefect_database.BEFORE
    monkeypatch.setattr(prefect_database, "run_upgrade", lambda *_: False)
    for _ in range(2):  # the copy of the first is not made again from what is there now
        with (
            pytest.raises(Unavailable, match=r"see the end of .*log; .*before-upgrade"),
            prefect_database.setup(tmp_path, tmp_path / "log", os.environ),
        ):
            raise AssertionError("a server starts on tables that it does not know")
        assert prefect_database.read_revision(database) == "of-tomorrow"
        assert prefect_database.read_revision(copy) == "of-tomorrow"


def test_an_upgrade_for_which_the_disk_is_too_small_says_how_much_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Prefect says of it is lost where the log lies on the same disk."""
    old_database(tmp_path)
    monkeypatch.setattr(prefect_database, "run_upgrade", lambda *_: False)
    full = shutil.disk_usage(tmp_path)._replace(free=0)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    with (
        pytest.raises(NoSpace, match=r"^no space left .*prefect\.db: free 1 MB .*before-upgrade$"),
        prefect_database.setup(tmp_path, tmp_path / "log", os.environ),
    ):
        raise AssertionError("a server starts on tables that it does not know")


def test_a_copy_goes_once_the_tables_are_new(tmp_path: Path) -> None:
    database, copy = tmp_path / prefect_database.DATABASE, tmp_path / prefect_database.BEFORE
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        revision = (prefect_database.newest_revision(),)
        connection.execute("INSERT INTO alembic_version VALUES (?)", revision)
        connection.commit()
    copy.write_bytes(b"of an upgrade that was killed at its end")
    with prefect_database.setup(tmp_path, tmp_path / "log", os.environ) as notice:
        assert (notice, copy.exists()) == ("", False)


def test_a_copy_stays_while_nobody_can_read_the_database(tmp_path: Path) -> None:
    """On a full disk SQLite reads nothing: the tables may still be half-way through an upgrade."""
    (tmp_path / prefect_database.DATABASE).write_bytes(b"no database" * 100)
    copy = tmp_path / prefect_database.BEFORE
    copy.write_bytes(b"with all runs")
    with prefect_database.setup(tmp_path, tmp_path / "log", os.environ):
        assert copy.exists()


def test_a_database_that_the_user_names_is_left_to_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_DATABASE_CONNECTION_URL", "postgresql+asyncpg://elsewhere")
    (tmp_path / prefect_database.DATABASE).write_bytes(b"of yesterday")
    with prefect_database.setup(tmp_path, tmp_path / "log", os.environ):
        assert not (tmp_path / prefect_database.UNFINISHED).exists()

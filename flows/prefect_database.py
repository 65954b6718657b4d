"""The database of a Prefect server as we start it, created and upgraded by one process at a time.

A process that is killed meanwhile costs nothing. A database that it was creating holds nothing yet
and is begun anew. Before another Prefect changes the tables of one that is there, the database is
copied: it is upgraded from where the process was killed, and from the copy where that fails.
"""

from __future__ import annotations

import contextlib
import errno
import importlib.util
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from oneclick.core.errors import NoSpace, Unavailable
from oneclick.flows.child_processes import end_with_parent
from oneclick.services import prefect_settings
from oneclick.storage import files, locks

DATABASE = "prefect.db"
"""Prefect's database in its folder, where no other is set."""
UNFINISHED = "prefect.db.new"
"""Mark beside a database that is being created."""
BEFORE = "prefect.db.before-upgrade"
"""Copy of a database that is being upgraded."""
SETUP_LOCK = "setup.lock"
BUSY_SECONDS = 60.0
_URLS = ("PREFECT_SERVER_DATABASE_CONNECTION_URL", "PREFECT_API_DATABASE_CONNECTION_URL")
_VERSIONS = "server/database/_migrations/versions/sqlite"
_REVISION = re.compile(r"""^(down_)?revision\b[^=\n]*= *["'](\w+)["']""", re.MULTILINE)


@contextlib.contextmanager
def setup(folder: Path, log: Path, env: Mapping[str, str]) -> Iterator[str]:
    """Let one server at a time set up the database in `folder`: hold this until it answers.

    Two that create its tables at once break each other.

    Args:
        folder: PREFECT_HOME of the server.
        log: file that what Prefect says of an upgrade is added to.
        env: environment of the server.

    Yields:
        A line for the user, mostly empty.

    Raises:
        Unavailable: the database cannot be upgraded, or the folder cannot be written.
        NoSpace: the device is full.
    """
    database, mark, copy = folder / DATABASE, folder / UNFINISHED, folder / BEFORE
    with locks.file_lock(folder / SETUP_LOCK):
        notice = ""
        if any(env.get(name) or prefect_settings.setting(name) for name in _URLS):
            yield notice  # another database, whose keeper is the user
            return
        if copy.exists() and not database.exists():
            restore(folder)  # killed in the middle of it
        with files.guard(database):
            if mark.exists():
                set_aside(database, "unfinished")
            if not database.exists():
                mark.touch()
        revision = read_revision(database)
        if revision and revision != newest_revision():
            notice = upgrade(folder, log, env)
        if revision:  # of tables that nobody can read now the copy may be needed
            with files.guard(copy):
                copy.unlink(missing_ok=True)
        yield notice
        with files.guard(mark):
            mark.unlink(missing_ok=True)


def upgrade(folder: Path, log: Path, env: Mapping[str, str]) -> str:
    """Bring the database to this Prefect's tables; return a line if its copy had to be restored.

    The copy stays where this fails.

    Raises:
        Unavailable, NoSpace: as `setup`.
    """
    database, copy = folder / DATABASE, folder / BEFORE
    was_begun, notice = copy.exists(), ""
    if not was_begun:
        with files.atomic_file(copy) as temporary, files.guard(copy):
            copy_database(database, temporary)
    is_done = run_upgrade(folder, log, env)
    if was_begun and not is_done:
        aside = restore(folder)
        notice = (
            "an upgrade of Prefect's database had been broken off and could not go on: the copy "
            f"made before it, with all runs, is upgraded instead; the other is {aside}"
        )
        is_done = run_upgrade(folder, log, env)
    if not is_done:
        if shutil.disk_usage(folder).free < database.stat().st_size:  # the log is short then, too
            raise NoSpace(
                f"no space left to upgrade Prefect's database {database}: free "
                f"{database.stat().st_size // 10**6 + 1:,} MB there and run again; "
                f"the database as it was before is {copy}"
            )
        raise Unavailable(
            f"Prefect cannot upgrade its database: see the end of {log}; "
            f"the database as it was before is {copy}"
        )
    return notice


def run_upgrade(folder: Path, log: Path, env: Mapping[str, str]) -> bool:
    """Run Prefect's own migrations in a process that ends with this one; return if they passed."""
    command = [sys.executable, "-m", "prefect", "server", "database", "upgrade", "--yes"]
    with files.guard(log), log.open("ab") as log_file:
        process = subprocess.run(
            command,
            env={**env, "PREFECT_HOME": str(folder.absolute())},
            stdin=subprocess.DEVNULL,
            stdout=log_file,
            stderr=log_file,
            start_new_session=True,
            preexec_fn=end_with_parent,
            check=False,
        )
    return process.returncode == 0


def restore(folder: Path) -> Path:
    """Put the copy in the place of the database, which is moved aside; return where it is now.

    The copy stays, so that this may be killed too.

    Raises:
        Unavailable, NoSpace: the folder cannot be written.
    """
    database = folder / DATABASE
    with files.guard(database):
        aside = set_aside(database, "half-upgraded")
    with files.atomic_file(database) as temporary, files.guard(database):
        shutil.copyfile(folder / BEFORE, temporary)
    return aside


def set_aside(database: Path, suffix: str) -> Path:
    """Rename a database, if it is there, and its logs of changes. Raises OSError."""
    aside = database.with_name(f"{database.name}.{suffix}")
    # The database comes first: without it nothing plays its log, with another's it would be broken.
    for part in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            database.with_name(database.name + part).replace(aside.with_name(aside.name + part))
    return aside


def copy_database(database: Path, target: Path) -> None:
    """Copy an SQLite file as it is at one moment, while others may write to it.

    Raises:
        Unavailable: the file is broken, or locked.
        OSError: the device is full.
    """
    try:
        with (
            contextlib.closing(sqlite3.connect(database, timeout=BUSY_SECONDS)) as source,
            contextlib.closing(sqlite3.connect(target)) as copy,
        ):
            source.backup(copy)
    except sqlite3.Error as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
        raise Unavailable(f"cannot copy {database} before its upgrade: {error}") from None


def read_revision(database: Path) -> str:
    """Return the revision of the tables; empty where there are none, or nobody can read them."""
    if not database.exists():
        return ""
    try:
        with contextlib.closing(sqlite3.connect(database, timeout=BUSY_SECONDS)) as connection:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error:
        return ""  # Prefect says what is wrong with it
    return str(row[0]) if row else ""


def newest_revision() -> str:
    """Return the revision that the installed Prefect needs; empty if its files do not tell.

    Asking Prefect itself would take seconds, at each start.
    """
    spec = importlib.util.find_spec("prefect")
    folder = Path(spec.origin).parent / _VERSIONS if spec and spec.origin else Path()
    revisions, parents = set[str](), set[str]()
    for path in folder.glob("*.py"):
        for is_parent, revision in _REVISION.findall(path.read_text("utf-8", "replace")):
            (parents if is_parent else revisions).add(revision)
    newest = revisions - parents
    return newest.pop() if len(newest) == 1 else ""

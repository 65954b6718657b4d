"""Connections: all that differs between SQLite and Postgres, and errors in the user's words."""

from __future__ import annotations

import importlib
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError

from oneclick.core.errors import BadInput, NoSpace, OneclickError, Unavailable, UsageError

if TYPE_CHECKING:
    from sqlalchemy.dialects import sqlite

BUSY_SECONDS = 60
_LOCK = 0x0C11C  # any number will do, as long as it is ours


def default_url(path: Path) -> sa.URL:
    """The URL of an SQLite file."""
    return sa.URL.create("sqlite", database=str(path.absolute()))


def parse(url: str) -> sa.URL:
    """A URL as a user writes it; `postgresql://` means the driver psycopg.

    Raises:
        UsageError: it is no database URL.
    """
    try:
        made = sa.make_url(url)
    except sa.exc.ArgumentError:
        raise UsageError("catalog URL: expected sqlite:///FILE or postgresql://…") from None
    if made.drivername in ("postgresql", "postgres"):
        made = made.set(drivername="postgresql+psycopg")
    return made


def connect(url: sa.URL, readonly: bool = False, scratch: bool = False) -> sa.Engine:
    """An engine whose transactions are explicit; nothing is opened yet.

    A `scratch` SQLite file is fast and leaves no log beside it, but does not survive a crash.

    Raises:
        UsageError: the database driver is not installed.
    """
    try:
        if url.get_backend_name() == "sqlite":
            return _sqlite(url, readonly, scratch)
        options = {"postgresql_readonly": readonly}
        return sa.create_engine(url, pool_pre_ping=True, execution_options=options)
    except (ImportError, sa.exc.NoSuchModuleError) as error:
        raise UsageError(
            f"catalog {name(url)}: {error}; install oneclick[postgres] or use SQLite"
        ) from None


@contextmanager
def transaction(engine: sa.Engine, writes: bool) -> Iterator[sa.Connection]:
    """One transaction, committed at the end; one that writes holds SQLite's lock from the start."""
    with translated(engine.url), engine.connect() as connection:
        # No transaction runs yet: the option decides how the next one begins.
        connection = connection.execution_options(oneclick_writes=writes)
        with connection.begin():
            yield connection


def alone(connection: sa.Connection) -> None:
    """Let no other process change the schema until this transaction ends."""
    if connection.dialect.name == "postgresql":  # SQLite has one writer anyway
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))


def insert(dialect: str, table: sa.Table) -> sqlite.Insert:
    """An INSERT that can say what to do on conflict; both dialects speak it alike."""
    made: sqlite.Insert = importlib.import_module(f"sqlalchemy.dialects.{dialect}").insert(table)
    return made


def version(connection: sa.Connection) -> object:
    """What changes with every commit of another connection."""
    if connection.dialect.name != "sqlite":
        found = connection.exec_driver_sql("SELECT pg_current_wal_insert_lsn()::text").scalar()
        connection.rollback()
        return found
    raw = connection.connection.driver_connection
    assert raw is not None
    path = Path(raw.execute("PRAGMA database_list").fetchone()[2])
    return path.stat().st_ino, raw.execute("PRAGMA data_version").fetchone()[0]


def damage(connection: sa.Connection) -> list[str]:
    """What SQLite finds wrong with its own file."""
    if connection.dialect.name != "sqlite":
        return []
    found = connection.exec_driver_sql("PRAGMA quick_check").scalars().all()
    return [f"catalog file: {line}" for line in found if line != "ok"]


def name(url: sa.URL) -> str:
    """The catalog as messages call it, without a password."""
    return url.database or "" if url.get_backend_name() == "sqlite" else repr(url)


@contextmanager
def translated(url: sa.URL) -> Iterator[None]:
    """Turn what the database says into one line that names the catalog and the remedy."""
    try:
        yield
    except DBAPIError as error:
        raise _error(error.orig or error, name(url), isinstance(error, IntegrityError)) from error
    except sqlite3.Error as error:
        raise _error(error, name(url), False) from error


def _error(error: BaseException, where: str, refused: bool) -> OneclickError:
    text = str(error).split("\n", 1)[0]
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return BadInput(f"{where} is no sound catalog: {text}; oneclick catalog rebuild")
    if code == sqlite3.SQLITE_FULL or getattr(error, "sqlstate", "") == "53100":
        return NoSpace(f"no space left to write {where}: free some and run again")
    if refused:
        return OneclickError(
            f"{where} lacks a video or clip that was named ({text}): oneclick catalog rebuild"
        )
    if "no such table" in text or "no such column" in text:
        return BadInput(f"{where} lacks parts of a catalog: {text}; oneclick catalog rebuild")
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return Unavailable(f"{where} is held by another process: {text}; run again later")
    return Unavailable(f"catalog {where}: {text}; check the disk, its rights and the server")


def _sqlite(url: sa.URL, readonly: bool, scratch: bool) -> sa.Engine:
    if readonly:
        query = {"mode": "ro", "uri": "true"}
        url = url.set(database=Path(url.database or "").absolute().as_uri(), query=query)
    engine = sa.create_engine(url, connect_args={"timeout": BUSY_SECONDS})
    prepare = _prepare_read if readonly else _prepare_scratch if scratch else _prepare
    sa.event.listen(engine, "connect", prepare)
    sa.event.listen(engine, "begin", _begin)
    return engine


def _prepare(raw: sqlite3.Connection, _: Any) -> None:
    raw.isolation_level = None  # the driver's own BEGIN would be a deferred one
    _to_wal(raw)
    raw.execute("PRAGMA synchronous = NORMAL")  # cannot corrupt; the files can always be read again
    raw.execute("PRAGMA foreign_keys = ON")


def _prepare_read(raw: sqlite3.Connection, _: Any) -> None:
    raw.isolation_level = None
    raw.execute("PRAGMA query_only = ON")


def _prepare_scratch(raw: sqlite3.Connection, _: Any) -> None:
    raw.isolation_level = None
    raw.execute("PRAGMA journal_mode = MEMORY")
    raw.execute("PRAGMA synchronous = OFF")
    raw.execute("PRAGMA foreign_keys = ON")


def _to_wal(raw: sqlite3.Connection) -> None:
    """The switch does not wait for other processes by itself."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            raw.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > deadline:
                raise
        time.sleep(0.01)


def _begin(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("oneclick_writes", True)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

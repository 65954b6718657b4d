"""Connections: the differences between SQLite and Postgres, and database errors for users."""

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
_LOCK = 0x0C11C  # an arbitrary number that identifies our advisory lock
READ_ONLY = ("query_only = ON",)
# NORMAL cannot corrupt the file; what a power cut loses can be rebuilt from the other files.
DURABLE = ("synchronous = NORMAL", "foreign_keys = ON")


def default_url(path: Path) -> sa.URL:
    """Return the URL of an SQLite file."""
    return sa.URL.create("sqlite", database=str(path.absolute()))


def parse(url: str) -> sa.URL:
    """Parse a database URL; `postgresql://` selects the driver psycopg.

    Raises:
        UsageError: it is no database URL.
    """
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError:
        raise UsageError("catalog URL: expected sqlite:///FILE or postgresql://…") from None
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    return parsed


def connect(url: sa.URL, readonly: bool = False) -> sa.Engine:
    """Return an engine with explicit transactions; no connection is opened yet.

    Raises:
        UsageError: the database driver is not installed.
    """
    try:
        if url.get_backend_name() == "sqlite":
            return connect_sqlite(url, readonly)
        options = {"postgresql_readonly": readonly}
        return sa.create_engine(url, pool_pre_ping=True, execution_options=options)
    except (ImportError, sa.exc.NoSuchModuleError) as error:
        raise UsageError(
            f"catalog {name(url)}: {error}; install oneclick[postgres] or use SQLite"
        ) from None


def connect_sqlite(url: sa.URL, readonly: bool) -> sa.Engine:
    """Return an engine for an SQLite file that begins its transactions explicitly."""
    if readonly:
        query = {"mode": "ro", "uri": "true"}
        url = url.set(database=Path(url.database or "").absolute().as_uri(), query=query)
    engine = sa.create_engine(url, connect_args={"timeout": BUSY_SECONDS})
    pragmas = READ_ONLY if readonly else DURABLE

    @sa.event.listens_for(engine, "connect")
    def prepare(raw: sqlite3.Connection, _: Any) -> None:
        raw.isolation_level = None  # the driver's own BEGIN would be a deferred one
        if pragmas is DURABLE:
            _enable_wal(raw)
        for pragma in pragmas:
            raw.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get("oneclick_writes", True)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _enable_wal(raw: sqlite3.Connection) -> None:
    """Enable write-ahead logging, for which SQLite's busy timeout does not wait."""
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


@contextmanager
def transaction(engine: sa.Engine, writes: bool) -> Iterator[sa.Connection]:
    """Run one transaction and commit it at the end; one that writes locks SQLite from its start."""
    with translated(engine.url), engine.connect() as connection:
        # No transaction runs yet: the option decides how the next one begins.
        connection = connection.execution_options(oneclick_writes=writes)
        with connection.begin():
            yield connection


def lock_schema(connection: sa.Connection) -> None:
    """Keep other processes from changing the schema until this transaction ends."""
    if connection.dialect.name == "postgresql":  # SQLite has one writer anyway
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))


def insert(dialect: str, table: sa.Table) -> sqlite.Insert:
    """Return an INSERT with ON CONFLICT, whose methods are alike in both dialects."""
    module = importlib.import_module(f"sqlalchemy.dialects.{dialect}")
    statement: sqlite.Insert = module.insert(table)
    return statement


def version(connection: sa.Connection) -> object:
    """Return a value that changes with every commit of another connection."""
    if connection.dialect.name != "sqlite":
        position = connection.exec_driver_sql("SELECT pg_current_wal_insert_lsn()::text").scalar()
        connection.rollback()
        return position
    raw = connection.connection.driver_connection
    assert raw is not None
    path = Path(raw.execute("PRAGMA database_list").fetchone()[2])
    return path.stat().st_ino, raw.execute("PRAGMA data_version").fetchone()[0]


def damage(connection: sa.Connection) -> list[str]:
    """Return the damages that SQLite finds in its own file, one sentence each."""
    if connection.dialect.name != "sqlite":
        return []
    messages = connection.exec_driver_sql("PRAGMA quick_check").scalars().all()
    return [f"catalog file: {message}" for message in messages if message != "ok"]


def name(url: sa.URL) -> str:
    """Return the name of the catalog for messages, without a password."""
    return url.database or "" if url.get_backend_name() == "sqlite" else repr(url)


@contextmanager
def translated(url: sa.URL) -> Iterator[None]:
    """Translate database errors to one line that names the catalog and the remedy."""
    try:
        yield
    except DBAPIError as error:
        constraint = isinstance(error, IntegrityError)
        raise _translate(error.orig or error, name(url), constraint) from error
    except sqlite3.Error as error:
        raise _translate(error, name(url), False) from error


def _translate(error: BaseException, catalog: str, constraint: bool) -> OneclickError:
    text = str(error).split("\n", 1)[0]
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return BadInput(f"{catalog} is no sound catalog: {text}; oneclick catalog rebuild")
    if "Could not decode to UTF-8" in text:
        return BadInput(f"{catalog} holds damaged text: {text}; oneclick catalog rebuild")
    if code == sqlite3.SQLITE_FULL or getattr(error, "sqlstate", "") == "53100":
        return NoSpace(f"no space left to write {catalog}: free some and run again")
    if constraint:
        return OneclickError(
            f"{catalog} lacks a video or clip that was named ({text}): oneclick catalog rebuild"
        )
    if "no such table" in text or "no such column" in text:
        return BadInput(f"{catalog} lacks parts of a catalog: {text}; oneclick catalog rebuild")
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return Unavailable(f"{catalog} is held by another process: {text}; run again later")
    return Unavailable(f"catalog {catalog}: {text}; check the disk, its rights and the server")

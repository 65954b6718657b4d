"""Exclusion between processes, and with Postgres between hosts: one lock for each kind of write.

A lock is an empty file below `<home>/locks`, locked by the kernel: a process that dies frees it.
Where the catalog is in Postgres, an advisory lock of that database is held too, which other hosts
see although their file systems may not share locks.
"""

from __future__ import annotations

import contextlib
import enum
import errno
import fcntl
import os
import threading
from collections.abc import Iterator
from pathlib import Path

from oneclick.core.errors import Unavailable
from oneclick.storage import files
from oneclick.storage.workspace import Workspace

CATALOG_URL = "ONECLICK_CATALOG_URL"
"""Environment variable that names another database than the workspace's own SQLite file."""
_LOCK_CLASS = 0x0C11C  # identifies our advisory locks among those of other programs
_UNSUPPORTED = (errno.ENOLCK, errno.ENOTSUP, errno.EBADF)  # network folders without locks
_local = threading.local()


class WriteLock(enum.Enum):
    """A kind of write of which a workspace has one at a time.

    Whoever needs two takes them in this order.
    """

    SERVE = "serve"
    """The processes of `oneclick up`."""
    REBUILD = "rebuild"
    """The catalog is replaced, or brought up to date with the files."""
    MAINTENANCE = "maintenance"
    """Old recordings and leftovers are removed."""
    PUBLISH = "publish"
    """A dataset version is frozen, or a clip is excluded from the next."""
    REVIEW = "review"
    """Verdicts are collected, or clips erased."""
    VERDICTS = "verdicts"
    """A verdict enters or leaves the inbox."""
    SELECTION = "selection"
    """Clips are selected from the hits of videos."""
    CHAMPION = "champion"
    """A model is put into service."""


@contextlib.contextmanager
def hold(workspace: Workspace, lock: WriteLock, wait: bool = True) -> Iterator[None]:
    """Hold a lock of a workspace; a thread that holds it already goes on.

    Args:
        workspace: the workspace that is written.
        lock: the kind of write.
        wait: wait for the holder, or raise Unavailable.

    Raises:
        Unavailable: another process holds the lock, or the folder or database cannot be used.
        NoSpace: no space for the lock file.
    """
    key = (str(workspace.home.absolute()), lock)
    thread_locks: set[tuple[str, WriteLock]] = _local.__dict__.setdefault("locks", set())
    if key in thread_locks:
        yield
        return
    workspace.create()
    path = workspace.locks_dir / lock.value
    with file_lock(path, wait), _advisory_lock(lock, wait):
        thread_locks.add(key)
        try:
            yield
        finally:
            thread_locks.discard(key)


@contextlib.contextmanager
def file_lock(path: Path, wait: bool = True) -> Iterator[None]:
    """Hold an exclusive lock between processes.

    The lock is on the folder at `path`, or on an empty file there, which is created and stays. A
    file system without locks gives no exclusion.

    Raises:
        Unavailable: another process holds the lock and `wait` is False, or the folder cannot be
            written.
        NoSpace: the device is full.
    """
    with files.guard(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = os.O_RDONLY if path.is_dir() else os.O_RDWR | os.O_CREAT
        descriptor = os.open(path, mode, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _busy(path.name) from None
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                raise
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _advisory_lock(lock: WriteLock, wait: bool) -> Iterator[None]:
    """Hold the lock of the same name in Postgres, if the catalog is there."""
    url = os.environ.get(CATALOG_URL, "")
    if not url.startswith("postgres"):
        yield
        return
    import psycopg

    function = "pg_advisory_lock" if wait else "pg_try_advisory_lock"
    number = list(WriteLock).index(lock)
    try:
        connection = psycopg.connect(url.replace("+psycopg", "", 1), autocommit=True)
    except psycopg.Error as error:
        reason = str(error).split("\n", 1)[0]
        raise Unavailable(f"{CATALOG_URL}: the database does not answer: {reason}") from None
    with connection:  # closing it frees the lock
        row = connection.execute(f"SELECT {function}(%s, %s)", (_LOCK_CLASS, number)).fetchone()
        if row is not None and row[0] is False:
            raise _busy(lock.value)
        yield


def _busy(name: str) -> Unavailable:
    return Unavailable(f"another process holds the lock {name!r} of this workspace: let it end")

"""Exclusion between processes, and with Postgres between hosts: one lock for each kind of write.

A lock is an empty file below `<home>/locks`, locked by the kernel: a process that dies frees it.
Where the catalog is in Postgres, an advisory lock of that database is held too, which other hosts
see although their file systems may not share locks.

Two processes that take two locks in opposite orders wait for each other for ever. So locks are
taken in the order of `WriteLock`, from the outermost in, and `hold` refuses another order:

- `oneclick up` holds SERVE as long as it runs, and the server of the review pages REVIEW_PAGES; the
  flows that are started are other processes.
- Maintenance, publications, collecting and the selection hold theirs during the whole work.
- CHAMPION and REBUILD are innermost: each catalog that is opened may be behind the files, and takes
  REBUILD while it is brought up to date. A rebuild itself asks for PUBLISH and REVIEW first, and is
  refused while somebody holds them.

Locks on single files (`file_lock`) are none of these: a training holds that of its model around all
others, those of settings and cameras are held for one read and write, and nothing is taken inside.
No lock is taken in a transaction of the catalog, which would wait for whoever holds it.
"""

from __future__ import annotations

import contextlib
import enum
import errno
import fcntl
import os
import threading
import zlib
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
    """A kind of write of which a workspace has one at a time, from the outermost to the innermost.

    Whoever needs two takes them in this order.
    """

    SERVE = "serve"
    """The processes of `oneclick up`."""
    REVIEW_PAGES = "review-pages"
    """The server of the review pages."""
    MAINTENANCE = "maintenance"
    """Old recordings and leftovers are removed."""
    PUBLISH = "publish"
    """A dataset version is frozen, or a clip is excluded from the next."""
    REVIEW = "review"
    """Verdicts are collected, or clips erased."""
    SELECTION = "selection"
    """Clips are selected from the hits of videos."""
    CHAMPION = "champion"
    """A model is put into service."""
    USERS = "users"
    """A user of the review pages is added or changed."""
    REBUILD = "rebuild"
    """The catalog is replaced, or brought up to date with the files."""

    @property
    def number(self) -> int:
        """Return a number that is the same in every version: the order may change."""
        return zlib.crc32(self.value.encode()) & 0x7FFFFFFF


class LockOrderError(RuntimeError):
    """Two locks were taken in an order in which two processes can block each other."""


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
        LockOrderError: this thread holds one that comes later in the order.
    """
    home = str(workspace.home.absolute())
    key = (home, lock)
    thread_locks: set[tuple[str, WriteLock]] = _local.__dict__.setdefault("locks", set())
    if key in thread_locks:
        yield
        return
    order = list(WriteLock)
    for owner, inner in thread_locks:
        if owner == home and order.index(inner) > order.index(lock):
            raise LockOrderError(f"the lock {lock.value!r} is taken inside {inner.value!r}")
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


def hold_recordings(workspace: Workspace) -> contextlib.AbstractContextManager[None]:
    """Hold the lock under which recordings are added, and parts replaced. Raises as `file_lock`."""
    return file_lock(workspace.locks_dir / "videos")


@contextlib.contextmanager
def _advisory_lock(lock: WriteLock, wait: bool) -> Iterator[None]:
    """Hold the lock of the same name in Postgres, if the catalog is there."""
    url = os.environ.get(CATALOG_URL, "")
    if not url.startswith("postgres"):
        yield
        return
    import psycopg

    function = "pg_advisory_lock" if wait else "pg_try_advisory_lock"
    try:
        connection = psycopg.connect(url.replace("+psycopg", "", 1), autocommit=True)
    except psycopg.Error as error:
        reason = str(error).split("\n", 1)[0]
        raise Unavailable(f"{CATALOG_URL}: the database does not answer: {reason}") from None
    with connection:  # closing it frees the lock
        keys = (_LOCK_CLASS, lock.number)
        row = connection.execute(f"SELECT {function}(%s, %s)", keys).fetchone()
        if row is not None and row[0] is False:
            raise _busy(lock.value)
        yield


def _busy(name: str) -> Unavailable:
    return Unavailable(f"another process holds the lock {name!r} of this workspace: let it end")

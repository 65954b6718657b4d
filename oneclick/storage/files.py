"""Files that are either complete or absent: atomic writes, digests, stable JSON.

Everything is written under a temporary name beside its target, `.<name>.<host>.<pid>.<n>.tmp`, and
renamed when complete, so a killed process leaves nothing but a temporary that `sweep` removes.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import functools
import hashlib
import itertools
import os
import platform
import re
import shutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec

from oneclick.core.errors import NoSpace, Unavailable, UsageError
from oneclick.storage import bounded_documents, bounded_files

T = TypeVar("T")
FileVersion = tuple[int, int, int]
"""Inode, size and time of change, in ns."""

MAX_JSON = 1024 * bounded_files.MEBIBYTE

# EFBIG is the file-size limit of the process or file system.
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
# Answers of file systems that know no hard links.
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK}
# With the files that SQLite keeps beside a database while it writes it.
_TEMPORARY = re.compile(r"\..+\.(?P<host>[^.]+)\.(?P<pid>\d+)\.\d+\.tmp(?:-journal|-wal|-shm)?")
_ABANDONED_SECONDS = 24 * 3600.0
_MAX_NAME_BYTES = 150  # file systems limit names to 255 bytes; host, pid and counter need the rest
_counter = itertools.count()


def sha256(path: Path) -> str:
    """Return the sha256 of the file's bytes as hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def version(path: Path) -> FileVersion:
    """Return what changes whenever a file is written atomically.

    The time alone does not: on many file systems it stands still for milliseconds.

    Raises:
        OSError: as `Path.stat`.
    """
    stat = path.stat()
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


def check_output(path: Path, inputs: Iterable[Path]) -> None:
    """Check that `path` is none of the files that are read, not even through a link.

    Raises:
        UsageError: it is one of them.
    """
    for source in inputs:
        try:
            is_same = path.resolve() == source.resolve() or path.samefile(source)
        except (OSError, ValueError, RuntimeError):  # one of them does not exist, or is no name
            continue
        if is_same:
            raise UsageError(f"{path} would overwrite {source}, which is read: name another file")


def write_atomic(path: Path, data: bytes | str) -> None:
    """Write the whole file or nothing, and make its folders; text is encoded as UTF-8.

    Raises:
        NoSpace: the device is full.
        Unavailable: the place cannot be written.
    """
    content = data.encode() if isinstance(data, str) else data
    with atomic_file(path) as temporary, guard(path):
        temporary.write_bytes(content)


@contextlib.contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a temporary name to write; flushed to disk and renamed to `path` on success.

    The temporary is removed after any failure. Raises as `write_atomic`.
    """
    with temporary_name(path) as temporary:
        yield temporary
        with guard(path):
            flush(temporary)
            temporary.replace(path)
            flush(path.parent)


def create(path: Path, data: bytes | str, mode: int = 0o666) -> bool:
    """Write a new file, whole or not at all; return False if `path` exists, which stays.

    Of two processes that create one file, one gets False. The umask applies to `mode`.
    Raises as `write_atomic`.
    """
    content = data.encode() if isinstance(data, str) else data
    with temporary_name(path) as temporary, guard(path):
        temporary.touch(mode)
        temporary.write_bytes(content)
        flush(temporary)
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            if not _rename_new(temporary, path):
                return False
        flush(path.parent)
        return True


def _rename_new(temporary: Path, path: Path) -> bool:
    """Do what a hard link does where the file system has none: the folder is locked meanwhile."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # network folders without locks
            fcntl.flock(folder, fcntl.LOCK_EX)
        if path.exists():
            return False
        temporary.replace(path)
    finally:
        os.close(folder)
    return True


@contextlib.contextmanager
def atomic_dir(path: Path, mark: str = "") -> Iterator[Path]:
    """Yield an empty temporary folder that becomes `path` on success and vanishes on failure.

    An empty folder at `path` is replaced.

    Args:
        path: the folder.
        mark: name of a file that every complete folder there holds: one that another process wrote
            meanwhile stays, and the new one is dropped.

    Raises:
        UsageError: something else lies at `path` meanwhile; it stays. Else as `write_atomic`.
    """
    with temporary_name(path) as temporary:
        with guard(path):
            temporary.mkdir()
        yield temporary
        with guard(path):
            try:
                temporary.rename(path)
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
                if not (mark and (path / mark).exists()):
                    raise UsageError(
                        f"{path} is not empty any more, and stays as it is: name a new folder, or "
                        "empty it, and run again"
                    ) from None
            flush(path.parent)


@contextlib.contextmanager
def temporary_name(path: Path) -> Iterator[Path]:
    """Yield an unused name beside `path`; a file or folder of that name is removed at the end.

    For a file whose final name depends on its content; else use `atomic_file` or `atomic_dir`.
    """
    stem = os.fsencode(path.name)[:_MAX_NAME_BYTES].decode(errors="ignore")
    temporary = path.parent / f".{stem}.{_host()}.{os.getpid()}.{next(_counter)}.tmp"
    with guard(path):
        make_folder(path.parent)
    try:
        yield temporary
    except OSError as error:
        # Other OSErrors of the body may come from elsewhere, such as a source that disappeared.
        if is_disk_full(error):
            raise _no_space(path) from error
        raise
    finally:
        _remove(temporary)


@contextlib.contextmanager
def guard(path: Path) -> Iterator[None]:
    """Turn an OSError while writing `path` into NoSpace or Unavailable, naming the path."""
    try:
        yield
    except OSError as error:
        if is_disk_full(error):
            raise _no_space(path) from error
        reason = error.strerror or str(error)
        raise Unavailable(f"cannot write {path}: {reason}; check the folder's rights") from error


def make_folder(path: Path) -> None:
    """Make a folder and those above it, each flushed to the device. Raises OSError."""
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(exist_ok=True)
    flush(path.parent)


def flush(path: Path) -> None:
    """Flush a file or folder to the device (fsync). Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # network folders without fsync
            raise
    finally:
        os.close(descriptor)


def is_disk_full(error: BaseException) -> bool:
    """Check for the OSErrors of a full device, an exhausted quota or a file-size limit."""
    return isinstance(error, OSError) and error.errno in _FULL


def to_json(value: Any) -> bytes:
    """Encode as JSON with sorted dict keys, fields in order and indent 1; bytes are stable."""
    return msgspec.json.format(msgspec.json.encode(value, order="deterministic"), indent=1) + b"\n"


def write_json(path: Path, value: Any) -> None:
    """Write `to_json(value)` atomically."""
    write_atomic(path, to_json(value))


def read_json(path: Path, type: type[T] | Any = Any) -> T:
    """Read JSON and validate it against `type` (struct, dataclass or builtin).

    Raises:
        BadInput: the file is missing, unreadable, no JSON, or not of that type.
    """
    content = bounded_files.read_bytes(path, MAX_JSON)
    return cast(T, bounded_documents.decode_json(content, path, type))


def json_names(folder: Path) -> list[str]:
    """Return the names of the JSON files in a folder, hidden ones not; of tens of thousands too."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [name for name in names if name.endswith(".json") and name[0] != "."]


def sweep(home: Path) -> int:
    """Remove temporaries below `home` whose process is dead; return how many.

    Processes of other hosts cannot be checked: their temporaries are removed after a day.
    """
    abandoned: list[Path] = []
    for folder, folders, names in os.walk(home):
        paths = (Path(folder, name) for name in folders + names if _TEMPORARY.fullmatch(name))
        abandoned += [path for path in paths if is_abandoned(path)]
        # Folders of frames are complete or absent: no need to search millions of images.
        folders[:] = [name for name in folders if name != "frames" and name[0] != "."]
    for path in abandoned:
        _remove(path)
    return len(abandoned)


def is_abandoned(path: Path) -> bool:
    """Check whether the process that wrote a temporary is dead, or the temporary a day old."""
    match = _TEMPORARY.fullmatch(path.name)
    if match is None:
        return False
    if match["host"] == _host():
        try:
            os.kill(int(match["pid"]), 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            pass  # a process of another user
    try:
        return time.time() - path.stat().st_mtime > _ABANDONED_SECONDS
    except FileNotFoundError:
        return False


def _no_space(path: Path) -> NoSpace:
    return NoSpace(f"no space left to write {path}: free some and run again")


@functools.cache
def _host() -> str:
    """Return host and pid namespace: containers of one host name have pids of their own."""
    node = platform.node().replace(".", "-")[:40] or "localhost"
    try:
        return f"{node}+{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return node


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)

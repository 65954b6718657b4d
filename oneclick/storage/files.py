"""Files that are either whole or absent: atomic writes, digests, stable JSON.

Everything is written under a temporary name beside its target, `.<name>.<host>.<pid>.<n>.tmp`, and
renamed when complete, so a killed process leaves nothing but a temporary that `sweep` removes.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import itertools
import os
import platform
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from oneclick.core.errors import BadInput, NoSpace, Unavailable

T = TypeVar("T")

# EFBIG: the file-size limit of the process or file system, as final as a full device.
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_TEMPORARY = re.compile(r"\..+\.(?P<host>[^.]+)\.(?P<pid>\d+)\.\d+\.tmp")
_ABANDONED_SECONDS = 24 * 3600.0
_NAME_ROOM = 150  # file systems end a name at 255 bytes; host, pid and counter need the rest
_counter = itertools.count()


def sha256(path: Path) -> str:
    """Hex digest of the file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_atomic(path: Path, data: bytes | str) -> None:
    """Write the whole file or nothing, parents included; text is UTF-8.

    Raises:
        NoSpace: the device is full. Unavailable: the place cannot be written.
    """
    content = data.encode() if isinstance(data, str) else data
    with atomic_file(path) as temporary, guard(path):
        temporary.write_bytes(content)


@contextlib.contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a temporary name to write; flushed to disk and renamed to `path` on success.

    The temporary is gone after any failure. Raises as `write_atomic`.
    """
    with temporary_name(path) as temporary:
        yield temporary
        with guard(path):
            flush(temporary)
            temporary.replace(path)
            flush(path.parent)


@contextlib.contextmanager
def atomic_dir(path: Path) -> Iterator[Path]:
    """Yield an empty temporary folder that becomes `path` on success and vanishes on failure.

    A folder that already stands at `path` with something in it is complete by construction: it
    stays, and the new one is dropped. Raises as `write_atomic`.
    """
    with temporary_name(path) as temporary:
        with guard(path):
            temporary.mkdir()
        yield temporary
        with guard(path):
            _rename_unless_there(temporary, path)
            flush(path.parent)


@contextlib.contextmanager
def temporary_name(path: Path) -> Iterator[Path]:
    """Yield a free name beside `path`; whatever stands there afterwards is removed.

    For a file whose final name its content decides; else use `atomic_file` or `atomic_dir`.
    """
    temporary = path.parent / (f".{_short(path.name)}.{_host()}.{os.getpid()}.{next(_counter)}.tmp")
    with guard(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield temporary
    except OSError as error:
        # The body may meet other OSErrors (a source that went away): only a full disk is ours.
        if is_full(error):
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
        if is_full(error):
            raise _no_space(path) from error
        reason = error.strerror or str(error)
        raise Unavailable(f"cannot write {path}: {reason}; check the folder's rights") from error


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """Wait until nobody else is in here; a process that dies is out. `path` stays, empty.

    Where the file system knows no locks, nobody waits.

    Raises as `write_atomic`.
    """
    with guard(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        door = path.open("ab")
    with door:
        try:
            fcntl.flock(door, fcntl.LOCK_EX)
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.ENOTSUP):  # network folders without locks
                raise
        yield


def flush(path: Path) -> None:
    """Push a file's or folder's bytes to the device. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # network folders without a flush
            raise
    finally:
        os.close(descriptor)


def is_full(error: BaseException) -> bool:
    """Whether this is an OSError of a full device, an exhausted quota or a file-size limit."""
    return isinstance(error, OSError) and error.errno in _FULL


def to_json(value: Any) -> bytes:
    """Stable bytes: keys of dicts sorted, fields of structs and dataclasses in order, indent 1."""
    return msgspec.json.format(msgspec.json.encode(value, order="deterministic"), indent=1) + b"\n"


def write_json(path: Path, value: Any) -> None:
    """Write `to_json(value)` atomically."""
    write_atomic(path, to_json(value))


def read_json(path: Path, type: type[T] | Any = Any) -> T:
    """Read JSON, checked against `type` (struct, dataclass or builtin).

    Raises:
        BadInput: the file is missing, unreadable, no JSON, or not of that type.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=type)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} is broken: {error}; restore or delete it") from None
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror or error}") from None


def sweep(home: Path) -> int:
    """Remove temporaries below `home` whose process is dead; how many went.

    A process of another host cannot be asked, so its temporaries go after a day.
    """
    stale = [path for path in _temporaries(home) if _abandoned(path)]
    for path in stale:
        _remove(path)
    return len(stale)


def _temporaries(home: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(home):
        yield from (Path(folder, name) for name in folders + names if _TEMPORARY.fullmatch(name))
        # Millions of pictures lie in folders that are whole or absent: nothing to find there.
        folders[:] = [name for name in folders if name != "frames" and name[0] != "."]


def _no_space(path: Path) -> NoSpace:
    return NoSpace(f"no space left to write {path}: free some and run again")


def _short(name: str) -> str:
    return name.encode()[:_NAME_ROOM].decode(errors="ignore")


def _host() -> str:
    return platform.node().replace(".", "-")[:40] or "localhost"


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _rename_unless_there(temporary: Path, path: Path) -> None:
    try:
        temporary.rename(path)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise


def _abandoned(path: Path) -> bool:
    match = _TEMPORARY.fullmatch(path.name)
    if match is None:
        return False
    if match["host"] == _host() and not _alive(int(match["pid"])):
        return True
    try:
        return time.time() - path.stat().st_mtime > _ABANDONED_SECONDS
    except FileNotFoundError:
        return False


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

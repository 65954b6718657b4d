"""Many files at once: copies that share no inode, and pictures flushed to the device together."""

from __future__ import annotations

import errno
import fcntl
import shutil
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from oneclick.storage import files

_FICLONE = 0x40049409  # <linux/fs.h>: share the blocks until one of the two files is written
_NO_CLONES = {
    errno.EBADF,
    errno.EINVAL,
    errno.ENOSYS,
    errno.ENOTSUP,
    errno.ENOTTY,
    errno.EOPNOTSUPP,
    errno.EPERM,
    errno.EXDEV,
}
_FLUSHERS = 8
"""Threads that flush: 90 pictures of 1080p take 0.2 s in place of 0.3 s, one by one as they are
written."""


def copy(source: Path, target: Path) -> None:
    """Copy a file over or to `target`, as a clone of its blocks where the file system can.

    A change of one of the two never reaches the other, as it would through a hard link. A file at
    `target` is replaced as a whole. The copy is not flushed: see `flush_all`.

    Raises:
        OSError: the source cannot be read. NoSpace, Unavailable: the target cannot be written.
    """
    with files.temporary_name(target) as temporary:
        with source.open("rb") as reader, files.guard(target), temporary.open("wb") as writer:
            if not _clone(reader.fileno(), writer.fileno()):
                shutil.copyfileobj(reader, writer, 1 << 20)
        with files.guard(target):
            temporary.replace(target)


def flush_all(paths: Iterable[Path]) -> None:
    """Flush files, and the folders that hold them, to the device.

    Raises:
        NoSpace, Unavailable: the device refuses.
    """
    ordered = list(paths)
    folders = list(dict.fromkeys(path.parent for path in ordered))
    with ThreadPoolExecutor(_FLUSHERS, "flush") as pool:
        list(pool.map(_flush, ordered))
    for folder in folders:
        _flush(folder)


def _flush(path: Path) -> None:
    with files.guard(path):
        files.flush(path)


def _clone(source: int, target: int) -> bool:
    """Let the file `target` share the blocks of `source`; False where that is not possible."""
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError as error:
        if error.errno in _NO_CLONES:
            return False
        raise
    return True

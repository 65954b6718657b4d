"""Files of strangers: only regular ones are read, each up to a size, and none outside its folder.

A named pipe or a device would block or never end, a link may lead to any file of this machine, and
a size that nobody checked fills the memory. Whatever comes from elsewhere is opened here.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from oneclick.core.errors import BadInput, OneclickError

MEBIBYTE = 1 << 20
ANY_SIZE = 1 << 62
"""Limit of files that are read piece by piece."""
MAX_DEPTH = 64
"""Folders below one another that are searched."""
MAX_ENTRIES = 5_000_000
"""Files and folders of one dataset that are looked at."""
LONGEST_LINE = 64 << 10
"""Bytes of a line of text."""
_BLOCK = 4 * MEBIBYTE
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}

Refusal = type[OneclickError]
"""Exception to raise: BadInput, or the one that the caller documents."""


def check_regular(path: Path, limit: int, refusal: Refusal = BadInput) -> os.stat_result:
    """Return the state of a file that is regular and at most `limit` bytes long.

    For libraries that open a path themselves; a link is followed.

    Raises:
        BadInput: or `refusal`, naming the file and the remedy.
    """
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        raise _unreadable(path, error, refusal) from None
    _check(path, status, limit, refusal)
    return status


@contextmanager
def open_regular(path: Path, limit: int, refusal: Refusal = BadInput) -> Iterator[BinaryIO]:
    """Open a regular file of at most `limit` bytes; nothing else is opened, or waited for.

    Raises:
        BadInput: or `refusal`, naming the file and the remedy.
    """
    check_regular(path, limit, refusal)
    try:
        # What took the file's place meanwhile must not block either.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as error:
        raise _unreadable(path, error, refusal) from None
    with os.fdopen(descriptor, "rb") as file:
        _check(path, os.fstat(descriptor), limit, refusal)
        try:
            yield file
        except OSError as error:
            raise _unreadable(path, error, refusal) from None


def read_bytes(path: Path, limit: int, refusal: Refusal = BadInput) -> bytes:
    """Return the content of a regular file. Raises as `open_regular`."""
    with open_regular(path, limit, refusal) as file:
        content = file.read(limit + 1)
    if len(content) > limit:  # it grew while it was read
        raise refusal(f"{path} changes while it is read: wait until it is complete")
    return content


def read_text(path: Path, limit: int, refusal: Refusal = BadInput) -> str:
    """Return the content of a regular file of UTF-8, without a byte order mark.

    Raises as `open_regular`, also where it is not UTF-8.
    """
    try:
        return read_bytes(path, limit, refusal).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refusal(f"{path} is not UTF-8 ({error.reason} at byte {error.start})") from None


def text_blocks(path: Path, limit: int, refusal: Refusal = BadInput) -> Iterator[tuple[int, str]]:
    """Yield a text in blocks of whole lines, each with the number of its first line, from 1.

    Line ends become line feeds, bytes that are no UTF-8 replacement characters. Memory is that of a
    block, whatever the size of the file. Raises as `open_regular`, also for a line without an end.
    """
    number, rest, is_first = 1, b"", True
    with open_regular(path, limit, refusal) as file:
        while chunk := file.read(_BLOCK):
            content = rest + chunk
            end = max(content.rfind(b"\n"), content.rfind(b"\r", 0, -1)) + 1
            rest = content[end:]
            if len(rest) > LONGEST_LINE:
                line = number + _decode(content[:end]).count("\n")
                raise refusal(f"{path} line {line} is longer than {LONGEST_LINE:,} bytes: no text")
            if end:
                text = _decode(content[:end], is_first)
                yield number, text
                number, is_first = number + text.count("\n"), False
    if rest:
        yield number, _decode(rest, is_first)


def _decode(content: bytes, is_first: bool = False) -> str:
    text = content.decode("utf-8-sig" if is_first else "utf-8", errors="replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def inside(root: Path, path: Path, refusal: Refusal = BadInput) -> Path:
    """Return `path` if it lies in the folder `root`, after links and `..` are followed.

    Raises:
        BadInput: or `refusal`: it leads out, or is no possible name.
    """
    try:
        is_inside = path.resolve().is_relative_to(root.resolve())
    except (OSError, ValueError, RuntimeError) as error:  # a loop of links, a NUL, a long name
        raise _unreadable(path, error, refusal) from None
    if not is_inside:
        raise refusal(f"{path} leads out of {root}: copy what it names into the dataset")
    return path


def find(
    root: Path, accept: Callable[[str], bool], failed: dict[str, str], leads_out: bool = False
) -> list[Path]:
    """Return the regular files below a folder whose name `accept` takes, sorted by path.

    A link that leads out of the folder, a pipe or device of an accepted name, a folder that cannot
    be read or lies too deep stand in `failed`, each with one line. A link to another folder inside
    is followed once; with `leads_out`, one out of the folder too.

    Raises:
        BadInput: there are more than MAX_ENTRIES files and folders.
    """
    paths: list[Path] = []
    count = 0
    followed: set[str] = set()
    waiting: list[tuple[str, int]] = [(str(root), 0)]
    while waiting:
        folder, depth = waiting.pop()
        try:
            with os.scandir(folder) as scan:
                entries = list(scan)
        except OSError as error:
            failed[folder] = f"cannot look into {folder}: {error.strerror}; check its rights"
            continue
        count += len(entries)
        if count > MAX_ENTRIES:
            raise BadInput(f"{root} holds more than {MAX_ENTRIES:,} files: import parts of it")
        for entry in entries:
            path = Path(entry.path)
            try:
                is_folder = entry.is_dir()
            except OSError:  # a loop of links
                is_folder = False
            if not (is_folder or accept(entry.name)):
                continue
            try:
                if entry.is_symlink():
                    if not leads_out:
                        inside(root, path)
                    if is_folder and not _is_new(path, followed):
                        continue
                if is_folder and depth == MAX_DEPTH:
                    raise BadInput(f"{path} lies more than {MAX_DEPTH} folders deep: move it up")
                if is_folder:
                    waiting.append((entry.path, depth + 1))
                else:
                    check_regular(path, ANY_SIZE)
                    paths.append(path)
            except BadInput as error:
                failed[entry.path] = str(error)
    return sorted(paths)


def _is_new(link: Path, followed: set[str]) -> bool:
    """Check whether a link to a folder leads to one that is neither above it nor followed."""
    target = str(link.resolve())
    if target in followed or link.parent.resolve().is_relative_to(target):
        return False
    followed.add(target)
    return True


def _check(path: Path, status: os.stat_result, limit: int, refusal: Refusal) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), "no regular file")
        raise refusal(f"{path} cannot be read, it is {kind}: remove it, or copy its data to a file")
    if status.st_size > limit:
        size, most = (-(-number // MEBIBYTE) for number in (status.st_size, limit))
        raise refusal(f"{path} has {size:,} MB, at most {most:,} are read: split it or remove it")


def _unreadable(path: Path, error: BaseException, refusal: Refusal) -> OneclickError:
    reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
    return refusal(f"{path}: cannot be read ({reason})")

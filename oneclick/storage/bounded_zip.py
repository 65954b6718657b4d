"""Zip archives of strangers: unpacked into a folder of their own, within bounds, and removed."""

from __future__ import annotations

import errno
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from oneclick.core.errors import BadInput, NoSpace
from oneclick.storage import bounded_files, files

MAX_BYTES = 1 << 38
"""Of the content, unpacked."""
MAX_ENTRIES = 1_000_000
MAX_RATIO = 200
"""Unpacked bytes for each packed one; labels in XML reach 60."""
_NO_SUCH_NAME = (errno.ENAMETOOLONG, errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.EILSEQ)
ALLOWANCE = 16 * bounded_files.MEBIBYTE
"""Unpacked bytes of any archive, whatever the ratio."""


@contextmanager
def opened(path: Path) -> Iterator[Path]:
    """Yield a folder with what a zip archive holds, or `path` itself where it is none.

    A folder that holds a zip archive and nothing else stands for it. Messages of BadInput that are
    raised inside name the archive, not the folder.

    Raises:
        BadInput: it cannot be unpacked, is too large, or has names that lead out of it.
        NoSpace: the temporary folder cannot hold it.
    """
    archive = find_archive(path)
    if archive is None:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="oneclick-import-") as parent:
        folder = Path(parent) / archive.stem
        unpack(archive, folder)
        try:
            yield folder
        except BadInput as error:
            raise type(error)(renamed(str(error), folder, archive)) from None


def renamed(text: str, folder: Path, path: Path) -> str:
    """Return a message about the folder that `opened` gave with the name of its archive."""
    archive = find_archive(path)
    return text if archive is None else text.replace(str(folder), str(archive))


def find_archive(path: Path) -> Path | None:
    """Return the zip archive that a path is, or that its folder holds alone; else None."""
    if path.is_dir():
        entries = [entry for entry in path.iterdir() if not entry.name.startswith(".")]
        path = entries[0] if len(entries) == 1 else path
    return path if path.suffix.lower() == ".zip" and path.is_file() else None


def unpack(archive: Path, folder: Path) -> None:
    """Unpack an archive into a new folder. Raises as `opened`."""
    bounded_files.check_regular(archive, bounded_files.ANY_SIZE)
    try:
        with zipfile.ZipFile(archive) as content:
            entries = [entry for entry in content.infolist() if not is_hidden(entry.filename)]
            check(archive, entries)
            with files.guard(folder):
                folder.mkdir()
                for entry in entries:
                    if not entry.is_dir():
                        unpack_entry(archive, content, entry, folder / entry.filename)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        text = " ".join(str(error).split())[:120]
        raise BadInput(f"{archive} cannot be unpacked ({text}): unpack it yourself") from None


def unpack_entry(
    archive: Path, content: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path
) -> None:
    """Unpack one file.

    Raises:
        BadInput: no file can have its name, here or beside the others. OSError: the disk refuses.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with content.open(entry) as source, target.open("xb") as file:
            shutil.copyfileobj(source, file)
    except OSError as error:
        if error.errno not in _NO_SUCH_NAME:
            raise
        raise BadInput(
            f"{archive} holds {entry.filename[:80]!r}, and no file here can be called so "
            f"({error.strerror}): rename it and pack again"
        ) from None


def is_hidden(name: str) -> bool:
    """Check whether an entry is none of the dataset: what macOS adds."""
    parts = PurePosixPath(name).parts
    return parts[:1] == ("__MACOSX",) or parts[-1:] == (".DS_Store",)


def check(archive: Path, entries: list[zipfile.ZipInfo]) -> None:
    """Raise BadInput or NoSpace if an archive must not be unpacked."""
    total = sum(entry.file_size for entry in entries)
    limit = min(MAX_BYTES, MAX_RATIO * archive.stat().st_size + ALLOWANCE)
    if total > limit or len(entries) > MAX_ENTRIES:
        raise BadInput(
            f"{archive} unpacks to {total:,} bytes in {len(entries):,} files, more than a dataset "
            "of its size: unpack it yourself if you trust it"
        )
    names: set[str] = set()
    for entry in entries:
        path = PurePosixPath(entry.filename)
        is_link = stat.S_ISLNK(entry.external_attr >> 16)
        if path.is_absolute() or ".." in path.parts or "\\" in entry.filename or is_link:
            raise BadInput(f"{archive} holds {entry.filename[:80]!r}, which may lead out of it")
        if entry.flag_bits & 1:
            raise BadInput(f"{archive} is encrypted: unpack it yourself")
        if entry.filename in names:
            raise BadInput(f"{archive} holds {entry.filename[:80]} twice: pack it again")
        names.add(entry.filename)
    if total > shutil.disk_usage(tempfile.gettempdir()).free:
        raise NoSpace(f"no space left to unpack {archive} ({total:,} bytes) in the folder TMPDIR")

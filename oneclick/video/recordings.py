"""Discovery of recordings in files, folders and URLs, all through fsspec."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from oneclick.core.errors import BadVideo, Unavailable
from oneclick.storage import bounded_files

# fmt: off
SUFFIXES = frozenset({
    ".3gp", ".avi", ".flv", ".m2ts", ".m4v", ".mjpeg", ".mjpg", ".mkv", ".mov", ".mp4", ".mpeg",
    ".mpg", ".mts", ".ts", ".webm", ".wmv",
})
# fmt: on
"""Suffixes of videos in a folder; a file that is named itself may have any suffix."""
UNKNOWN_SUFFIX = ".video"

_CHUNK = 4 << 20
_TIME = re.compile(
    r"(?<!\d)(20\d\d)[-_.]?(\d\d)[-_.]?(\d\d)[T_ -]?(\d\d)[-_.:]?(\d\d)[-_.:]?(\d\d)Z?(?!\d)"
)


@dataclass(frozen=True, kw_only=True)
class Recording:
    """One file that may be a recording."""

    name: str
    """Path or URL, as the user would write it."""
    camera: str
    """Name of its folder below the source, else the file's name without the time."""
    started_at: datetime | None
    """UTC, from a time such as 2026-11-21T10-00-00 or 20261121_100000 in the name."""
    suffix: str
    """One of SUFFIXES or UNKNOWN_SUFFIX."""
    state: str
    """Identifies file and content: it differs between files, and after a file has changed."""
    system: Any
    """fsspec file system."""
    path: str
    """Path in the file system."""

    @property
    def local_file(self) -> Path | None:
        """Return the path of a file on this machine; None for a URL."""
        return Path(self.path) if _is_local(self.system) else None

    def remote_size(self) -> int:
        """Return the bytes that another machine says it has; 0 where it says nothing."""
        try:
            return int(self.system.info(self.path).get("size") or 0)
        except Exception:  # every remote file system raises its own; reading it tells more
            return 0

    def chunks(self) -> Iterator[bytes]:
        """Yield the content in chunks. Raises BadVideo if it cannot be read."""
        if path := self.local_file:
            with bounded_files.open_regular(path, bounded_files.ANY_SIZE, BadVideo) as local:
                while chunk := local.read(_CHUNK):
                    yield chunk
            return
        try:
            with self.system.open(self.path, "rb") as file:
                while chunk := file.read(_CHUNK):
                    yield chunk
        except Exception as error:  # every remote file system raises its own
            raise BadVideo(f"cannot read {self.name}: {_reason(error)}") from error


def find(sources: Sequence[str], failed: dict[str, str]) -> list[Recording]:
    """Return the recordings of all sources, in order.

    Args:
        sources: files, folders and URLs.
        failed: receives the reason for each source, folder or file that cannot be read.

    Raises:
        Unavailable: the package that a kind of URL needs is not installed.
    """
    recordings: list[Recording] = []
    for source in sources:
        before = len(recordings), len(failed)
        try:
            recordings += recordings_in(source, failed)
        except Unavailable:
            raise
        except BadVideo as error:
            failed[source] = str(error)
        except Exception as error:  # every remote file system raises its own
            failed[source] = f"cannot look into {source}: {_reason(error)}"
        if before == (len(recordings), len(failed)):
            failed[source] = f"no video files in {source}: give a folder that holds recordings"
    return recordings


def time_in(name: str) -> datetime | None:
    """Return the date and time in a file name, taken as UTC; None if there is none."""
    match = _TIME.search(name)
    if match is None:
        return None
    year, month, day, hour, minute, second = map(int, match.groups())
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None


def recordings_in(source: str, failed: dict[str, str]) -> Iterator[Recording]:
    """Yield the recordings of one source; reasons of failures go to `failed`."""
    if not source.strip():
        failed[source] = "a source without a name: give a file, a folder or a URL (. is this one)"
        return
    system, root = open_file_system(source)
    if _is_local(system) and Path(root).exists() and not Path(root).is_dir():
        bounded_files.check_regular(Path(root), bounded_files.ANY_SIZE, BadVideo)
    if (_suffix(root) in SUFFIXES and not system.isdir(root)) or system.isfile(root):
        yield _recording(system, root, source, "")
    elif not system.exists(root):
        failed[source] = f"there is no file or folder {source}: check the path"
    else:
        yield from _find_below(_Source(system, root, failed), root, source, "", 0)


@dataclass(frozen=True)
class _Source:
    """A folder that is searched."""

    system: Any
    """fsspec file system."""
    root: str
    """Path in it."""
    failed: dict[str, str]
    """Receives the reasons of failures."""

    def refusal(self, path: str, name: str, is_folder: bool, depth: int) -> str:
        """Return why an entry is not read, or "": it is no file, leads out, or lies too deep."""
        if depth > bounded_files.MAX_DEPTH:
            return f"{name} lies more than {bounded_files.MAX_DEPTH} folders deep: move it up"
        if not _is_local(self.system):
            return ""
        local = Path(path)
        try:
            if local.is_symlink():
                bounded_files.inside(Path(self.root), local, BadVideo)
                if is_folder:
                    return f"{name} is a link to a folder of {self.root}, which is searched anyway"
            if not is_folder:
                bounded_files.check_regular(local, bounded_files.ANY_SIZE, BadVideo)
        except BadVideo as error:
            return str(error)
        return ""


def _is_local(system: Any) -> bool:
    return "file" in (
        system.protocol if not isinstance(system.protocol, str) else [system.protocol]
    )


def _find_below(
    source: _Source, folder: str, folder_name: str, camera: str, depth: int
) -> Iterator[Recording]:
    """Yield the recordings below a folder, depth first, in order of names.

    Args:
        source: that is searched.
        folder: path in its file system.
        folder_name: path as the user would write it.
        camera: name of the nearest folder below the source that contains a letter; dates do not.
        depth: folders between this one and the source.
    """
    system, failed = source.system, source.failed
    try:
        entries = sorted(system.ls(folder, detail=True), key=lambda entry: str(entry["name"]))
    except OSError as error:
        failed[folder_name] = f"cannot look into {folder_name}: {_reason(error)}; check its rights"
        return
    for entry in entries:
        path = str(entry["name"]).rstrip("/")
        leaf = PurePosixPath(path).name
        name = f"{folder_name.rstrip('/')}/{leaf}"
        is_folder = entry["type"] == "directory"
        if leaf.startswith(".") or not (is_folder or _suffix(path) in SUFFIXES):
            continue
        if reason := source.refusal(path, name, is_folder, depth + 1):
            failed[name] = reason
        elif is_folder:
            below = leaf if re.search("[a-zA-Z]", leaf) else camera
            yield from _find_below(source, path, name, below, depth + 1)
        else:
            try:
                yield _recording(system, path, name, camera)
            except OSError as error:
                failed[name] = f"cannot read {name}: {_reason(error)}"


def open_file_system(source: str) -> tuple[Any, str]:
    """Return the fsspec file system of a source, and the source's path in it.

    Raises:
        Unavailable: the package that this kind of URL needs is not installed.
    """
    import fsspec

    if "://" not in source:  # as a URL, a name with :: in it would be several
        local = fsspec.filesystem("file")
        return local, str(local._strip_protocol(source))
    try:
        system, root = fsspec.core.url_to_fs(source)
    except ImportError as error:
        raise Unavailable(f"{source} needs a package that is missing: {_reason(error)}") from error
    return system, str(root)


def _recording(system: Any, path: str, name: str, folder: str) -> Recording:
    leaf = _leaf(path)
    name_without_time = _TIME.sub("", leaf.stem).strip(" -_.")
    suffix = leaf.suffix.lower()
    return Recording(
        name=name,
        camera=folder or name_without_time or leaf.parent.name,
        started_at=time_in(leaf.stem),
        suffix=suffix if suffix in SUFFIXES else UNKNOWN_SUFFIX,
        state=f"{system.unstrip_protocol(path)} {system.ukey(path)}",
        system=system,
        path=path,
    )


def _leaf(path: str) -> PurePosixPath:
    return PurePosixPath(path.split("?")[0] if "://" in path else path)


def _suffix(path: str) -> str:
    return _leaf(path).suffix.lower()


def _reason(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).splitlines()[0]

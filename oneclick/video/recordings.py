"""Recordings wherever they lie: files, folders and URLs, all through fsspec."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from oneclick.core.errors import BadVideo, Unavailable

# fmt: off
SUFFIXES = frozenset({
    ".3gp", ".avi", ".flv", ".m2ts", ".m4v", ".mjpeg", ".mjpg", ".mkv", ".mov", ".mp4", ".mpeg",
    ".mpg", ".mts", ".ts", ".webm", ".wmv",
})
# fmt: on
"""What counts as a video in a folder; a file named by itself may have any suffix."""
UNKNOWN_SUFFIX = ".video"

_CHUNK = 4 << 20
_TIME = re.compile(
    r"(?<!\d)(20\d\d)[-_.]?(\d\d)[-_.]?(\d\d)[T_ -]?(\d\d)[-_.:]?(\d\d)[-_.:]?(\d\d)Z?(?!\d)"
)


@dataclass(frozen=True)
class Recording:
    """One file that may be a recording."""

    name: str
    """As the user would name it."""
    camera: str
    """Name of its folder below the source, else its own name without the time."""
    started_at: datetime | None
    """UTC, from a time such as 2026-11-21T10-00-00 or 20261121_100000 in the name."""
    suffix: str
    """One of SUFFIXES or UNKNOWN_SUFFIX."""
    state: str
    """Another text for another file, and once the file has changed."""
    system: Any
    """The fsspec file system it lies in."""
    path: str
    """Its path there."""

    def chunks(self) -> Iterator[bytes]:
        """The bytes. Raises BadVideo if they cannot be read."""
        try:
            with self.system.open(self.path, "rb") as file:
                while chunk := file.read(_CHUNK):
                    yield chunk
        except Exception as error:  # every remote file system raises its own
            raise BadVideo(f"cannot read {self.name}: {_reason(error)}") from error


def find(sources: Sequence[str], failed: dict[str, str]) -> list[Recording]:
    """The recordings of all sources, in order; what cannot be looked at goes to `failed`.

    Raises:
        Unavailable: the package that a kind of URL needs is not installed.
    """
    found: list[Recording] = []
    for source in sources:
        before = len(found), len(failed)
        try:
            found += _find_in(source, failed)
        except Unavailable:
            raise
        except Exception as error:  # every remote file system raises its own
            failed[source] = f"cannot look into {source}: {_reason(error)}"
        if before == (len(found), len(failed)):
            failed[source] = f"no video files in {source}: give a folder that holds recordings"
    return found


def time_in(name: str) -> datetime | None:
    """A date with a time in a file name, taken as UTC; None if there is none."""
    match = _TIME.search(name)
    if match is None:
        return None
    year, month, day, hour, minute, second = map(int, match.groups())
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None


def _find_in(source: str, failed: dict[str, str]) -> Iterator[Recording]:
    system, root = _open(source)
    if _suffix(root) in SUFFIXES or system.isfile(root):
        yield _recording(system, root, source, "")
    elif not system.exists(root):
        failed[source] = f"there is no file or folder {source}: check the path"
    else:
        yield from _find_below(system, root, source, "", failed)


def _find_below(
    system: Any, folder: str, shown: str, camera: str, failed: dict[str, str]
) -> Iterator[Recording]:
    """Depth first, in order of names; `camera` is the nearest folder below the source that could
    name one (a date could not).
    """
    try:
        entries = sorted(system.ls(folder, detail=True), key=lambda entry: str(entry["name"]))
    except OSError as error:
        failed[shown] = f"cannot look into {shown}: {_reason(error)}; check its rights"
        return
    for entry in entries:
        path = str(entry["name"]).rstrip("/")
        leaf = PurePosixPath(path).name
        name = f"{shown.rstrip('/')}/{leaf}"
        if leaf.startswith("."):
            continue
        if entry["type"] == "directory":
            below = leaf if re.search("[a-zA-Z]", leaf) else camera
            yield from _find_below(system, path, name, below, failed)
        elif _suffix(path) in SUFFIXES:
            try:
                yield _recording(system, path, name, camera)
            except OSError as error:
                failed[name] = f"cannot read {name}: {_reason(error)}"


def _open(source: str) -> tuple[Any, str]:
    import fsspec

    if "://" not in source:  # as a URL, a name with :: in it would be several
        local = fsspec.filesystem("file")
        return local, str(local._strip_protocol(source))
    try:
        system, root = fsspec.core.url_to_fs(source)
    except ImportError as error:
        raise Unavailable(f"{source} needs a package that is missing: {_reason(error)}") from error
    return system, str(root)


def _recording(system: Any, path: str, shown: str, folder: str) -> Recording:
    leaf = _leaf(path)
    own = _TIME.sub("", leaf.stem).strip(" -_.")
    suffix = leaf.suffix.lower()
    return Recording(
        name=shown,
        camera=folder or own or leaf.parent.name,
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

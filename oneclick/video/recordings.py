"""Recordings in files, folders and URLs, all through fsspec: what is known before they are read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from oneclick.core import layouts, urls
from oneclick.core.errors import BadVideo
from oneclick.core.layouts import PathFacts
from oneclick.core.source_options import SourceOptions
from oneclick.storage import bounded_files

# fmt: off
SUFFIXES = frozenset({
    ".264", ".265", ".3g2", ".3gp", ".asf", ".avi", ".dav", ".divx", ".dv", ".f4v", ".flv", ".gxf",
    ".h264", ".h265", ".hevc", ".insv", ".ivf", ".m1v", ".m2t", ".m2ts", ".m2v", ".m4v", ".mjpeg",
    ".mjpg", ".mkv", ".mod", ".mov", ".mp4", ".mpe", ".mpeg", ".mpg", ".mts", ".mxf", ".nut",
    ".ogv", ".qt", ".tod", ".trp", ".ts", ".vob", ".webm", ".wmv", ".y4m",
})
# fmt: on
"""Suffixes of videos in a folder; a file that is named itself may have any suffix."""
UNKNOWN_SUFFIX = ".video"

_CHUNK = 4 << 20
_MODIFICATION_KEYS = ("mtime", "LastModified", "last_modified", "modified", "updated")


@dataclass(frozen=True)
class FileLook:
    """Size and time of a file at one moment."""

    size: int | None
    """Bytes; None where another machine says nothing."""
    modified_at: datetime | None
    """UTC, by the clock of the machine that holds the file."""


@dataclass(frozen=True, kw_only=True)
class Recording:
    """One file that may be a recording."""

    name: str
    """Path or URL, as the user would write it, without its password or token."""
    camera: str
    """As its path tells: by a layout, else its folder below the source, else the file's name."""
    facts: PathFacts
    """What else its path tells."""
    suffix: str
    """One of SUFFIXES or UNKNOWN_SUFFIX."""
    state: str
    """Identifies file and content: it differs between files, and after a file has changed."""
    place: str
    """URL, which stays the same while the file grows."""
    look: FileLook
    """Size and time when it was found."""
    system: Any
    """fsspec file system."""
    path: str
    """Path in the file system."""

    @property
    def local_file(self) -> Path | None:
        """Return the path of a file on this machine; None for a URL."""
        return Path(self.path) if is_local(self.system) else None

    def look_again(self) -> FileLook:
        """Return size and time as they are now. Raises BadVideo where the file is gone."""
        try:
            return look_at(self.system, self.path)
        except Exception as error:  # every remote file system raises its own
            raise BadVideo(f"cannot read {self.name}: {reason(error)}") from None

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
            raise BadVideo(f"cannot read {self.name}: {reason(error)}") from error


def describe(system: Any, path: str, name: str, folder: str, options: SourceOptions) -> Recording:
    """Return a recording without reading it.

    Args:
        system: fsspec file system.
        path: in the file system.
        name: what it is called in messages.
        folder: its camera where no layout tells another; empty for the file's name.
        options: of the sources.

    Raises:
        OSError: or what else the file system raises where the file is gone.
    """
    leaf = leaf_of(path)
    facts = layouts.read_path(str(leaf), options.patterns, options.timezone)
    suffix = leaf.suffix.lower()
    own_name = "" if layouts.chapter_in(leaf.name) else layouts.without_moments(leaf.stem)
    return Recording(
        name=name,
        camera=facts.camera or folder or own_name or leaf.parent.name,
        facts=facts,
        suffix=suffix if suffix in SUFFIXES else UNKNOWN_SUFFIX,
        state=f"{system.unstrip_protocol(path)} {system.ukey(path)}",
        place=str(system.unstrip_protocol(path)),
        look=look_at(system, path),
        system=system,
        path=path,
    )


def look_at(system: Any, path: str) -> FileLook:
    """Return size and time of a file. Raises what its file system raises."""
    info = system.info(path)
    size = info.get("size")
    modified = next((info[key] for key in _MODIFICATION_KEYS if info.get(key)), None)
    if isinstance(modified, int | float):
        modified = datetime.fromtimestamp(modified, UTC)
    if not isinstance(modified, datetime):
        modified = None
    elif modified.tzinfo is None:
        modified = modified.replace(tzinfo=UTC)
    return FileLook(None if size is None else int(size), modified)


def is_local(system: Any) -> bool:
    """Check whether a file system is that of this machine."""
    protocols = [system.protocol] if isinstance(system.protocol, str) else system.protocol
    return "file" in protocols


def leaf_of(path: str) -> PurePosixPath:
    """Return a path without the query of a URL."""
    return PurePosixPath(path.split("?")[0] if "://" in path else path)


def suffix_of(path: str) -> str:
    """Return the suffix of a path or URL, in lower case and with its dot."""
    return leaf_of(path).suffix.lower()


def reason(error: BaseException) -> str:
    """Return why a file system failed, in one line, without passwords and tokens of URLs."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return urls.masked(str(text).splitlines()[0])

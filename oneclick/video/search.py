"""The search for recordings in sources: one bad file or folder never hides the others."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any

from oneclick.core import urls
from oneclick.core.errors import BadVideo, Unavailable
from oneclick.core.source_options import SourceOptions
from oneclick.storage import bounded_files
from oneclick.video import recordings
from oneclick.video.recordings import SUFFIXES, Recording

_LETTER = re.compile(r"[^\W\d_]")
_PLAIN_SUFFIX = re.compile(r"\.[a-z0-9]{1,8}")


@dataclass(frozen=True)
class SearchResult:
    """What a search found, and what it left out."""

    recordings: list[Recording] = field(default_factory=list)
    """Each file once, in the order of their paths, whatever the order of the sources."""
    failed: dict[str, str] = field(default_factory=dict)
    """Reason by source, folder or file that cannot be read."""
    left_out: Counter[str] = field(default_factory=Counter)
    """Files and folders that are no recordings, by kind: `.jpg files`, `folders @eaDir`."""


def find(sources: Sequence[str], options: SourceOptions) -> SearchResult:
    """Find the recordings of all sources: files, folders and URLs.

    A source that cannot be searched stands in `failed`, by its name without passwords and tokens.
    """
    result = SearchResult()
    by_place: dict[str, Recording] = {}
    for source, name in _names(sources).items():
        failures, count = len(result.failed), 0
        try:
            for recording in _recordings_in(source, name, options, result):
                by_place.setdefault(recording.place, recording)
                count += 1
        except (BadVideo, Unavailable) as error:
            result.failed[name] = str(error)
        except Exception as error:  # every remote file system raises its own
            reason = recordings.reason(error)
            result.failed[name] = f"cannot look into {name}: {reason}"
        if not count and failures == len(result.failed):
            result.failed[name] = f"no video files in {name}: give a folder that holds recordings"
    result.recordings.extend(sorted(by_place.values(), key=lambda recording: recording.path))
    return result


def _names(sources: Sequence[str]) -> dict[str, str]:
    """Return what each source is called: its label, with a number where that is another's too."""
    names: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for source in dict.fromkeys(sources):
        label = urls.label(source)
        counts[label] += 1
        names[source] = f"{label} ({counts[label]})" if counts[label] > 1 else label
    return names


def is_missing(source: str) -> bool:
    """Check whether a source is a path of this machine where nothing is; URLs never are."""
    return "://" not in source and bool(source.strip()) and not os.path.lexists(source)


def _recordings_in(
    source: str, name: str, options: SourceOptions, result: SearchResult
) -> Iterator[Recording]:
    """Yield the recordings of a source. Raises BadVideo, Unavailable or what its system raises."""
    if not source.strip():
        raise BadVideo("a source without a name: give a file, a folder or a URL (. is this one)")
    if is_missing(source):
        raise BadVideo(f"there is no file or folder {name}: check the path")
    system, root = open_file_system(source)
    if recordings.is_local(system) and not Path(root).is_dir():
        bounded_files.check_regular(Path(root), bounded_files.ANY_SIZE, BadVideo)
    is_video_name = recordings.suffix_of(root) in SUFFIXES
    if (is_video_name and not system.isdir(root)) or system.isfile(root):
        yield recordings.describe(system, root, name, "", options)
    elif not system.exists(root):
        raise BadVideo(f"there is no file or folder {name}: check the path")
    else:
        yield from _Folders(system, root, options, result).recordings(root, name, "", 0)


@dataclass(frozen=True)
class _Entry:
    """A file or folder in a folder."""

    path: str
    is_folder: bool


@dataclass(frozen=True)
class _Folders:
    """A source that is a folder."""

    system: Any
    """fsspec file system."""
    root: str
    """Path in it."""
    options: SourceOptions
    result: SearchResult
    """Receives failures and what is left out."""

    def recordings(
        self, folder: str, folder_name: str, camera: str, depth: int
    ) -> Iterator[Recording]:
        """Yield the recordings below a folder, depth first, in order of names.

        Args:
            folder: path in the file system.
            folder_name: path as the user would write it.
            camera: nearest folder below the source with a letter in its name; dates have none.
            depth: folders between this one and the source.
        """
        failed = self.result.failed
        for entry in self._entries(folder, folder_name):
            leaf = PurePosixPath(entry.path).name
            name = urls.label(f"{folder_name.rstrip('/')}/{leaf}")
            if kind := self._kind_left_out(entry, leaf):
                self.result.left_out[kind] += 1
            elif refusal := self._refusal(entry, name, depth + 1):
                failed[name] = refusal
            elif entry.is_folder:
                below = leaf if _LETTER.search(leaf) else camera
                yield from self.recordings(entry.path, name, below, depth + 1)
            else:
                try:
                    yield recordings.describe(self.system, entry.path, name, camera, self.options)
                except Exception as error:  # it is gone; every file system raises its own
                    failed[name] = f"cannot read {name}: {recordings.reason(error)}"

    def _entries(self, folder: str, folder_name: str) -> list[_Entry]:
        """Return what is in a folder, sorted; as much of it as can be read."""
        entries: list[_Entry] = []
        try:
            if recordings.is_local(self.system):
                with os.scandir(folder) as scan:
                    for entry in scan:
                        entries.append(_Entry(entry.path, Path(entry.path).is_dir()))
            else:
                for info in self.system.ls(folder, detail=True):
                    path = str(info["name"]).rstrip("/")
                    entries.append(_Entry(path, info["type"] == "directory"))
        except Exception as error:  # every remote file system raises its own
            self.result.failed[folder_name] = (
                f"cannot look into {folder_name}: {recordings.reason(error)}; check its rights"
            )
        return sorted(entries, key=lambda entry: entry.path)

    def _kind_left_out(self, entry: _Entry, leaf: str) -> str:
        """Return the kind of a file or folder that is no recording; "" for one that may be."""
        if entry.is_folder and self._is_skipped(entry.path):
            return f"folders {leaf}"
        if leaf.startswith("."):
            return "hidden folders" if entry.is_folder else "hidden files"
        suffix = recordings.suffix_of(entry.path)
        if entry.is_folder or suffix in SUFFIXES:
            return ""
        if not suffix:
            return "files without a suffix"
        return f"{suffix} files" if _PLAIN_SUFFIX.fullmatch(suffix) else "files of other kinds"

    def _is_skipped(self, path: str) -> bool:
        lowered = f"/{path.lower()}"
        return any(fnmatchcase(lowered, f"*/{name.lower()}") for name in self.options.skip)

    def _refusal(self, entry: _Entry, name: str, depth: int) -> str:
        """Return why an entry is not read, or "": it is no file, leads out, or lies too deep."""
        if depth > bounded_files.MAX_DEPTH:
            return f"{name} lies more than {bounded_files.MAX_DEPTH} folders deep: move it up"
        if not recordings.is_local(self.system):
            return ""
        local = Path(entry.path)
        try:
            if local.is_symlink():
                bounded_files.inside(Path(self.root), local, BadVideo)
                if entry.is_folder:
                    return f"{name} is a link to a folder of {self.root}, which is searched anyway"
            if not entry.is_folder:
                bounded_files.check_regular(local, bounded_files.ANY_SIZE, BadVideo)
        except BadVideo as error:
            return str(error)
        return ""


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
        reason = recordings.reason(error)
        name = urls.label(source)
        raise Unavailable(f"{name} needs a package that is missing: {reason}") from error
    return system, str(root)

"""Dataset versions as files: `datasets/<name>/{manifest.jsonl, version.json}`, version.json last.

The same two files lie in the workspace and on the training server, there beside the clips:

    clips/<clip id>/frames/000000.jpg
    clips/<clip id>/labels-0002.json       the frozen revision
    clips/<clip id>/complete.json          size and sha256 of every file of the clip, written last
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from oneclick.core.datasets import DatasetClip, DatasetVersion, Split
from oneclick.core.errors import BadInput, UnknownName
from oneclick.io import files
from oneclick.io.workspace import Workspace

MANIFEST, VERSION = "manifest.jsonl", "version.json"


class _Header(msgspec.Struct):
    name: str
    digest: str
    parent: str | None
    classes: tuple[str, ...]
    made_at: datetime
    """UTC."""


class _Size(msgspec.Struct):
    """The part of a manifest line that the loader needs at start."""

    split: str
    frames: int


def manifest(clips: Sequence[DatasetClip]) -> bytes:
    """One JSON line per clip, sorted by id: equal content gives equal bytes."""
    ordered = sorted(clips, key=lambda clip: clip.clip)
    return b"".join(msgspec.json.encode(clip, order="deterministic") + b"\n" for clip in ordered)


def make(
    number: int, parent: str | None, classes: Sequence[str], clips: Sequence[DatasetClip]
) -> DatasetVersion:
    """A version named after its number and content."""
    digest = hashlib.sha256(manifest(clips)).hexdigest()
    ordered = tuple(sorted(clips, key=lambda clip: clip.clip))
    return DatasetVersion(f"v{number:04d}-{digest[:8]}", digest, parent, tuple(classes), ordered)


def documents(version: DatasetVersion, made_at: datetime) -> dict[str, bytes]:
    """File name to content, in the order they must be written."""
    header = _Header(version.name, version.digest, version.parent, version.classes, made_at)
    return {MANIFEST: manifest(version.clips), VERSION: files.to_json(header)}


def save(workspace: Workspace, name: str, content: dict[str, bytes]) -> None:
    """Write the documents of a version to the workspace, whole or not at all, once for ever."""
    folder = workspace.dataset_dir(name)
    if not (folder / VERSION).exists():
        with files.atomic_dir(folder) as temporary:
            for file, data in content.items():
                files.write_atomic(temporary / file, data)


def contents(folder: Path) -> dict[str, bytes]:
    """The documents of a version as they lie in a folder.

    Raises:
        BadInput: one is missing.
    """
    try:
        return {name: (folder / name).read_bytes() for name in (MANIFEST, VERSION)}
    except OSError as error:
        raise BadInput(f"{folder} is no whole dataset version: {error.strerror}") from None


def made_at(folder: Path) -> datetime:
    """When the version was published, UTC. Raises as `load`."""
    header: _Header = files.read_json(folder / VERSION, _Header)
    return header.made_at


def load(folder: Path) -> DatasetVersion:
    """Read a version back.

    Raises:
        BadInput: a file is missing or broken, or the manifest was edited after it was published.
    """
    header: _Header = files.read_json(folder / VERSION, _Header)
    path = folder / MANIFEST
    try:
        content = path.read_bytes()
        clips = tuple(msgspec.json.decode(line, type=DatasetClip) for line in content.splitlines())
    except (OSError, msgspec.MsgspecError) as error:
        raise BadInput(f"{path} is broken: {error}; publish again or restore it") from None
    if hashlib.sha256(content).hexdigest() != header.digest:
        raise BadInput(f"{path} was changed after it was published: restore it, or publish again")
    return DatasetVersion(header.name, header.digest, header.parent, header.classes, clips)


def names(workspace: Workspace) -> list[str]:
    """Names of the complete versions, oldest first."""
    found = workspace.dataset_dir("x").parent.glob(f"v*/{VERSION}")
    return sorted(path.parent.name for path in found)


def find(workspace: Workspace, name: str | None = None) -> DatasetVersion | None:
    """The version of that name, or the newest; None where nothing was published yet.

    Raises:
        UnknownName: no version is called `name`.
    """
    known = names(workspace)
    if name is not None and name not in known:
        raise UnknownName("dataset version", name, known)
    if not known:
        return None
    return load(workspace.dataset_dir(name or known[-1]))


def labels_name(revision: int) -> str:
    """File name of a frozen label revision on the training server."""
    return f"labels-{revision:04d}.json"


@dataclass(frozen=True, eq=False)
class Index:
    """Where the clips of one split stand in a manifest: two numbers a clip, whatever its length."""

    path: Path
    offsets: NDArray[np.int64]
    """(clips,) byte where each clip's line starts."""
    frames: NDArray[np.int64]
    """(clips,) frames in each clip."""

    def __len__(self) -> int:
        return len(self.offsets)

    def clip(self, number: int) -> DatasetClip:
        """Read one line."""
        with self.path.open("rb") as file:
            file.seek(int(self.offsets[number]))
            return msgspec.json.decode(file.readline(), type=DatasetClip)


def index(folder: Path, split: Split) -> Index:
    """Scan a manifest once.

    Raises:
        BadInput: it is missing or broken.
    """
    path = folder / MANIFEST
    decoder = msgspec.json.Decoder(_Size)
    offsets, frames, place = [], [], 0
    try:
        with path.open("rb") as file:
            for line in file:
                size = decoder.decode(line)
                if size.split == split:
                    offsets.append(place)
                    frames.append(size.frames)
                place += len(line)
    except (OSError, msgspec.MsgspecError) as error:
        raise BadInput(f"{path} is broken: {error}; publish again or restore it") from None
    return Index(path, np.array(offsets, np.int64), np.array(frames, np.int64))

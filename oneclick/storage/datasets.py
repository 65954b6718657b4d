"""Dataset versions as files: `datasets/<name>/{manifest.jsonl, version.json}`, version.json last.

An index per split stands beside them. The same files lie in the workspace and on the training
server, there beside the clips:

    clips/<clip id>/frames/000000.jpg
    clips/<clip id>/labels-0002.json       the frozen revision
    clips/<clip id>/complete.json          size and sha256 of every file of the clip, written last
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from oneclick.core.datasets import DatasetClip, DatasetVersion, Split
from oneclick.core.errors import BadInput, UnknownName
from oneclick.storage import files, manifest_index
from oneclick.storage.workspace import Workspace

MANIFEST, VERSION = "manifest.jsonl", "version.json"


class Head(msgspec.Struct):
    """What `version.json` says."""

    name: str
    digest: str
    parent: str | None
    classes: tuple[str, ...]
    made_at: datetime
    """UTC."""


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
    header = Head(version.name, version.digest, version.parent, version.classes, made_at)
    content = manifest(version.clips)
    return {MANIFEST: content, **manifest_index.encode(content), VERSION: files.to_json(header)}


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
        content = (folder / MANIFEST).read_bytes()
        return {
            MANIFEST: content,
            **manifest_index.encode(content),
            VERSION: (folder / VERSION).read_bytes(),
        }
    except OSError as error:
        raise BadInput(f"{folder} is no whole dataset version: {error.strerror}") from None
    except msgspec.MsgspecError as error:
        raise BadInput(f"{folder / MANIFEST} is broken: {error}; restore it") from None


def made_at(folder: Path) -> datetime:
    """When the version was published, UTC. Raises as `load`."""
    header: Head = files.read_json(folder / VERSION, Head)
    return header.made_at


def load(folder: Path) -> DatasetVersion:
    """Read a version back.

    Raises:
        BadInput: a file is missing or broken, or the manifest was edited after it was published.
    """
    header: Head = files.read_json(folder / VERSION, Head)
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


def index_of(folder: Path, split: Split) -> manifest_index.Index:
    """Where the clips of a split stand in a version's manifest. Raises as `index.opened`."""
    return manifest_index.opened(folder, MANIFEST, split)


def head(folder: Path) -> Head:
    """A version without its clips, its manifest checked a piece at a time. Raises as `load`."""
    found: Head = files.read_json(folder / VERSION, Head)
    if not (folder / MANIFEST).exists() or files.sha256(folder / MANIFEST) != found.digest:
        raise BadInput(
            f"{folder / MANIFEST} was changed after it was published: restore it, or publish again"
        )
    return found

"""Dataset versions as files: `datasets/<name>/{manifest.jsonl, version.json}`, version.json last.

There is also an index per split. The same files are in the workspace and on the training server,
where the clips are beside them:

    clips/<clip id>/frames/000000.jpg
    clips/<clip id>/labels-0002.json       the frozen revision
    clips/<clip id>/complete.json          size and sha256 of every file of the clip, written last
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from oneclick.core.datasets import DatasetClip, DatasetVersion, Split
from oneclick.core.errors import BadInput, UnknownName
from oneclick.storage import files, manifest_index, sealed_files
from oneclick.storage.bounded_documents import BrokenJson, JsonDecoder
from oneclick.storage.workspace import Workspace

MANIFEST, VERSION = "manifest.jsonl", "version.json"
BROKEN = "broken-"
"""What precedes the name of a broken version that was put back, beside the new one."""
_LINE = JsonDecoder[DatasetClip](DatasetClip)
_NUMBER = re.compile(r"v(\d+)-")


class DatasetHeader(msgspec.Struct, kw_only=True):
    """Content of `version.json`: a dataset version without its clips."""

    name: str
    digest: str
    parent: str | None
    classes: tuple[str, ...]
    made_at: datetime
    """UTC."""


def manifest(clips: Sequence[DatasetClip]) -> bytes:
    """Encode one JSON line per clip, sorted by id; equal content gives equal bytes."""
    ordered = sorted(clips, key=lambda clip: clip.clip)
    return b"".join(msgspec.json.encode(_manifest_line(clip)) + b"\n" for clip in ordered)


def _manifest_line(clip: DatasetClip) -> dict[str, Any]:
    """Return a line of a manifest; without ignored regions it is as before there were any."""
    values: dict[str, Any] = msgspec.to_builtins(clip, order="deterministic")
    for name in ("ignored_boxes", "ignored_frames"):
        if not values[name]:
            del values[name]
    return values


def build(
    number: int, parent: str | None, classes: Sequence[str], clips: Sequence[DatasetClip]
) -> DatasetVersion:
    """Build a version that is named after its number and the digest of its content."""
    digest = hashlib.sha256(manifest(clips)).hexdigest()
    ordered = tuple(sorted(clips, key=lambda clip: clip.clip))
    return DatasetVersion(
        name=name(number, digest),
        digest=digest,
        parent=parent,
        classes=tuple(classes),
        clips=ordered,
    )


def documents(version: DatasetVersion, made_at: datetime) -> dict[str, bytes]:
    """Encode a version as file name to content, in the order in which they must be written."""
    header = DatasetHeader(
        name=version.name,
        digest=version.digest,
        parent=version.parent,
        classes=version.classes,
        made_at=made_at,
    )
    content = manifest(version.clips)
    return {
        MANIFEST: content,
        **manifest_index.encode(content),
        VERSION: sealed_files.encode(header),
    }


def save(workspace: Workspace, name: str, content: dict[str, bytes]) -> None:
    """Write the documents of a version atomically; a version that exists stays as it is."""
    folder = workspace.dataset_dir(name)
    if not (folder / VERSION).exists():
        with files.atomic_dir(folder, VERSION) as temporary:
            for file, data in content.items():
                files.write_atomic(temporary / file, data)


def read_documents(folder: Path) -> dict[str, bytes]:
    """Read the documents of a version from a folder.

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
    except BrokenJson as error:
        raise BadInput(f"{folder / MANIFEST} is broken: {error}; restore it") from None


def publication_time(folder: Path) -> datetime:
    """Return the time of publication, UTC. Raises as `load`."""
    header: DatasetHeader = sealed_files.read(folder / VERSION, DatasetHeader)
    return header.made_at


def load(folder: Path) -> DatasetVersion:
    """Read a version back.

    Raises:
        BadInput: a file is missing or broken, or the manifest was edited after it was published.
    """
    header: DatasetHeader = sealed_files.read(folder / VERSION, DatasetHeader)
    path = folder / MANIFEST
    try:
        content = path.read_bytes()
        clips = tuple(_LINE.decode(line) for line in content.splitlines())
    except (OSError, BrokenJson) as error:
        raise BadInput(f"{path} is broken: {error}; publish again or restore it") from None
    if hashlib.sha256(content).hexdigest() != header.digest:
        raise BadInput(f"{path} was changed after it was published: restore it, or publish again")
    return DatasetVersion(
        name=header.name,
        digest=header.digest,
        parent=header.parent,
        classes=header.classes,
        clips=clips,
    )


def restore(workspace: Workspace, name: str, manifest: bytes, header: bytes) -> None:
    """Write a version again that is lost; a broken one is kept beside.

    Raises:
        BadInput: they are not manifest and header of a version of that name; nothing changes.
    """
    folder = workspace.dataset_dir(name)
    with files.atomic_dir(folder) as temporary:
        files.write_atomic(temporary / MANIFEST, manifest)
        files.write_atomic(temporary / VERSION, header)
        if load(temporary).name != name:
            raise BadInput(f"{folder}: its header names another version")
        for file, data in manifest_index.encode(manifest).items():
            files.write_atomic(temporary / file, data)
        if folder.exists():
            with files.guard(folder):
                moment = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
                folder.rename(folder.with_name(f"{BROKEN}{name}-{moment}"))


def name(number: int, digest: str) -> str:
    """Return the name of a version."""
    return f"v{number:04d}-{digest[:8]}"


def number(name: str) -> int:
    """Return the number in the name of a version; 0 where it has none."""
    match = _NUMBER.match(name)
    return int(match.group(1)) if match else 0


def names(workspace: Workspace) -> list[str]:
    """Return the names of the complete versions, oldest first."""
    headers = workspace.dataset_dir("x").parent.glob(f"v*/{VERSION}")
    return sorted((path.parent.name for path in headers), key=lambda name: (number(name), name))


def find(workspace: Workspace, name: str | None = None) -> DatasetVersion | None:
    """Return the version of that name, or the newest; None before the first publication.

    Raises:
        UnknownName: no version is called `name`.
    """
    versions = names(workspace)
    if name is not None and name not in versions:
        raise UnknownName("dataset version", name, versions)
    if not versions:
        return None
    return load(workspace.dataset_dir(name or versions[-1]))


def find_lines(workspace: Workspace, clip_ids: Collection[str]) -> dict[str, DatasetClip]:
    """Return the lines of these clips, each from the newest version that holds it.

    Versions that are broken are passed over.
    """
    wanted, lines = set(clip_ids), dict[str, DatasetClip]()
    for name in reversed(names(workspace)):
        if wanted <= lines.keys():
            break
        with contextlib.suppress(BadInput):
            clips = load(workspace.dataset_dir(name)).clips
            lines = {clip.clip: clip for clip in clips if clip.clip in wanted} | lines
    return lines


def classes_of_all(workspace: Workspace) -> set[str]:
    """Return every class that a version was published with, those of broken ones not."""
    classes = set[str]()
    for name in names(workspace):
        with contextlib.suppress(BadInput):
            path = workspace.dataset_dir(name) / VERSION
            header: DatasetHeader = sealed_files.read(path, DatasetHeader)
            classes.update(header.classes)
    return classes


def labels_name(revision: int) -> str:
    """Return the file name of a frozen label revision on the training server."""
    return f"labels-{revision:04d}.json"


def open_index(
    folder: Path, split: Split, excluded: Collection[str] = ()
) -> manifest_index.ManifestIndex:
    """Open the index of a split in a version's manifest. Raises as `manifest_index.open_index`."""
    return manifest_index.open_index(folder, MANIFEST, split, excluded)


def load_header(folder: Path) -> DatasetHeader:
    """Read a version without its clips, in constant memory. Raises as `load`."""
    header: DatasetHeader = sealed_files.read(folder / VERSION, DatasetHeader)
    if not (folder / MANIFEST).exists() or files.sha256(folder / MANIFEST) != header.digest:
        raise BadInput(
            f"{folder / MANIFEST} was changed after it was published: restore it, or publish again"
        )
    return header

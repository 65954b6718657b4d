"""Export: a dataset version as files that other tools read, clip by clip."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from oneclick import formats
from oneclick.core import progress
from oneclick.core.datasets import DatasetClip
from oneclick.core.errors import BadInput, BadLabels, Unavailable, UnknownName, UsageError, reason
from oneclick.core.results import BatchResult
from oneclick.formats import Outgoing
from oneclick.services.training_server import local_root
from oneclick.storage import datasets, files, labels
from oneclick.storage.workspace import Workspace


@dataclass
class Outcome:
    """What was written."""

    version: str
    images: int = 0
    """Frames of the clips, with or without their pictures."""
    boxes: int = 0
    without_video: int = 0
    """Clips whose clip.mp4 is no longer there, where the format wants it."""
    result: BatchResult = field(default_factory=BatchResult)


class _Header(msgspec.Struct):
    digest: str
    classes: tuple[str, ...]


@dataclass(frozen=True)
class _Street:
    """What every clip of one export needs."""

    workspace: Workspace
    server: Path
    pictures: bool
    video: bool


def export(
    home: Path,
    out: Path,
    format: str,
    version: str | None = None,
    split: str | None = None,
    server: str = "",
    images: bool = True,
    per_clip: bool = False,
) -> Outcome:
    """Write a published version (default: the newest) to the new folder `out`, whole or not at all.

    Labels are those frozen on the training server, and pictures are hard links to those there
    where the disk can, else copies. A clip that is not what the manifest says stands in `failed`,
    and the others go on. Memory does not grow with the number of clips. `split` is train or test;
    None takes both.

    Raises:
        UnknownName: there is no such format or version.
        UsageError: nothing was published, `out` is in use, or `per_clip` is not for this format.
        BadInput: the manifest is broken.
        NoSpace, Unavailable: the disk refuses; nothing is left.
    """
    kind, workspace = formats.get(format), Workspace(home)
    folder = _version(workspace, version)
    _check(out, format, per_clip)
    header, manifest = _header(folder), folder / datasets.MANIFEST
    street = _Street(workspace, local_root(home, server), images, images and kind.video)
    outcome, total = Outcome(folder.name), sum(1 for _ in _lines(manifest, split))
    with files.atomic_dir(out) as target:
        options = {"per_clip": True} if per_clip else {}
        writer = kind.writer(target, header.classes, **options)
        for line in progress.track("export", _lines(manifest, split), total):
            _one(street, line, writer, outcome)
        writer.close()
    return outcome


def _version(workspace: Workspace, name: str | None) -> Path:
    known = datasets.names(workspace)
    if not known:
        raise UsageError("nothing to export: publish a dataset first (oneclick data publish)")
    if name is not None and name not in known:
        raise UnknownName("dataset version", name, known)
    return workspace.dataset_dir(name or known[-1])


def _check(out: Path, format: str, per_clip: bool) -> None:
    if per_clip and format != "coco":
        raise UsageError(f"--per-clip is for coco; {format} has one file a clip or picture anyway")
    if out.exists() and (not out.is_dir() or next(out.iterdir(), None)):
        raise UsageError(f"{out} is there already and not empty: name a new folder")


def _header(folder: Path) -> _Header:
    """Raises BadInput if the manifest beside it is not the one that was published."""
    header: _Header = files.read_json(folder / datasets.VERSION, _Header)
    path = folder / datasets.MANIFEST
    try:
        digest = files.sha256(path)
    except OSError as error:
        raise BadInput(f"{path} is broken: {error.strerror}; publish again or restore it") from None
    if digest != header.digest:
        raise BadInput(f"{path} was changed after it was published: restore it, or publish again")
    return header


def _lines(manifest: Path, split: str | None) -> Iterator[DatasetClip]:
    """One clip at a time: a manifest may have any length."""
    decoder = msgspec.json.Decoder(DatasetClip)
    with manifest.open("rb") as file:
        for content in file:
            line = decoder.decode(content)
            if split in (None, line.split):
                yield line


def _one(street: _Street, line: DatasetClip, writer: formats.Writer, outcome: Outcome) -> None:
    try:
        clip = _clip(street, line)
    except Unavailable:
        raise
    except Exception as error:  # whatever is wrong with one clip, the others go on
        outcome.result.failed[line.clip] = reason(error, f"export {line.clip}")
        return
    writer.add(clip)
    outcome.images += line.frames
    outcome.boxes += clip.labels.boxes()
    outcome.without_video += street.video and clip.video is None
    outcome.result.done.append(line.clip)


def _clip(street: _Street, line: DatasetClip) -> Outgoing:
    """A clip of which everything is there, before anything of it is written."""
    folder = street.server / "clips" / line.clip
    path = folder / datasets.labels_name(line.revision)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadLabels(f"{path}: cannot be read ({error.strerror})") from None
    if hashlib.sha256(content).hexdigest() != line.label_digest:
        raise BadLabels(f"{path} was changed after it was published: restore it from a backup")
    frames, video = folder / "frames", street.workspace.clip_file(line.clip)
    wanted = street.pictures and not street.video
    for k in range(line.frames if wanted else 0):
        if not (frames / f"{k:06d}.jpg").is_file():
            raise BadInput(f"{frames}/{k:06d}.jpg is missing: copy it from the workspace")
    return Outgoing(
        line.clip,
        line.split,
        line.fps,
        labels.decode(content, path),
        frames if wanted else None,
        video if street.video and video.is_file() else None,
    )

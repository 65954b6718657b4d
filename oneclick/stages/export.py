"""Export: a dataset version as files that other tools read, clip by clip."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from oneclick import formats
from oneclick.catalog import Catalog, withdrawals
from oneclick.core import progress
from oneclick.core.datasets import DatasetClip
from oneclick.core.errors import BadInput, BadLabels, OneclickError, UnknownName, UsageError
from oneclick.core.results import BatchResult
from oneclick.formats import ExportClip
from oneclick.services.training_server import local_root
from oneclick.storage import datasets, failure_log, files, labels
from oneclick.storage.bounded_documents import BrokenJson, JsonDecoder
from oneclick.storage.workspace import Workspace


@dataclass(kw_only=True)
class ExportResult:
    """The version that was written, with counts."""

    version: str
    images: int = 0
    """Frames of the clips, with or without their pictures."""
    boxes: int = 0
    without_video: int = 0
    """Clips whose clip.mp4 is no longer there, where the format wants it."""
    excluded: int = 0
    """Clips of the version that are left out: they are excluded, rejected or quarantined."""
    notes: Counter[str] = field(default_factory=Counter)
    """What the format made the writer change or leave out, in words."""
    result: BatchResult = field(default_factory=BatchResult)


@dataclass(frozen=True)
class _ExportContext:
    """The folders that clips come from, and what is written besides labels."""

    workspace: Workspace
    server: Path
    images: bool
    video: bool


def export(
    home: Path,
    out: Path,
    format: str,
    *,
    version: str | None = None,
    split: str | None = None,
    server: str = "",
    images: bool = True,
    options: Collection[str] = (),
) -> ExportResult:
    """Write a published version (default: the newest) to the new folder `out`, whole or not at all.

    Labels are those frozen on the training server, and pictures are copies of those there: a change
    of one never reaches the other. A clip that is not what the manifest says stands in `failed`,
    and the others go on; one that is excluded, rejected or
    quarantined is counted and left out. Memory does not grow with the
    number of clips. `split` is train or test; None takes both. `options` are those of the format.

    Raises:
        UnknownName: there is no such format or version.
        UsageError: nothing was published, `out` is in use, or an option is not for this format.
        BadInput: the manifest is broken.
        NoSpace, Unavailable: the disk refuses; nothing is left.
    """
    exchange_format, plugin = formats.get(format), formats.GROUP.plugin(format)
    workspace = Workspace(home)
    folder = find_version(workspace, version)
    if unknown := sorted({*options} - {*exchange_format.options}):
        possible = ", ".join(map(flag, exchange_format.options)) or "no option"
        raise UsageError(f"{flag(unknown[0])} is not for {format}, which has {possible}")
    if out.exists() and (not out.is_dir() or next(out.iterdir(), None)):
        raise UsageError(f"{out} is there already and not empty: name a new folder")
    classes, manifest = datasets.load_header(folder).classes, folder / datasets.MANIFEST
    video = images and exchange_format.video
    context = _ExportContext(workspace, local_root(home, server), images and not video, video)
    result = ExportResult(version=folder.name)
    with Catalog.open(home) as catalog:
        excluded = withdrawals.withdrawn_clips(catalog)
    total = sum(1 for _ in read_manifest(manifest, split))
    with files.atomic_dir(out.resolve()) as target:
        with plugin.isolated(passing=(OneclickError, OSError)):
            writer = exchange_format.writer(target, classes, **dict.fromkeys(options, True))
        for dataset_clip in progress.track("export", read_manifest(manifest, split), total):
            name = dataset_clip.clip
            if name in excluded:
                result.excluded += 1
                continue
            with failure_log.isolate(result.result.failed, workspace, name, f"export {name}"):
                clip = _load_clip(context, dataset_clip)
                with plugin.isolated(passing=(OneclickError, OSError)):
                    writer.add(clip)
                result.images += dataset_clip.frames
                result.boxes += clip.labels.boxes()
                result.without_video += video and clip.video is None
                result.result.done.append(name)
        with plugin.isolated(passing=(OneclickError, OSError)):
            writer.close()
            result.notes += getattr(writer, "notes", Counter())
    return result


def flag(option: str) -> str:
    """Return how an option of a format is typed: per_clip is --per-clip."""
    return f"--{option.replace('_', '-')}"


def find_version(workspace: Workspace, name: str | None) -> Path:
    """Return the folder of a published version, default the newest.

    Raises:
        UsageError: nothing was published. UnknownName: no version is called `name`.
    """
    names = datasets.names(workspace)
    if not names:
        raise UsageError("nothing to export: publish a dataset first (oneclick data publish)")
    if name is not None and name not in names:
        raise UnknownName("dataset version", name, names)
    return workspace.dataset_dir(name or names[-1])


def read_manifest(path: Path, split: str | None) -> Iterator[DatasetClip]:
    """Yield the clips of a manifest one at a time, for it may have any length.

    Raises:
        BadInput: a line is broken.
    """
    decoder = JsonDecoder[DatasetClip](DatasetClip)
    with path.open("rb") as file:
        for content in file:
            try:
                clip = decoder.decode(content)
            except BrokenJson as error:
                raise BadInput(f"{path} is broken: {error}; restore it or publish again") from None
            if split in (None, clip.split):
                yield clip


def _load_clip(context: _ExportContext, clip: DatasetClip) -> ExportClip:
    """Load a clip's labels and check that its images exist, before any of it is written.

    Raises:
        BadLabels: the labels are unreadable or changed. BadInput: an image is missing.
    """
    folder = context.server / "clips" / clip.clip
    path = folder / datasets.labels_name(clip.revision)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadLabels(f"{path}: cannot be read ({error.strerror}); publish again") from None
    if hashlib.sha256(content).hexdigest() != clip.label_digest:
        raise BadLabels(f"{path} was changed after it was published: restore it from a backup")
    frames, video = folder / "frames", context.workspace.clip_file(clip.clip)
    for k in range(clip.frames if context.images else 0):
        if not (frames / f"{k:06d}.jpg").is_file():
            raise BadInput(
                f"{frames}/{k:06d}.jpg is missing: oneclick data publish uploads it again"
            )
    return ExportClip(
        name=clip.clip,
        split=clip.split,
        fps=clip.fps,
        labels=labels.decode(content, path),
        frames=frames if context.images else None,
        video=video if context.video and video.is_file() else None,
    )

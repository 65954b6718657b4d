"""Publish: accepted clips → the training server and an immutable DatasetVersion, manifest last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from oneclick.catalog import Catalog
from oneclick.core import progress
from oneclick.core.clips import Clip, ClipStage
from oneclick.core.datasets import DatasetClip, DatasetVersion, Split
from oneclick.core.errors import BadInput, BadLabels, Unavailable
from oneclick.core.labels import IGNORE, LabelSet
from oneclick.core.results import BatchResult
from oneclick.services.training_server import Complete, Server, Stamp, url
from oneclick.storage import cards, datasets, files, labels
from oneclick.storage.workspace import Workspace

BY = "publish"


@dataclass(frozen=True)
class Outcome:
    """What was published."""

    version: str | None
    """None where nothing was ever accepted."""
    new: bool
    """False where the version holds what the one before held."""
    clips: int
    """Clips in the version, old and new."""
    images: int
    uploaded: int
    """Files brought to the server now."""
    result: BatchResult


def publish(home: Path, clips: Sequence[str], server: str, classes: Sequence[str]) -> Outcome:
    """Freeze clips that stand at ACCEPTED, together with all published before.

    Raises:
        Unavailable, NoSpace: the server or the disk; nothing was published, run again.
    """
    workspace, target, result = Workspace(home), Server(url(home, server)), BatchResult()
    with Catalog.open(home) as catalog:
        street = _Street(workspace, catalog, target, tuple(classes))
        before = datasets.find(workspace)
        fresh, uploaded = [], 0
        for clip_id in progress.track("publish", clips, len(clips)):
            if sent := _one(street, clip_id, result):
                fresh.append(sent[0])
                uploaded += sent[1]
        version = _freeze(street, before, fresh)
        for line in fresh:
            if version and catalog.move(
                line.clip, ClipStage.ACCEPTED, ClipStage.PUBLISHED, BY, version.name
            ):
                result.done.append(line.clip)
    if version is None:
        return Outcome(None, False, 0, 0, 0, result)
    new = before is None or before.name != version.name
    return Outcome(version.name, new, len(version.clips), version.images(), uploaded, result)


def verify(home: Path, version: str | None, server: str) -> list[str]:
    """Compare every file of a version on the server with its checksum; one line a problem."""
    found = datasets.find(Workspace(home), version)
    if found is None:
        return []
    target, problems = Server(url(home, server)), []
    folder = Workspace(home).dataset_dir(found.name)
    for name, content in datasets.contents(folder).items():
        path = f"datasets/{found.name}/{name}"
        if target.read(path) != content:
            problems.append(f"{path}: missing or changed on {target.address}; publish again")
    for line in progress.track("verify", found.clips, len(found.clips)):
        problems += _verify(target, line)
    return problems


def _verify(target: Server, line: DatasetClip) -> list[str]:
    complete = target.complete(line.clip)
    if complete is None or complete.label_digest != line.label_digest:
        return [f"clips/{line.clip}: not complete on {target.address}; copy it from the workspace"]
    problems = []
    for name, stamp in complete.files.items():
        there = target.stamp(f"clips/{line.clip}/{name}")
        if there != stamp:
            state = "missing" if there is None else "changed"
            problems.append(f"clips/{line.clip}/{name}: {state} on {target.address}")
    return problems


@dataclass(frozen=True)
class _Street:
    """What every step of one publication needs."""

    workspace: Workspace
    catalog: Catalog
    target: Server
    classes: tuple[str, ...]


def _one(street: _Street, clip_id: str, result: BatchResult) -> tuple[DatasetClip, int] | None:
    """Send a clip that stands at ACCEPTED; a broken one is set aside with its reason."""
    row = street.catalog.clip(clip_id)
    if row.stage is not ClipStage.ACCEPTED:
        result.skipped.append(clip_id)
        return None
    try:
        return _send(street, row.clip)
    except Unavailable:
        raise
    except Exception as error:  # whatever is wrong with one clip, the others go on
        result.failed[clip_id] = reason = _reason(error)
        cards.save_quarantine(street.workspace, clip_id, reason)
        street.catalog.quarantine(clip_id, reason, BY)
        return None


def _send(street: _Street, clip: Clip) -> tuple[DatasetClip, int]:
    """Check a clip and bring it to the server; its manifest line and the files brought."""
    workspace = street.workspace
    path, found, label_digest = _labels(street, clip.id)
    if files.sha256(workspace.clip_file(clip.id)) != clip.digest:
        raise BadInput(f"{workspace.clip_file(clip.id)} was changed after it was cut: cut it again")
    sources = {f"frames/{k:06d}.jpg": workspace.frame_file(clip.id, k) for k in range(found.frames)}
    sources[datasets.labels_name(found.revision)] = path
    line = DatasetClip(
        clip.id,
        clip.camera,
        found.revision,
        label_digest,
        clip.digest,
        cast(Split, clip.split),
        found.frames,
        found.width,
        found.height,
        clip.fps,
        found.counts(),
        clip.chosen_by.value,
        clip.led_by,
    )
    return line, _upload(street.target, line, sources)


def _labels(street: _Street, clip_id: str) -> tuple[Path, LabelSet, str]:
    """The latest revision: its file, content and digest, which must be the catalogued one."""
    paths, classes = labels.revisions(street.workspace, clip_id), street.classes
    if not paths:
        raise BadLabels(
            f"{street.workspace.labels_dir(clip_id)} holds no label file: label the clip again"
        )
    path, digest = paths[-1], files.sha256(paths[-1])
    found = labels.load(path)
    known = {row.revision: row.digest for row in street.catalog.revision_rows(clip_id)}
    if known.get(found.revision, digest) != digest:
        raise BadLabels(f"{path} was changed after it was written: restore it from a backup")
    if known and max(known) > found.revision:
        raise BadLabels(f"{path.parent}: revision {max(known)} is missing: restore it")
    strange = sorted({track.cls for track in found.tracks} - {*classes, IGNORE})
    if strange:
        raise BadLabels(f"{path}: class {strange[0]!r} is not among the classes {list(classes)}")
    return path, found, digest


def _upload(target: Server, line: DatasetClip, sources: dict[str, Path]) -> int:
    """Bring a clip's files unless the server has the whole clip; the mark comes last."""
    there = target.complete(line.clip)
    if there and (there.clip_digest, there.label_digest) == (line.clip_digest, line.label_digest):
        return 0
    stamps = {
        name: Stamp(path.stat().st_size, files.sha256(path)) for name, path in sources.items()
    }
    for name, path in sources.items():
        # A label file is copied: whoever edits one end must not reach the other.
        target.put(path, f"clips/{line.clip}/{name}", stamps[name], link=path.suffix == ".jpg")
    mark = Complete(line.clip_digest, line.label_digest, stamps)
    target.write(f"clips/{line.clip}/complete.json", files.to_json(mark))
    return len(sources)


def _freeze(
    street: _Street, before: DatasetVersion | None, fresh: list[DatasetClip]
) -> DatasetVersion | None:
    """The version that holds everything: on the server, then here, then in the catalog."""
    lines = {line.clip: line for line in (*(before.clips if before else ()), *fresh)}
    if not lines:
        return None
    workspace, target = street.workspace, street.target
    version, content = _version(workspace, before, list(lines.values()), street.classes)
    for name, data in content.items():
        path = f"datasets/{version.name}/{name}"
        if target.read(path) != data:
            target.write(path, data)
    datasets.save(workspace, version.name, content)
    street.catalog.add_dataset(version, datasets.made_at(workspace.dataset_dir(version.name)))
    return version


def _version(
    workspace: Workspace,
    before: DatasetVersion | None,
    lines: list[DatasetClip],
    classes: tuple[str, ...],
) -> tuple[DatasetVersion, dict[str, bytes]]:
    """The version before where the content is the same, or the next one; and its documents."""
    number = len(datasets.names(workspace)) + 1
    version = datasets.make(number, before.name if before else None, classes, lines)
    if before and (before.digest, before.classes) == (version.digest, version.classes):
        return before, datasets.contents(workspace.dataset_dir(before.name))
    return version, datasets.documents(version, datetime.now(UTC))


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return f"{error.filename} is missing: restore it, then oneclick clips retry"
    return str(error).splitlines()[0] if str(error) else type(error).__name__

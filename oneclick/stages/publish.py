"""Publish: accepted clips → the training server and an immutable DatasetVersion, manifest last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import cast

from oneclick.catalog import Catalog
from oneclick.catalog.reconcile import reconcile
from oneclick.core import progress, split_leaks
from oneclick.core.clips import Clip, ClipStage
from oneclick.core.datasets import DatasetClip, DatasetVersion, Split
from oneclick.core.errors import BadInput, BadLabels
from oneclick.core.labels import IGNORE, LabelSet
from oneclick.core.results import BatchResult
from oneclick.services.training_server import ClipCompletion, FileStamp, RemoteFolder, server_url
from oneclick.stages.quarantine import quarantine_on_failure
from oneclick.storage import datasets, exclusions, files, jpeg, labels, locks, sealed_files
from oneclick.storage.locks import WriteLock
from oneclick.storage.workspace import Workspace
from oneclick.video import stills

BY = "publish"
_REJECTED = ClipStage.REJECTED


@dataclass(frozen=True, kw_only=True)
class PublishResult:
    """The version that was published, or the one before if nothing changed."""

    version: str | None
    """None where nothing was ever accepted."""
    new: bool
    """False where the version holds what the one before held."""
    clips: int
    """Clips in the version, old and new."""
    images: int
    ignored_boxes: int
    """Boxes of regions that training leaves out: somebody may be there, and no label is."""
    ignored_frames: int
    """Images with such a region."""
    uploaded: int
    """Files brought to the server now."""
    result: BatchResult


@dataclass(frozen=True)
class _PublishContext:
    """Workspace, catalog, training server and classes of one publication."""

    workspace: Workspace
    catalog: Catalog
    server: RemoteFolder
    classes: tuple[str, ...]


def publish(home: Path, clips: Sequence[str], server: str, classes: Sequence[str]) -> PublishResult:
    """Freeze clips that stand at ACCEPTED, together with all published before.

    Raises:
        Unavailable, NoSpace: the server or the disk; nothing was published, run again.
    """
    remote = RemoteFolder(server_url(home, server))
    workspace, result = Workspace(home), BatchResult()
    # Alone: a version holds all clips of the one before, which another publication would replace.
    with locks.hold(workspace, WriteLock.PUBLISH), Catalog.open(home) as catalog:
        reconcile(catalog)
        context = _PublishContext(workspace, catalog, remote, tuple(classes))
        before = datasets.find(workspace)
        new_clips: list[DatasetClip] = []
        uploaded = 0
        for clip_id in progress.track("publish", clips, len(clips)):
            row = catalog.clip(clip_id)
            if row.stage is not ClipStage.ACCEPTED:
                result.skipped.append(clip_id)
                continue
            with quarantine_on_failure(result.failed, workspace, catalog, clip_id, "publish", BY):
                try:
                    dataset_clip, file_count = _upload_clip(context, row.clip)
                except FileNotFoundError as error:
                    remedy = "restore it, then oneclick clips retry"
                    raise BadInput(f"{error.filename} is missing: {remedy}") from None
                new_clips.append(dataset_clip)
                uploaded += file_count
        version = _freeze(context, before, new_clips, result.notes)
        for dataset_clip in new_clips:
            if version and catalog.move(
                dataset_clip.clip, ClipStage.ACCEPTED, ClipStage.PUBLISHED, BY, version.name
            ):
                result.done.append(dataset_clip.clip)
    ignored_boxes, ignored_frames = version.ignored() if version else (0, 0)
    return PublishResult(
        version=version.name if version else None,
        new=version is not None and (before is None or before.name != version.name),
        clips=len(version.clips) if version else 0,
        images=version.images() if version else 0,
        ignored_boxes=ignored_boxes,
        ignored_frames=ignored_frames,
        uploaded=uploaded,
        result=result,
    )


def verify(home: Path, version: str | None, server: str) -> list[str]:
    """Compare every file of a version on the server with its checksum; one line a problem."""
    dataset = datasets.find(Workspace(home), version)
    if dataset is None:
        return []
    remote, problems = RemoteFolder(server_url(home, server)), []
    folder = Workspace(home).dataset_dir(dataset.name)
    for name, content in datasets.read_documents(folder).items():
        path = f"datasets/{dataset.name}/{name}"
        if remote.read(path) != content:
            problems.append(f"{path}: missing or changed on {remote.address}; publish again")
    for dataset_clip in progress.track("verify", dataset.clips, len(dataset.clips)):
        problems += verify_clip(remote, dataset_clip)
    return problems


def excluded_clips(home: Path, version: str | None) -> list[str]:
    """Return the clips of a version, by default the newest, that are excluded, sorted."""
    dataset = datasets.find(Workspace(home), version)
    clips = {clip.clip for clip in dataset.clips} if dataset else set()
    return sorted(clips & exclusions.excluded_clips(Workspace(home)))


def verify_clip(remote: RemoteFolder, clip: DatasetClip) -> list[str]:
    """Compare every file of a clip on the server with its checksum; one line a problem."""
    completion = remote.completion(clip.clip)
    if completion is None or completion.clip_digest != clip.clip_digest:
        return [f"clips/{clip.clip}: not complete on {remote.address}; copy it from the workspace"]
    if completion.label_digest != clip.label_digest:
        # A later version has a correction of the clip: the labels of this one lie beside it.
        path = f"clips/{clip.clip}/{datasets.labels_name(clip.revision)}"
        content = remote.read(path)
        if content is None or sha256(content).hexdigest() != clip.label_digest:
            return [f"{path}: missing or changed on {remote.address}; copy it from the workspace"]
    problems = []
    for name, expected_stamp in completion.files.items():
        path = f"clips/{clip.clip}/{name}"
        content = remote.read(path)
        if content is None:
            problems.append(f"{path}: missing on {remote.address}")
        elif FileStamp.of(content) != expected_stamp:
            problems.append(f"{path}: changed on {remote.address}")
        elif name.startswith("frames/"):
            problems += _broken_picture(content, path, clip)
    return problems


def _broken_picture(content: bytes, name: str, clip: DatasetClip) -> list[str]:
    """Return a line about a picture that does not decode, though it is what was published."""
    try:
        jpeg.check_content(content, name, (clip.height, clip.width))
    except BadInput as error:
        return [f"{error}; or oneclick data exclude {clip.clip}"]
    return []


def _upload_clip(context: _PublishContext, clip: Clip) -> tuple[DatasetClip, int]:
    """Check a clip and upload it; return its manifest line and the number of files uploaded."""
    workspace = context.workspace
    path, label_set, label_digest = _load_labels(context, clip.id)
    if files.sha256(workspace.clip_file(clip.id)) != clip.digest:
        raise BadInput(f"{workspace.clip_file(clip.id)} was changed after it was cut: cut it again")
    dataset_clip = DatasetClip(
        clip=clip.id,
        camera=clip.camera,
        revision=label_set.revision,
        label_digest=label_digest,
        clip_digest=clip.digest,
        split=cast(Split, clip.split),
        frames=label_set.frames,
        width=label_set.width,
        height=label_set.height,
        fps=clip.fps,
        origins=label_set.counts(),
        chosen_by=clip.chosen_by.value,
        led_by=clip.led_by,
        ignored_boxes=label_set.ignored_boxes(),
        ignored_frames=label_set.ignored_frames(),
    )
    frames = [workspace.frame_file(clip.id, k) for k in range(label_set.frames)]
    size = label_set.height, label_set.width
    for _ in stills.map_in_threads(lambda path: jpeg.check(path, size), frames):
        pass
    sources = {f"frames/{path.name}": path for path in frames}
    sources[datasets.labels_name(label_set.revision)] = path
    return dataset_clip, upload_files(context.server, dataset_clip, sources)


def _load_labels(context: _PublishContext, clip_id: str) -> tuple[Path, LabelSet, str]:
    """Return file, content and digest of the latest revision, which must be the catalogued one."""
    paths, classes = labels.revisions(context.workspace, clip_id), context.classes
    if not paths:
        raise BadLabels(
            f"{context.workspace.labels_dir(clip_id)} holds no label file: label the clip again"
        )
    path, digest = paths[-1], files.sha256(paths[-1])
    label_set = labels.load(path)
    digests = {row.revision: row.digest for row in context.catalog.revision_rows(clip_id)}
    if digests.get(label_set.revision, digest) != digest:
        raise BadLabels(f"{path} was changed after it was written: restore it from a backup")
    if digests and max(digests) > label_set.revision:
        raise BadLabels(f"{path.parent}: revision {max(digests)} is missing: restore it")
    unknown = sorted({track.cls for track in label_set.tracks} - {*classes, IGNORE})
    if unknown:
        raise BadLabels(f"{path}: class {unknown[0]!r} is not among the classes {list(classes)}")
    return path, label_set, digest


def upload_files(remote: RemoteFolder, clip: DatasetClip, sources: dict[str, Path]) -> int:
    """Upload a clip's files, its completion mark last; return their number.

    A clip that is complete on the server, with the same video and labels, is not uploaded again.
    """
    completion = remote.completion(clip.clip)
    digests = (clip.clip_digest, clip.label_digest)
    if completion and (completion.clip_digest, completion.label_digest) == digests:
        return 0
    remote.sweep(f"clips/{clip.clip}/frames")
    stamps = {
        name: FileStamp(path.stat().st_size, files.sha256(path)) for name, path in sources.items()
    }
    for name, path in sources.items():
        remote.put(path, f"clips/{clip.clip}/{name}", stamps[name])
    remote.flush(f"clips/{clip.clip}/{name}" for name in sources)
    content = sealed_files.encode(ClipCompletion(*digests, stamps))
    remote.write(f"clips/{clip.clip}/complete.json", content)
    return len(sources)


def _freeze(
    context: _PublishContext,
    before: DatasetVersion | None,
    new_clips: list[DatasetClip],
    notes: list[str],
) -> DatasetVersion | None:
    """Write the version that holds all clips: to the server, the workspace, then the catalog.

    Where the content is that of the version before, it is that version; None without any clip.
    Excluded clips are left out, those that were rejected after they were reopened, and training
    clips that show the moment of a test clip, which get a sentence in `notes`.
    """
    rejected = {id for id, stage in context.catalog.stages().items() if stage is _REJECTED}
    older = [clip for clip in (before.clips if before else ()) if clip.clip not in rejected]
    clips = {clip.clip: clip for clip in (*older, *new_clips)}
    lines = exclusions.apply(context.workspace, clips.values())
    known_clips = [row.clip for row in context.catalog.clips()]
    lines, leaks = split_leaks.leave_out(lines, known_clips, context.catalog.videos())
    notes += leaks
    if not lines:
        return None
    workspace, remote = context.workspace, context.server
    number, parent = len(datasets.names(workspace)) + 1, before.name if before else None
    version = datasets.build(number, parent, context.classes, lines)
    if before and (before.digest, before.classes) == (version.digest, version.classes):
        version = before
        documents = datasets.read_documents(workspace.dataset_dir(before.name))
    else:
        documents = datasets.documents(version, datetime.now(UTC))
    for name, content in documents.items():
        path = f"datasets/{version.name}/{name}"
        if remote.read(path) != content:
            remote.write(path, content)
    datasets.save(workspace, version.name, documents)
    published_at = datasets.publication_time(workspace.dataset_dir(version.name))
    context.catalog.add_dataset(version, published_at)
    return version

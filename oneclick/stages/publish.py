"""Publish: accepted clips → the training server and an immutable DatasetVersion, manifest last."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from oneclick.catalog import Catalog, withdrawals
from oneclick.catalog.reconcile import reconcile
from oneclick.core import progress
from oneclick.core.clips import ClipStage
from oneclick.core.datasets import DatasetClip, DatasetVersion
from oneclick.core.errors import BadInput, UsageError
from oneclick.core.results import BatchResult
from oneclick.services.training_server import FileStamp, RemoteFolder, server_url
from oneclick.stages import clip_publication
from oneclick.stages.clip_publication import PublishContext
from oneclick.stages.quarantine import quarantine_on_failure
from oneclick.storage import datasets, jpeg, labels, locks, receipts
from oneclick.storage.locks import WriteLock
from oneclick.storage.workspace import Workspace

BY = "publish"


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


def publish(home: Path, clips: Sequence[str], server: str, classes: Sequence[str]) -> PublishResult:
    """Freeze clips that stand at ACCEPTED, together with all published before.

    Published clips whose correction was accepted since are frozen anew too. What the server lacks
    of the others is uploaded again; one of which that is not possible stands in `failed`, and is
    left out until it is.

    Raises:
        Unavailable, NoSpace: the server or the disk; nothing was published, run again.
        UsageError: published clips have a class that is not among `classes`.
    """
    remote = RemoteFolder(server_url(home, server))
    workspace, result = Workspace(home), BatchResult()
    # Alone: a version holds all clips of the one before, which another publication would replace.
    with locks.hold(workspace, WriteLock.PUBLISH), Catalog.open(home) as catalog:
        reconcile(catalog)
        context = PublishContext(workspace, catalog, remote, tuple(classes), result)
        _restore_versions(context)
        before, stages = datasets.find(workspace), catalog.stages()
        lines, withdrawn = (
            withdrawals.published_lines(catalog),
            withdrawals.withdrawn_clips(catalog),
        )
        _check_classes(context, lines)
        corrected = [id for id in sorted(lines) if stages[id] is ClipStage.ACCEPTED]
        clip_ids = list(dict.fromkeys((*clips, *corrected)))
        new_lines: list[DatasetClip] = []
        uploaded = 0
        for clip_id in progress.track("publish", clip_ids, len(clip_ids)):
            row = catalog.clip(clip_id)
            if row.stage is not ClipStage.ACCEPTED or clip_id in withdrawn:
                result.skipped.append(clip_id)
                continue
            with quarantine_on_failure(result.failed, workspace, catalog, clip_id, "publish", BY):
                line, file_count = clip_publication.upload_clip(context, row.clip)
                new_lines.append(line)
                uploaded += file_count
        uploaded += clip_publication.complete_older(
            context, lines, {line.clip for line in new_lines}
        )
        version = _freeze(context, before, lines, new_lines, result.notes)
        published = {line.clip for line in version.clips} if version else set()
        for line in new_lines:
            if (
                version
                and line.clip in published
                and catalog.move(
                    line.clip, ClipStage.ACCEPTED, ClipStage.PUBLISHED, BY, version.name
                )
            ):
                result.done.append(line.clip)
            else:  # somebody took it back while it was uploaded
                result.skipped.append(line.clip)
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


def is_outdated(home: Path) -> bool:
    """Check whether a publication would change the newest version, though no clip is new.

    A clip was rejected, excluded, included again or deleted since; or the version is lost.
    """
    with Catalog.open(home) as catalog:
        try:
            return withdrawals.is_version_outdated(catalog)
        except BadInput:
            return True  # it is broken, which a publication mends or names


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
    gone = receipts.clips_erased_everywhere(Workspace(home))
    clips = [clip for clip in dataset.clips if clip.clip not in gone]
    for dataset_clip in progress.track("verify", clips, len(clips)):
        problems += verify_clip(remote, dataset_clip)
    return problems


def withdrawn_clips(home: Path, version: str | None) -> list[str]:
    """Return the clips of a version, by default the newest, that no training uses, sorted."""
    dataset = datasets.find(Workspace(home), version)
    clips = {clip.clip for clip in dataset.clips} if dataset else set()
    with Catalog.open(home) as catalog:
        return sorted(clips & withdrawals.withdrawn_clips(catalog))


def verify_clip(remote: RemoteFolder, clip: DatasetClip) -> list[str]:
    """Compare every file of a clip on the server with its checksum; one line a problem."""
    completion = remote.completion(clip.clip)
    if completion is None or completion.clip_digest != clip.clip_digest:
        return [f"clips/{clip.clip}: not complete on {remote.address}; publish again"]
    if completion.label_digest != clip.label_digest:
        # A later version has a correction of the clip: the labels of this one lie beside it.
        path = f"clips/{clip.clip}/{datasets.labels_name(clip.revision)}"
        content = remote.read(path)
        if content is None or sha256(content).hexdigest() != clip.label_digest:
            return [f"{path}: missing or changed on {remote.address}; publish again"]
    problems = []
    for name, expected_stamp in completion.files.items():
        path = f"clips/{clip.clip}/{name}"
        content = remote.read(path)
        if content is None:
            problems.append(f"{path}: missing on {remote.address}; publish again")
        elif FileStamp.of(content) != expected_stamp:
            problems.append(f"{path}: changed on {remote.address}; delete it, then publish again")
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


def _check_classes(context: PublishContext, lines: Mapping[str, DatasetClip]) -> None:
    """Check that no published clip has a class that left the settings: nothing could learn it.

    Raises:
        UsageError: one has.
    """
    if datasets.classes_of_all(context.workspace) <= {*context.classes}:
        return
    for clip_id, line in sorted(lines.items()):
        for path in labels.revisions(context.workspace, clip_id):
            if labels.revision(path) != line.revision:
                continue
            if lost := sorted(labels.used_classes(path) - {*context.classes}):
                raise UsageError(
                    f"class {lost[0]!r} is not among the classes {list(context.classes)}, and clip "
                    f"{clip_id} was published with it: add it to the setting classes, or oneclick "
                    f"data exclude {clip_id}"
                )


def _restore_versions(context: PublishContext) -> None:
    """Take versions that the workspace lost, and a broken newest one, from the server again.

    Those that the server lacks too stay lost: their clips get lines from what the workspace holds.
    """
    workspace, names = context.workspace, datasets.names(context.workspace)
    lost = {row.name for row in context.catalog.datasets()} - {*names}
    if names:
        try:
            datasets.load(workspace.dataset_dir(names[-1]))
        except BadInput:
            lost.add(names[-1])
    for name in sorted(lost):
        folder = f"datasets/{name}"
        manifest = context.server.read(f"{folder}/{datasets.MANIFEST}")
        header = context.server.read(f"{folder}/{datasets.VERSION}")
        if manifest is not None and header is not None:
            with contextlib.suppress(BadInput):
                datasets.restore(workspace, name, manifest, header)


def _freeze(
    context: PublishContext,
    before: DatasetVersion | None,
    older: dict[str, DatasetClip],
    new_lines: Sequence[DatasetClip],
    notes: list[str],
) -> DatasetVersion | None:
    """Write the version that holds all clips: to the server, the workspace, then the catalog.

    Where the content is that of the version before, it is that version; None without any clip.
    Uploads take long: what was rejected or taken back meanwhile is left out. So are training clips
    that show the moment of a test clip; `notes` says so once.
    """
    workspace, remote, catalog = context.workspace, context.server, context.catalog
    stages, withdrawn = catalog.stages(), withdrawals.withdrawn_clips(catalog)
    new = {line.clip: line for line in new_lines if stages.get(line.clip) is ClipStage.ACCEPTED}
    lines = [line for clip_id, line in (older | new).items() if clip_id not in withdrawn]
    leaks = withdrawals.find_leaks(catalog, lines)
    lines = [line for line in lines if line.clip not in leaks]
    news = {*new, *(line.clip for line in (before.clips if before else ()))}
    notes += [sentence for clip_id, sentence in leaks.items() if clip_id in news]
    if not lines:
        return None
    parent = before.name if before else None
    version = datasets.build(1, parent, context.classes, lines)
    if before and (before.digest, before.classes) == (version.digest, version.classes):
        version = before
        documents = datasets.read_documents(workspace.dataset_dir(before.name))
    else:
        number = _next_number(context, version.digest)
        version = datasets.build(number, parent, context.classes, lines)
        documents = datasets.documents(version, datetime.now(UTC))
    for name, content in documents.items():
        path = f"datasets/{version.name}/{name}"
        if remote.read(path) != content:
            remote.write(path, content)
    datasets.save(workspace, version.name, documents)
    published_at = datasets.publication_time(workspace.dataset_dir(version.name))
    catalog.add_dataset(version, published_at)
    return version


def _next_number(context: PublishContext, digest: str) -> int:
    """Return the number after those of all versions here, in the catalog and on the server.

    A version of this content that a killed publication left on the server keeps its number.
    """
    names = {*datasets.names(context.workspace), *(row.name for row in context.catalog.datasets())}
    highest = max(map(datasets.number, names), default=0)
    for name in sorted(context.server.names("datasets"), key=datasets.number, reverse=True):
        if datasets.number(name) <= highest:
            break
        if context.server.read(f"datasets/{name}/{datasets.VERSION}") is not None:
            number = datasets.number(name)
            return number if name == datasets.name(number, digest) else number + 1
    return highest + 1

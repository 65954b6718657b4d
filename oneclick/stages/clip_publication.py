"""Clips of a publication on the training server: new ones, and what it lacks of older ones."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from oneclick.catalog import Catalog, withdrawals
from oneclick.core import progress
from oneclick.core.clips import Clip, ClipStage
from oneclick.core.datasets import DatasetClip, Split
from oneclick.core.errors import BadInput, BadLabels
from oneclick.core.labels import IGNORE, LabelSet
from oneclick.core.results import BatchResult
from oneclick.services import clip_uploads
from oneclick.services.training_server import RemoteFolder
from oneclick.storage import datasets, failure_log, files, jpeg, labels
from oneclick.storage.workspace import Workspace
from oneclick.video import stills


@dataclass(frozen=True)
class PublishContext:
    """Workspace, catalog, server, classes and result of one publication."""

    workspace: Workspace
    catalog: Catalog
    server: RemoteFolder
    classes: tuple[str, ...]
    result: BatchResult


def upload_clip(context: PublishContext, clip: Clip) -> tuple[DatasetClip, int]:
    """Check a clip and upload it; return its manifest line and the number of files uploaded."""
    path, label_set, label_digest = _load_labels(context, clip.id)
    video = context.workspace.clip_file(clip.id)
    if not video.exists():
        raise BadInput(f"{video} is missing: restore it, then oneclick clips retry")
    if files.sha256(video) != clip.digest:
        raise BadInput(f"{video} was changed after it was cut: cut it again")
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
    return dataset_clip, clip_uploads.upload(
        context.server, dataset_clip, _checked_sources(context, dataset_clip, path)
    )


def _checked_sources(
    context: PublishContext, line: DatasetClip, label_file: Path
) -> dict[str, Path]:
    """Return the files of a clip by their path on the server; every picture decodes."""
    folder, size = context.workspace.clip_dir(line.clip), (line.height, line.width)
    frames = {name: folder / name for name in map(clip_uploads.frame_name, range(line.frames))}
    for _ in stills.map_in_threads(lambda path: jpeg.check(path, size), frames.values()):
        pass
    return frames | {datasets.labels_name(line.revision): label_file}


def complete_older(
    context: PublishContext, lines: dict[str, DatasetClip], new_clips: Collection[str]
) -> int:
    """Upload what the server lacks of clips that were published before; return the files.

    Another server, or another disk, may hold none of them. A clip that neither the server nor the
    workspace has is taken out of `lines`; one whose versions are lost gets its line again.
    """
    result, uploaded = context.result, 0
    older = [line for line in lines.values() if line.clip not in new_clips]
    for line, missing in progress.track(
        "look at the server", clip_uploads.look(context.server, older), len(older)
    ):
        if missing:
            with failure_log.isolate(
                result.failed, context.workspace, line.clip, f"upload {line.clip}"
            ):
                uploaded += _upload_again(context, line)
                continue
            del lines[line.clip]
    for clip_id in sorted(withdrawals.clips_to_keep(context.catalog) - lines.keys() - {*new_clips}):
        row = context.catalog.clip(clip_id)
        if clip_id in result.failed or row.stage is ClipStage.ACCEPTED:
            continue
        if row.stage is not ClipStage.PUBLISHED:
            names = ", ".join(context.catalog.datasets_of(clip_id))
            result.failed[clip_id] = (
                f"{clip_id} stands in {names} alone, whose files are lost: restore them"
            )
            continue
        with failure_log.isolate(result.failed, context.workspace, clip_id, f"publish {clip_id}"):
            lines[clip_id], file_count = upload_clip(context, row.clip)
            uploaded += file_count
    return uploaded


def _upload_again(context: PublishContext, line: DatasetClip) -> int:
    """Upload what the server lost of a published clip; return the number of files.

    Raises:
        BadInput: the workspace lacks it too.
    """
    paths = labels.revisions(context.workspace, line.clip)
    for path in paths:
        if labels.revision(path) == line.revision and files.sha256(path) == line.label_digest:
            sources = _checked_sources(context, line, path)
            return clip_uploads.upload(context.server, line, sources)
    raise BadLabels(
        f"{context.workspace.labels_dir(line.clip)} does not hold revision {line.revision} of clip "
        f"{line.clip} as it was published, and {context.server.address} lacks it: restore it"
    )


def _load_labels(context: PublishContext, clip_id: str) -> tuple[Path, LabelSet, str]:
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

"""Extract: the frames of a Clip as JPEG files."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from oneclick import video
from oneclick.catalog import Catalog
from oneclick.core import progress
from oneclick.core.clips import Clip, ClipStage
from oneclick.core.errors import BadVideo
from oneclick.core.results import BatchResult
from oneclick.stages.quarantine import quarantine_on_failure
from oneclick.storage import files
from oneclick.storage.workspace import Workspace

BY = "extract"


def extract(home: Path, clips: Sequence[str]) -> BatchResult:
    """Write `frames/000000.jpg`, … of the clips that stand at CUT and move them to EXTRACTED.

    A clip whose file changed, does not decode, or has another number of frames than its span is
    QUARANTINED with the reason. Clips at other stages are skipped.

    Raises:
        NoSpace: the device is full.
        Unavailable: the workspace cannot be written.
    """
    workspace, result = Workspace(home), BatchResult()
    with Catalog.open(home) as catalog:
        for clip_id in progress.track("extract", clips, len(clips)):
            with quarantine_on_failure(result.failed, workspace, catalog, clip_id, "extract", BY):
                row = catalog.clip(clip_id)
                if row.stage is not ClipStage.CUT:
                    result.skipped.append(clip_id)
                    continue
                write_frames(workspace, row.clip)
                is_moved = catalog.move(clip_id, ClipStage.CUT, ClipStage.EXTRACTED, BY)
                (result.done if is_moved else result.skipped).append(clip_id)
    return result


def write_frames(workspace: Workspace, clip: Clip) -> None:
    """Write all frames of a clip or none; a complete folder of a killed process is retained.

    Raises:
        BadVideo: the clip's file changed, does not decode, or has another number of frames.
    """
    target, file = workspace.frames_dir(clip.id), workspace.clip_file(clip.id)
    if target.exists():
        if len(list(target.glob("*.jpg"))) == len(clip.span):
            return
        shutil.rmtree(target)
    if files.sha256(file) != clip.digest:
        raise BadVideo(f"{file.name} of {clip.id} is not the file that was cut: digests differ")
    with files.atomic_dir(target, workspace.frame_file(clip.id, 0).name) as folder:
        frames = video.extract(file, folder)
        if frames != len(clip.span):
            raise BadVideo(f"{file.name} of {clip.id} has {frames} frames, not {len(clip.span)}")

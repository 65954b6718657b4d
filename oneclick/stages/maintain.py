"""Maintain: expired leases, temporary files of killed processes, recordings past their time."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from oneclick.catalog import Catalog
from oneclick.core.clips import ClipStage
from oneclick.core.errors import Unavailable
from oneclick.core.results import BatchResult
from oneclick.feedback import video_counts
from oneclick.stages.quarantine import reject_erased
from oneclick.storage import (
    bulk_files,
    files,
    incidents,
    live_ring,
    live_state,
    locks,
    receipts,
    retention,
    searches,
    span_requests,
)
from oneclick.storage.locks import WriteLock
from oneclick.storage.retention import ClockReading
from oneclick.storage.workspace import Workspace
from oneclick.video import index_files
from oneclick.video.streams import recorder

KEEP_COUNTS = timedelta(days=400)
"""Counts of older videos are computed again where somebody asks for them."""


@dataclass(frozen=True)
class MaintenanceResult:
    """Counts and ids of what was cleaned up."""

    expired: int
    """Leases whose holder is gone."""
    swept: int
    """Half-written leftovers of dead processes."""
    result: BatchResult
    """`done` holds the ids of the videos whose raw file was removed, `failed` why one could not."""
    holds: tuple[str, ...] = ()
    """Videos past their time whose raw file clips or incidents still need."""


def maintain(
    home: Path,
    retain_raw_days: int,
    at: datetime | None = None,
    retain_live_hours: float = 72.0,
    live_cameras: Collection[str] = (),
) -> MaintenanceResult:
    """Clean the workspace; with 0 days every recording is retained for ever.

    Args:
        home: the workspace folder.
        retain_raw_days: age from which raw files of finished videos are removed.
        at: what the clock shows, default that of this machine; see `storage.retention`.
        retain_live_hours: age from which what a live camera left is removed.
        live_cameras: cameras of the settings: that one of them does not run stays known.
    """
    result, workspace = BatchResult(), Workspace(home)
    reading = ClockReading(wall=at, boot="", uptime=0.0) if at else ClockReading.now()
    with locks.hold(workspace, WriteLock.MAINTENANCE), Catalog.open(home) as catalog:
        expired = catalog.expire()
        due = find_due(workspace, catalog, retain_raw_days, reading)
        state = retention.load(workspace.retention_file)
        holds = remove_due(workspace, catalog, due, result) if due else ()
        for folder in (home / "videos").glob("*/"):
            index_files.remove_orphans(folder)
        for row in catalog.clips():
            unshare_frames(workspace, row.clip.id)
    if state is not None:
        before = state.at - timedelta(hours=retain_live_hours)
        result.failed |= remove_live(workspace, before, live_cameras)
        searches.forget_old(workspace, state.at)
        span_requests.forget_old(workspace, state.at)
        video_counts.remove_before(home, (state.at - KEEP_COUNTS).date())
    return MaintenanceResult(expired, files.sweep(home), result, holds)


def remove_due(
    workspace: Workspace, catalog: Catalog, due: Mapping[str, Path], result: BatchResult
) -> tuple[str, ...]:
    """Remove the raw files of videos that nothing needs any more; return the videos that stay.

    Nobody selects or marks meanwhile: it would be of a recording that is just removed.
    """
    selection = locks.hold(workspace, WriteLock.SELECTION)
    with selection, locks.file_lock(incidents.lock_file(workspace)):
        needed = videos_needed(catalog)
        needed |= incidents.held_videos(workspace, catalog.videos())
        for video_id in sorted(due.keys() - needed):
            try:
                with files.guard(due[video_id]):
                    due[video_id].unlink()
            except Unavailable as error:  # the others have had their time, too
                result.failed[video_id] = str(error)
            else:
                result.done.append(video_id)
    return tuple(video_id for video_id in due if video_id in needed)


def remove_live(
    workspace: Workspace, before: datetime, live_cameras: Collection[str] = ()
) -> dict[str, str]:
    """Remove what live cameras left before a time: their processes may never start again.

    Closed segments go in any case; of a camera that runs its process looks after the rest. The
    state goes too, and the camera is not shown any more, unless it is one of `live_cameras`.

    Returns:
        Why something of a camera could not be removed, by camera.
    """
    failed: dict[str, str] = {}
    for folder in sorted((workspace.home / "live").glob("*/")):
        try:
            with files.guard(folder):
                _remove_of_camera(workspace, folder.name, before.timestamp(), live_cameras)
        except Unavailable as error:  # what the others left has had its time, too
            failed[folder.name] = str(error)
    return failed


def _remove_of_camera(
    workspace: Workspace, camera: str, before: float, live_cameras: Collection[str]
) -> None:
    recordings = live_state.recordings_folder(workspace.home, camera)
    recorder.remove_before(recordings, before)
    ring = live_state.ring_folder(workspace.home, camera)
    state = live_state.state_file(workspace.home, camera)
    if not ring.is_dir() and not state.exists():
        return
    states = [state] if state.exists() and camera not in live_cameras else []
    with suppress(Unavailable), locks.file_lock(ring / live_ring.LOCK_NAME, wait=False):
        for path in (*ring.glob("*.ring"), *recorder.unfinished(recordings), *states):
            with suppress(FileNotFoundError):  # another process was faster
                if path.stat().st_mtime < before:
                    path.unlink()


def retry(home: Path, clips: Sequence[str] | None = None) -> BatchResult:
    """Return quarantined clips, or all of them, to their stage before; others are skipped.

    One that was erased on a review platform before anybody accepted it stands in `failed`, and is
    rejected.
    """
    result, workspace = BatchResult(), Workspace(home)
    with Catalog.open(home) as catalog:
        rows = {row.clip.id: row for row in catalog.clips(stage=ClipStage.QUARANTINED)}
        erased = receipts.erased_clips(workspace)
        for clip_id in sorted(rows) if clips is None else dict.fromkeys(clips):
            if clip_id not in rows:
                result.skipped.append(catalog.clip(clip_id).clip.id)
                continue
            is_erased = clip_id in erased and rows[clip_id].failed_from not in (
                None,
                ClipStage.ACCEPTED,
            )
            if is_erased and reject_erased(workspace, catalog, rows[clip_id], "retry"):
                result.failed[clip_id] = f"clip {clip_id} was erased: it is rejected"
                continue
            # Card first: a rebuild in between must not bring the quarantine back.
            workspace.quarantine_card(clip_id).unlink(missing_ok=True)
            catalog.retry(clip_id, "retry")
            result.done.append(clip_id)
    return result


def unshare_frames(workspace: Workspace, clip_id: str) -> None:
    """Copy the frames of a clip that share their files with the training server.

    Publications of earlier versions made hard links there: emptying one emptied the other.
    """
    first = workspace.frame_file(clip_id, 0)
    if not first.exists() or first.stat().st_nlink == 1:
        return
    frames = sorted(workspace.frames_dir(clip_id).glob("*.jpg"))
    for path in frames:
        bulk_files.copy(path, path)
    bulk_files.flush_all(frames)


def find_due(
    workspace: Workspace, catalog: Catalog, retain_raw_days: int, reading: ClockReading
) -> dict[str, Path]:
    """Return the raw files of searched videos that are past their time, by id of the video."""
    videos = {video.id: workspace.video_file(video) for video in catalog.videos()}
    raw_files = {video_id: path for video_id, path in videos.items() if path.exists()}
    state = retention.advance(workspace.retention_file, raw_files, catalog.newest_time(), reading)
    if not retain_raw_days:
        return {}
    oldest = state.at - timedelta(days=retain_raw_days)
    # The hits are written with the selection.
    return {
        video_id: path
        for video_id, path in raw_files.items()
        if state.births[video_id] < oldest and workspace.hits(video_id).exists()
    }


def videos_needed(catalog: Catalog) -> set[str]:
    """Return the videos that clips are still cut from: selections, and clips to be retried."""
    quarantined = catalog.clips(stage=ClipStage.QUARANTINED)
    uncut = catalog.selections(uncut_only=True)
    return {row.clip.video for row in quarantined} | {clip.video for clip in uncut}

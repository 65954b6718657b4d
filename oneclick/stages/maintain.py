"""Maintain: expired leases, temporary files of killed processes, recordings past their time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from oneclick.catalog import Catalog
from oneclick.core.clips import ClipStage
from oneclick.core.results import BatchResult
from oneclick.storage import files, locks
from oneclick.storage.locks import WriteLock
from oneclick.storage.workspace import Workspace


@dataclass(frozen=True)
class MaintenanceResult:
    """Counts and ids of what was cleaned up."""

    expired: int
    """Leases whose holder is gone."""
    swept: int
    """Half-written leftovers of dead processes."""
    result: BatchResult
    """`done` holds the ids of the videos whose raw file was removed."""


def maintain(home: Path, retain_raw_days: int, at: datetime | None = None) -> MaintenanceResult:
    """Clean the workspace; with 0 days every recording is retained for ever.

    Args:
        home: the workspace folder.
        retain_raw_days: age from which raw files of finished videos are removed.
        at: time to measure the age at, default the present.
    """
    result, workspace = BatchResult(), Workspace(home)
    with locks.hold(workspace, WriteLock.MAINTENANCE), Catalog.open(home) as catalog:
        expired = catalog.expire()
        if retain_raw_days:
            oldest = (at or datetime.now(UTC)) - timedelta(days=retain_raw_days)
            result.done += remove_raw_files(workspace, catalog, oldest)
    return MaintenanceResult(expired, files.sweep(home), result)


def retry(home: Path, clips: Sequence[str] | None = None) -> BatchResult:
    """Return quarantined clips, or all of them, to their stage before; others are skipped."""
    result, workspace = BatchResult(), Workspace(home)
    with Catalog.open(home) as catalog:
        quarantined = {row.clip.id for row in catalog.clips(stage=ClipStage.QUARANTINED)}
        for clip_id in sorted(quarantined) if clips is None else clips:
            if clip_id not in quarantined:
                result.skipped.append(catalog.clip(clip_id).clip.id)
                continue
            # Card first: a rebuild in between must not bring the quarantine back.
            workspace.quarantine_card(clip_id).unlink(missing_ok=True)
            catalog.retry(clip_id, "retry")
            result.done.append(clip_id)
    return result


def remove_raw_files(workspace: Workspace, catalog: Catalog, oldest: datetime) -> list[str]:
    """Remove raw files that are scanned, fully cut and older than `oldest`; return video ids."""
    removed_ids = []
    uncut = {clip.video for clip in catalog.selections(uncut_only=True)}
    for video in catalog.videos():
        raw = workspace.video_file(video)
        # The hits are written with the selection; once its clips are cut, no step reads the file.
        scanned = workspace.hits(video.id).exists()
        if not raw.exists() or video.id in uncut or not scanned:
            continue
        if datetime.fromtimestamp(raw.stat().st_mtime, UTC) < oldest:
            with files.guard(raw):
                raw.unlink()
            removed_ids.append(video.id)
    return removed_ids

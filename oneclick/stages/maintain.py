"""Maintain: expired claims, leftovers of killed processes, recordings past their time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from oneclick.catalog import Catalog
from oneclick.core.clips import ClipStage, Video
from oneclick.core.results import BatchResult
from oneclick.storage import files
from oneclick.storage.workspace import Workspace


@dataclass(frozen=True)
class Outcome:
    """What was cleaned up."""

    expired: int
    """Claims whose holder is gone."""
    swept: int
    """Half-written leftovers of dead processes."""
    result: BatchResult
    """`done` holds the ids of the videos whose raw file was removed."""


def maintain(home: Path, retain_raw_days: int, now: datetime | None = None) -> Outcome:
    """Clean the workspace; with 0 days every recording is kept for ever."""
    result = BatchResult()
    with Catalog.open(home) as catalog:
        expired = catalog.expire()
        if retain_raw_days:
            oldest = (now or datetime.now(UTC)) - timedelta(days=retain_raw_days)
            _retire(Workspace(home), catalog, oldest, result)
    return Outcome(expired, files.sweep(home), result)


def retry(home: Path, clips: Sequence[str] | None = None) -> BatchResult:
    """Put quarantined clips, or all of them, back where they fell; others are skipped."""
    result, workspace = BatchResult(), Workspace(home)
    with Catalog.open(home) as catalog:
        fallen = {row.clip.id for row in catalog.clips(stage=ClipStage.QUARANTINED)}
        for clip in sorted(fallen) if clips is None else clips:
            if clip not in fallen:
                result.skipped.append(catalog.clip(clip).clip.id)
                continue
            # Card first: a rebuild in between must not bring the quarantine back.
            workspace.quarantine_card(clip).unlink(missing_ok=True)
            catalog.retry(clip, "retry")
            result.done.append(clip)
    return result


def _retire(workspace: Workspace, catalog: Catalog, oldest: datetime, result: BatchResult) -> None:
    """Remove raw files that are scanned, fully cut and older than `oldest`."""
    waiting = {chosen.video for chosen in catalog.selections(uncut_only=True)}
    for video in catalog.videos():
        raw = workspace.video_file(video)
        if not raw.exists() or video.id in waiting or not _scanned(workspace, video):
            continue
        if datetime.fromtimestamp(raw.stat().st_mtime, UTC) < oldest:
            with files.guard(raw):
                raw.unlink()
            result.done.append(video.id)


def _scanned(workspace: Workspace, video: Video) -> bool:
    # Written when the selection is made; once its clips are cut, nobody needs the recording.
    return workspace.hits(video.id).exists()

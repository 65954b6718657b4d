"""Clips that leave the way: quarantined, with the reason on disk first, or erased."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from oneclick.catalog import Catalog
from oneclick.catalog.rows import ClipRecord
from oneclick.core import visible
from oneclick.core.clips import MOVES, ClipStage
from oneclick.core.results import BatchResult
from oneclick.storage import cards, failure_log, verdicts
from oneclick.storage.workspace import Workspace


def quarantine_on_failure(
    failed: dict[str, str],
    workspace: Workspace,
    catalog: Catalog,
    clip_id: str,
    step: str,
    by: str,
) -> AbstractContextManager[None]:
    """Isolate a clip as `failure_log.isolate` does; one that fails is QUARANTINED.

    Args:
        failed: gets the one-line reason.
        workspace: that holds the clip.
        catalog: of the workspace.
        clip_id: of the clip, or of the selection that could not be cut.
        step: verb for what is attempted.
        by: name of the stage or person, for the event.
    """
    return failure_log.isolate(
        failed,
        workspace,
        clip_id,
        f"{step} {clip_id}",
        lambda reason: quarantine_clip(workspace, catalog, clip_id, reason, by),
    )


def quarantine_clip(
    workspace: Workspace, catalog: Catalog, clip_id: str, reason: str, by: str
) -> None:
    """Quarantine a Clip, or a selection that could not be cut, with its one-line reason."""
    cards.save_quarantine(workspace, clip_id, reason)
    catalog.quarantine(clip_id, reason, by)


def quarantine(home: Path, clips: Sequence[str], reason: str) -> BatchResult:
    """Quarantine clips by hand; those that are quarantined already are skipped.

    A clip that is published or rejected stands in `failed`.

    Raises:
        UnknownName: no clip has this id; nothing was quarantined.
    """
    workspace, result, text = Workspace(home), BatchResult(), visible.line(" ".join(reason.split()))
    with Catalog.open(home) as catalog:
        stages = {clip_id: catalog.clip(clip_id).stage for clip_id in clips}
        for clip_id, stage in stages.items():
            if stage is ClipStage.QUARANTINED:
                result.skipped.append(clip_id)
            elif ClipStage.QUARANTINED in MOVES[stage]:
                quarantine_clip(workspace, catalog, clip_id, text, "quarantine")
                result.done.append(clip_id)
            else:
                remedy = "no dataset will hold it"
                if stage is ClipStage.PUBLISHED:
                    remedy = f"oneclick data exclude {clip_id} takes it out"
                result.failed[clip_id] = f"{clip_id} is {stage}: {remedy}"
    return result


def reject_erased(
    workspace: Workspace,
    catalog: Catalog,
    row: ClipRecord,
    by: str,
    reason: str = "erased on a review platform",
) -> bool:
    """Reject a clip that was erased before anybody decided; False where its verdict waits."""
    if verdicts.is_decided(workspace, row.clip.id):
        return False
    # Card first: a rebuild in between must not bring a quarantine back.
    workspace.quarantine_card(row.clip.id).unlink(missing_ok=True)
    return catalog.advance(row.clip.id, row.stage, ClipStage.REJECTED, by, reason)

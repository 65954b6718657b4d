"""Quarantine of a Clip: its reason on disk first, then in the catalog."""

from __future__ import annotations

from contextlib import AbstractContextManager

from oneclick.catalog import Catalog
from oneclick.storage import cards, failure_log
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

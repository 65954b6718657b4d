"""Quarantine of a Clip: its reason on disk first, then in the catalog."""

from __future__ import annotations

from oneclick.catalog import Catalog
from oneclick.core import errors
from oneclick.storage import cards
from oneclick.storage.workspace import Workspace


def quarantine_clip(
    workspace: Workspace, catalog: Catalog, clip_id: str, error: Exception, step: str, by: str
) -> str:
    """Quarantine a Clip that could not be processed and return the one-line reason.

    Args:
        workspace: that holds the clip.
        catalog: of the workspace.
        clip_id: of the clip, or of the selection that could not be cut.
        error: what went wrong.
        step: verb for what was attempted, for the reason.
        by: name of the stage or person, for the event.
    """
    reason = errors.reason(error, f"{step} {clip_id}")
    cards.save_quarantine(workspace, clip_id, reason)
    catalog.quarantine(clip_id, reason, by)
    return reason

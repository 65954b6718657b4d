"""Putting a Clip aside: its reason on disk first, then in the catalog."""

from __future__ import annotations

from oneclick.catalog import Catalog
from oneclick.core.errors import reason
from oneclick.storage import cards
from oneclick.storage.workspace import Workspace


def put_aside(
    workspace: Workspace, catalog: Catalog, clip_id: str, error: Exception, step: str, by: str
) -> str:
    """Quarantine a Clip that `step` (a verb) could not do; the one-line reason."""
    why = reason(error, f"{step} {clip_id}")
    cards.save_quarantine(workspace, clip_id, why)
    catalog.quarantine(clip_id, why, by)
    return why

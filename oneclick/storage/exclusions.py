"""Published clips that were taken out: `datasets/excluded/<clip>.json`, one file a clip.

Versions are immutable: the next one leaves an excluded clip out, and a training on an older one
skips it. The file holds the clip's line of the manifest, so that the clip can be included again.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from oneclick.core.datasets import DatasetClip
from oneclick.core.errors import BadInput
from oneclick.storage import inventories, sealed_files
from oneclick.storage.inventories import Inventory
from oneclick.storage.workspace import Workspace


class Exclusion(msgspec.Struct, frozen=True, kw_only=True):
    """Why a clip was excluded, and whether it still is."""

    line: DatasetClip
    """As the newest version that holds the clip has it."""
    reason: str
    at: datetime
    """UTC."""
    included_at: datetime | None = None
    """When the exclusion was taken back, UTC."""


def load(workspace: Workspace, clip_id: str) -> Exclusion | None:
    """Read the file of a clip; None where it was never excluded.

    Raises:
        BadInput: the file is broken or lost.
    """
    path = workspace.exclusion_file(clip_id)
    if not path.exists():
        if path in inventories.lost_files(workspace, Inventory.EXCLUSIONS):
            raise BadInput(f"{path} is missing: restore it, or oneclick data include {clip_id}")
        return None
    exclusion: Exclusion = sealed_files.read(path, Exclusion)
    return exclusion


def save(workspace: Workspace, exclusion: Exclusion) -> None:
    """Write the file of a clip. Raises NoSpace or Unavailable."""
    sealed_files.write(workspace.exclusion_file(exclusion.line.clip), exclusion)


def excluded_clips(workspace: Workspace) -> set[str]:
    """Return the ids of all excluded clips; one whose file is broken or lost is excluded."""
    return {clip_id for clip_id in _clip_ids(workspace) if not _is_included(workspace, clip_id)}


def _clip_ids(workspace: Workspace) -> list[str]:
    paths = Inventory.EXCLUSIONS.files(workspace)
    paths += inventories.lost_files(workspace, Inventory.EXCLUSIONS)
    return sorted(path.stem for path in paths)


def _is_included(workspace: Workspace, clip_id: str) -> bool:
    try:
        exclusion = load(workspace, clip_id)
    except BadInput:
        return False
    return exclusion is None or exclusion.included_at is not None

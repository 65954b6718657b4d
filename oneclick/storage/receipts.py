"""Receipts of erasures on review platforms: one sealed file each, never overwritten."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime

import msgspec

from oneclick.core.errors import BadInput
from oneclick.storage import inventories, reopenings, sealed_files
from oneclick.storage.inventories import Inventory
from oneclick.storage.workspace import Workspace

_TIME = "%Y%m%dT%H%M%S%fZ"


class ErasureReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """What a platform deleted of a clip."""

    clip: str
    platform: str
    at: datetime
    """UTC."""
    by: str
    held: tuple[str, ...]
    """What the platform had, and deleted."""
    checked: tuple[str, ...]
    """How it was verified that nothing is left."""
    everywhere: bool = False
    """Here and on the training server too: what is left of the clip is its card."""


def save(workspace: Workspace, receipt: ErasureReceipt) -> None:
    """Write a receipt.

    Raises:
        NoSpace, Unavailable: the disk refuses.
    """
    name = f"{receipt.clip}-{receipt.at:{_TIME}}.json"
    sealed_files.write(workspace.receipts_dir() / name, receipt)


def erased_clips(workspace: Workspace) -> set[str]:
    """Return the clips that were erased in their current round of review, or before the first.

    Where nobody decided on one before it was erased, it is rejected by that, and is never sent
    again. A receipt that is broken or lost counts: its name says all that is needed.
    """
    erasures: dict[str, datetime] = {}
    paths = Inventory.RECEIPTS.files(workspace)
    for path in (*paths, *inventories.lost_files(workspace, Inventory.RECEIPTS)):
        clip_id, _, text = path.stem.rpartition("-")
        try:
            at = datetime.strptime(text, _TIME).replace(tzinfo=UTC)
        except ValueError:
            continue  # no receipt of ours
        erasures[clip_id] = max(erasures.get(clip_id, at), at)
    return {clip_id for clip_id, at in erasures.items() if _is_current(workspace, clip_id, at)}


def clips_erased_everywhere(workspace: Workspace) -> set[str]:
    """Return the clips of which nothing is left but the card; broken receipts tell nothing."""
    clip_ids = set[str]()
    for path in Inventory.RECEIPTS.files(workspace):
        with contextlib.suppress(BadInput):
            receipt: ErasureReceipt = sealed_files.read(path, ErasureReceipt)
            if receipt.everywhere:
                clip_ids.add(receipt.clip)
    return clip_ids


def _is_current(workspace: Workspace, clip_id: str, at: datetime) -> bool:
    """Check whether the current round of review of a clip began before a time."""
    try:
        reopening = reopenings.find(workspace.review_dir(), clip_id)
    except BadInput:
        return True
    return reopening is None or reopening.at < at

"""Receipts of erasures on review platforms: one sealed file each, never overwritten."""

from __future__ import annotations

from datetime import datetime

import msgspec

from oneclick.storage import sealed_files
from oneclick.storage.workspace import Workspace


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


def save(workspace: Workspace, receipt: ErasureReceipt) -> None:
    """Write a receipt.

    Raises:
        NoSpace, Unavailable: the disk refuses.
    """
    name = f"{receipt.clip}-{receipt.at:%Y%m%dT%H%M%S%f}Z.json"
    sealed_files.write(workspace.receipts_dir() / name, receipt)

"""Exclude: published clips are taken out of the next dataset version and of every training."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from oneclick.core.errors import BadInput, UnknownName
from oneclick.core.results import BatchResult
from oneclick.storage import datasets, exclusions, inventories, locks
from oneclick.storage.exclusions import Exclusion
from oneclick.storage.inventories import Inventory
from oneclick.storage.locks import WriteLock
from oneclick.storage.workspace import Workspace


def exclude(home: Path, clips: Sequence[str], reason: str) -> BatchResult:
    """Exclude published clips; those that are excluded already are skipped.

    A clip that is in no dataset version stands in `failed`.
    """
    workspace, result = Workspace(home), BatchResult()
    with locks.hold(workspace, WriteLock.PUBLISH):
        excluded, lines = (
            exclusions.excluded_clips(workspace),
            datasets.find_lines(workspace, clips),
        )
        for clip_id in dict.fromkeys(clips):
            if clip_id in excluded:
                result.skipped.append(clip_id)
            elif line := lines.get(clip_id):
                exclusion = Exclusion(line=line, reason=reason, at=datetime.now(UTC))
                exclusions.save(workspace, exclusion)
                result.done.append(clip_id)
            else:
                result.failed[clip_id] = (
                    f"{clip_id} is in no dataset version: oneclick clips quarantine takes out what "
                    "was not published"
                )
        inventories.update(workspace, Inventory.EXCLUSIONS)
    return result


def include(home: Path, clips: Sequence[str]) -> BatchResult:
    """Take exclusions back: the next version holds these clips again; others are skipped.

    Raises:
        UnknownName: a clip was never excluded.
    """
    workspace, result = Workspace(home), BatchResult()
    with locks.hold(workspace, WriteLock.PUBLISH):
        for clip_id in dict.fromkeys(clips):
            exclusion = _load(workspace, clip_id)
            if exclusion.included_at is not None:
                result.skipped.append(clip_id)
                continue
            included = msgspec.structs.replace(exclusion, included_at=datetime.now(UTC))
            exclusions.save(workspace, included)
            result.done.append(clip_id)
        inventories.update(workspace, Inventory.EXCLUSIONS)
    return result


def _load(workspace: Workspace, clip_id: str) -> Exclusion:
    """Read an exclusion; where its file is broken, write it again from the newest version."""
    try:
        exclusion = exclusions.load(workspace, clip_id)
    except BadInput:
        line = datasets.find_lines(workspace, [clip_id]).get(clip_id)
        if line is None:
            raise
        exclusion = Exclusion(line=line, reason="", at=datetime.now(UTC))
    if exclusion is None:
        names = sorted(exclusions.excluded_clips(workspace))
        raise UnknownName("excluded clip", clip_id, names)
    return exclusion

"""Reopen: a clip that was accepted or published goes back into review with its newest labels."""

from __future__ import annotations

from pathlib import Path

from oneclick.catalog import Catalog, utc_now
from oneclick.catalog.clips import REASON_SEPARATOR
from oneclick.core import visible
from oneclick.core.clips import ClipStage
from oneclick.core.errors import BadInput, IllegalMove, UsageError
from oneclick.platforms.local import LocalPlatform
from oneclick.stages import rank_review
from oneclick.storage import labels, locks
from oneclick.storage.locks import WriteLock
from oneclick.storage.reopenings import Reopening
from oneclick.storage.workspace import Workspace

OPENABLE = (ClipStage.ACCEPTED, ClipStage.PUBLISHED)


def reopen(home: Path, clip_id: str, by: str, reason: str) -> Reopening:
    """Begin another round of review of a clip, in our own queue.

    Published versions stay as they are; the next one takes the correction. A clip that is rejected
    then is in no further version. Done twice, or killed and done again, it begins one round.

    Args:
        home: the workspace folder.
        clip_id: the clip.
        by: who wants it.
        reason: why.

    Raises:
        UnknownName: there is no such clip.
        IllegalMove: it was not accepted.
        UsageError: no reason is given.
    """
    text = visible.line(" ".join(reason.split()))
    if not text:
        raise UsageError("say why the clip is reopened: --reason")
    workspace = Workspace(home)
    queue = LocalPlatform(workspace.review_dir())
    with locks.hold(workspace, WriteLock.REVIEW), Catalog.open(home) as catalog:
        row = catalog.clip(clip_id)
        is_open = row.stage is ClipStage.IN_REVIEW and queue.is_reopened(clip_id)
        if row.stage not in OPENABLE and not is_open:
            raise IllegalMove(
                f"clip {clip_id} stands at {row.stage}: only clips that were accepted or published "
                "can be reopened"
            )
        label_set = labels.latest(workspace, clip_id)
        if label_set is None:
            raise BadInput(f"clip {clip_id} has no labels: restore them from a backup")
        reopening = queue.reopen(label_set, by, utc_now(), text)
        if not is_open:
            detail = f"{queue.name}{REASON_SEPARATOR}{reopening.reason}"
            catalog.move(clip_id, row.stage, ClipStage.IN_REVIEW, visible.line(by), detail)
        catalog.sync()
        if not is_open:
            catalog.dequeue([clip_id])  # and with it a lease of the round before
        rank_review.rank(workspace, catalog, [clip_id])
    return reopening

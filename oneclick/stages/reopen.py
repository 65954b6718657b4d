"""Reopen: a clip that was accepted or published goes back into review with its newest labels.

A correction on another platform, made there after its verdict was collected, begins such a round
too, and decides it at once.
"""

from __future__ import annotations

from pathlib import Path

from oneclick.catalog import Catalog, utc_now
from oneclick.catalog.clips import REASON_SEPARATOR
from oneclick.core import visible
from oneclick.core.clips import ClipStage
from oneclick.core.errors import BadInput, IllegalMove, UsageError
from oneclick.core.review import Verdict
from oneclick.platforms.local import LocalPlatform
from oneclick.stages import rank_review
from oneclick.storage import labels, locks, reopenings, verdicts
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
        is_decided = verdicts.is_decided(workspace, clip_id)
        is_reopened = row.stage is ClipStage.IN_REVIEW and queue.is_reopened(clip_id)
        is_open = is_reopened and not is_decided
        if row.stage not in OPENABLE and not is_open:
            raise IllegalMove(
                f"clip {clip_id} stands at {row.stage}: only clips that were accepted or published "
                "can be reopened"
            )
        if is_decided:
            raise IllegalMove(
                f"clip {clip_id} was just decided: oneclick review collect, then again"
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


def begin_correction(
    workspace: Workspace, catalog: Catalog, verdict: Verdict, platform: str
) -> None:
    """Begin the round of review that a correction decides; killed and done again, it begins one.

    Nothing happens where the clip cannot be reopened, or got newer labels than the correction:
    those win. Call it while holding the lock of reviews.

    Args:
        workspace: the workspace.
        catalog: open for writing.
        verdict: the correction.
        platform: name of the platform on which it was made.

    Raises:
        BadInput: the clip is being reviewed again here.
    """
    root, clip_id = workspace.review_dir(), verdict.clip
    row, reopening = catalog.clip(clip_id), reopenings.find(root, clip_id)
    if reopening is None or (reopening.by, reopening.at) != (verdict.by, verdict.at):
        if row.stage is ClipStage.IN_REVIEW:
            raise BadInput(
                f"clip {clip_id} is reviewed again here: the correction of {verdict.by} is kept "
                "until that is decided"
            )
        label_set = labels.latest(workspace, clip_id)
        if row.stage not in OPENABLE or label_set is None or label_set.made_at >= verdict.at:
            return
        if not reopenings.begin(
            root,
            clip_id,
            label_set.revision,
            by=verdict.by,
            at=verdict.at,
            reason=verdict.reason,
        ):
            begin_correction(workspace, catalog, verdict, platform)
            return
    if row.stage in OPENABLE:
        detail = f"{platform}{REASON_SEPARATOR}{verdict.reason}"
        catalog.move(clip_id, row.stage, ClipStage.IN_REVIEW, verdict.by, detail)

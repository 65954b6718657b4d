"""Erase: what a review platform holds of clips is deleted, with a receipt for each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from oneclick.catalog import Catalog, utc_now
from oneclick.catalog.rows import ClipRecord
from oneclick.core import progress
from oneclick.core.clips import ClipStage
from oneclick.core.errors import BadInput, PlatformAway
from oneclick.core.plugins import PluginFailure
from oneclick.core.results import BatchResult
from oneclick.platforms.base import Platform, PlatformOptions
from oneclick.platforms.local import LocalPlatform
from oneclick.platforms.registry import open_platform
from oneclick.stages.quarantine import reject_erased
from oneclick.stages.review import LOCAL, ReviewContext
from oneclick.storage import failure_log, inventories, locks, receipts
from oneclick.storage.inventories import Inventory
from oneclick.storage.locks import WriteLock
from oneclick.storage.receipts import ErasureReceipt
from oneclick.storage.second_looks import SecondLooks
from oneclick.storage.workspace import Workspace

BEFORE_DECISION = (
    ClipStage.CUT,
    ClipStage.EXTRACTED,
    ClipStage.LABELLED,
    ClipStage.IN_REVIEW,
)


def erase(home: Path, clips: Sequence[str], choice: PlatformOptions, by: str) -> BatchResult:
    """Delete what the platform holds of clips, and write a receipt for each.

    A clip that nobody decided on is rejected by that, wherever it stands, and is never sent again;
    one whose verdict was fetched already and only waits to be imported is not. One that another
    process works on stands in `failed`.
    """
    workspace, result = Workspace(home), BatchResult()
    with locks.hold(workspace, WriteLock.REVIEW), Catalog.open(home) as catalog:
        context = ReviewContext(workspace, catalog, result)
        catalog.expire()
        clip_ids = list(dict.fromkeys(clips))
        try:
            platform = open_platform(choice, workspace)
            decided = {verdict.clip for verdict in platform.collect()}
        except PluginFailure as failure:
            context.report_outage(choice.name, failure)
            return result
        for clip_id in progress.track("erase", clip_ids, len(clip_ids)):
            try:
                with failure_log.isolate(result.failed, workspace, clip_id, f"erase {clip_id}"):
                    _erase_clip(context, platform, clip_id, by, is_decided=clip_id in decided)
            except PlatformAway as error:
                result.failed[platform.name] = str(error)
                break
        inventories.update(workspace, Inventory.RECEIPTS)
    return result


def _erase_clip(
    context: ReviewContext, platform: Platform, clip_id: str, by: str, is_decided: bool
) -> None:
    """Erase one clip, write its receipt, and see that it is not sent again."""
    row = context.catalog.clip(clip_id)
    is_undecided = is_before_decision(row) and not is_decided
    if is_undecided and row.lease_owner:
        raise BadInput(f"clip {clip_id} is being worked on: erase it again in a while")
    report = platform.erase(clip_id)
    held, checked = report.deleted, report.checked
    if platform.name == LOCAL.name:
        second_report = LocalPlatform(SecondLooks(context.workspace).queue_dir).erase(clip_id)
        held, checked = held + second_report.deleted, checked + second_report.checked
    receipt = ErasureReceipt(
        clip=clip_id, platform=platform.name, at=utc_now(), by=by, held=held, checked=checked
    )
    receipts.save(context.workspace, receipt)
    if is_undecided:
        reason = f"erased on {platform.name} by {by}"
        reject_erased(context.workspace, context.catalog, row, by, reason)
    context.result.done.append(clip_id)


def is_before_decision(row: ClipRecord) -> bool:
    """Check whether a clip stands, or stood before it was quarantined, before its decision."""
    stage = row.failed_from if row.stage is ClipStage.QUARANTINED else row.stage
    return stage in BEFORE_DECISION

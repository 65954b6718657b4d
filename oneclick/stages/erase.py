"""Erase: what a review platform holds of clips is deleted, with a receipt for each."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Sequence
from pathlib import Path

from oneclick.catalog import Catalog, utc_now
from oneclick.catalog.rows import ClipRecord
from oneclick.core import progress
from oneclick.core.clips import ClipStage
from oneclick.core.errors import BadInput, PlatformAway, Unavailable
from oneclick.core.plugins import PluginFailure
from oneclick.core.results import BatchResult
from oneclick.platforms.base import Platform, PlatformOptions
from oneclick.platforms.local import LocalPlatform
from oneclick.platforms.registry import open_platform
from oneclick.services.training_server import RemoteFolder, server_url
from oneclick.stages.quarantine import reject_erased
from oneclick.stages.review import LOCAL, ReviewContext
from oneclick.storage import failure_log, files, inventories, locks, receipts
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


def erase(
    home: Path,
    clips: Sequence[str],
    choice: PlatformOptions,
    by: str,
    everywhere: bool = False,
    server: str = "",
) -> BatchResult:
    """Delete what the platform holds of clips, and write a receipt for each.

    A clip that nobody decided on is rejected by that, wherever it stands, and is never sent again;
    one whose verdict was fetched already and only waits to be imported is not. One that another
    process works on stands in `failed`.

    Args:
        home: the workspace folder.
        clips: ids.
        choice: the review platform.
        by: who erases.
        everywhere: delete video, pictures and labels here and on the training server too; the clip
            is rejected, whatever was decided, and its card is all that is left.
        server: the training server, as in the settings.
    """
    workspace, result = Workspace(home), BatchResult()
    remote = RemoteFolder(server_url(home, server)) if everywhere else None
    with contextlib.ExitStack() as stack:
        if everywhere:  # a publication would upload it again
            stack.enter_context(locks.hold(workspace, WriteLock.PUBLISH))
        stack.enter_context(locks.hold(workspace, WriteLock.REVIEW))
        catalog = stack.enter_context(Catalog.open(home))
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
                    _erase_clip(context, platform, clip_id, by, clip_id in decided, remote)
            except PlatformAway as error:
                result.failed[platform.name] = str(error)
                break
        inventories.update(workspace, Inventory.RECEIPTS)
    return result


def _erase_clip(
    context: ReviewContext,
    platform: Platform,
    clip_id: str,
    by: str,
    is_decided: bool,
    remote: RemoteFolder | None,
) -> None:
    """Erase one clip, write its receipt, and see that it is not sent again."""
    row = context.catalog.clip(clip_id)
    is_undecided = is_before_decision(row) and not is_decided
    if (is_undecided or remote) and row.lease_owner:
        raise BadInput(f"clip {clip_id} is being worked on: erase it again in a while")
    if remote and is_decided:
        raise BadInput(f"clip {clip_id} has a new verdict: oneclick review collect, then again")
    if remote and not context.workspace.clip_card(clip_id).exists():
        raise BadInput(f"clip {clip_id} was never cut: there is nothing of it to erase")
    platforms = [platform]
    if remote and platform.name != LOCAL.name:
        platforms.append(LocalPlatform(context.workspace.review_dir()))
    if remote or platform.name == LOCAL.name:
        platforms.append(LocalPlatform(SecondLooks(context.workspace).queue_dir))
    reports = [each.erase(clip_id) for each in platforms]
    held = tuple(item for report in reports for item in report.deleted)
    checked = tuple(item for report in reports for item in report.checked)
    if remote:
        deleted = [*_empty_server(remote, clip_id), *_empty_folder(context.workspace, clip_id)]
        held, checked = (*held, *deleted), (*checked, "the folders hold nothing but the card")
    receipt = ErasureReceipt(
        clip=clip_id,
        platform=platform.name,
        at=utc_now(),
        by=by,
        held=held,
        checked=checked,
        everywhere=remote is not None,
    )
    receipts.save(context.workspace, receipt)
    where = "everywhere" if remote else f"on {platform.name}"
    reason = f"erased {where} by {by}"
    if remote and row.stage is not ClipStage.REJECTED:
        context.catalog.advance(clip_id, row.stage, ClipStage.REJECTED, by, reason)
    elif is_undecided:
        reject_erased(context.workspace, context.catalog, row, by, reason)
    context.result.done.append(clip_id)


def is_before_decision(row: ClipRecord) -> bool:
    """Check whether a clip stands, or stood before it was quarantined, before its decision."""
    stage = row.failed_from if row.stage is ClipStage.QUARANTINED else row.stage
    return stage in BEFORE_DECISION


def _empty_server(remote: RemoteFolder, clip_id: str) -> list[str]:
    """Delete what the training server holds of a clip; return what that was.

    Raises:
        Unavailable: something is left.
    """
    folder = f"clips/{clip_id}"
    names = remote.names(folder)
    remote.remove(f"{folder}/complete.json")  # first: half a clip must not count as a whole one
    remote.remove_folder(folder)
    if remote.names(folder):
        raise Unavailable(f"{remote.address} still has {folder}: erase the clip again")
    return [f"{folder}/{name} on the training server" for name in names]


def _empty_folder(workspace: Workspace, clip_id: str) -> list[str]:
    """Delete the files of a clip in the workspace but its card; return what that was."""
    folder, card = workspace.clip_dir(clip_id), workspace.clip_card(clip_id)
    paths = sorted(path for path in folder.glob("*") if path != card)
    with files.guard(folder):
        for path in paths:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
    return [str(path.relative_to(workspace.home)) for path in paths]

"""Accept import: labels that came in count as accepted, though nobody here looked at them."""

from __future__ import annotations

from datetime import UTC, datetime

from oneclick.catalog import Catalog
from oneclick.core import results
from oneclick.core.clips import ClipStage
from oneclick.core.errors import BadInput
from oneclick.core.results import BatchResult
from oneclick.core.review import POLICY_PREFIX, Verdict
from oneclick.platforms.local import LocalPlatform
from oneclick.platforms.local.leases import LeaseConflict, Leases
from oneclick.storage import failure_log, labels, locks, reopenings
from oneclick.storage.locks import WriteLock
from oneclick.storage.workspace import Workspace

BY = "import"
IMPORT_POLICY = f"{POLICY_PREFIX}accept-import"
"""Reviewer of imported labels that nobody here looked at."""
_LEASE_SECONDS = 60.0
_OPEN = (ClipStage.LABELLED, ClipStage.IN_REVIEW)


def accept_clips(workspace: Workspace, catalog: Catalog, result: BatchResult) -> None:
    """Accept the imported clips through our own queue, but for those that people work on.

    A clip that was reopened, is corrected or open on somebody's page stays in review, with a note;
    a person's verdict stays.

    Alone, as everybody who collects verdicts: another import of the same clips, or `collect`, would
    take a verdict in between the look at a clip and its acceptance.
    """
    queue = LocalPlatform(workspace.review_dir())
    clip_ids = dict.fromkeys([*result.done, *result.skipped])
    reasons: dict[str, str] = {}
    with locks.hold(workspace, WriteLock.REVIEW):
        for clip_id in clip_ids:
            with failure_log.isolate(result.failed, workspace, clip_id, f"accept {clip_id}"):
                if catalog.clip(clip_id).stage not in _OPEN:
                    continue
                if reason := submit_acceptance(workspace, catalog, queue, clip_id):
                    reasons[clip_id] = f"clip {clip_id} {reason}: it stays in review"
        for verdict in queue.collect():
            if verdict.by == IMPORT_POLICY and verdict.clip in clip_ids:
                row = catalog.clip(verdict.clip)
                catalog.add_verdict(verdict, len(row.clip.span))
                catalog.move(verdict.clip, ClipStage.IN_REVIEW, ClipStage.ACCEPTED, IMPORT_POLICY)
                catalog.dequeue([verdict.clip])
                catalog.sync()
                queue.acknowledge(verdict)
    result.notes += results.by_kind(reasons).values()


def submit_acceptance(
    workspace: Workspace, catalog: Catalog, queue: LocalPlatform, clip_id: str
) -> str:
    """Send a clip to the queue unless it is there, and submit a verdict unless there is one.

    Returns:
        Why nothing may be decided over the heads of people; else empty.

    Raises:
        BadInput: the labels are missing or broken.
    """
    row = catalog.clip(clip_id)
    if reopenings.current_round(workspace.review_dir(), clip_id) > 1:
        return "was reopened"
    if row.stage is ClipStage.LABELLED:
        label_set = labels.latest(workspace, clip_id)
        if label_set is None:
            raise BadInput(f"clip {clip_id} has no labels: restore them from a backup")
        for send_result in queue.send([(row.clip, label_set)]):
            if send_result.error:
                raise send_result.error
        catalog.move(clip_id, ClipStage.LABELLED, ClipStage.IN_REVIEW, BY, queue.name)
    if queue.is_decided(clip_id):  # by a killed import, or by somebody: `collect` takes that in
        return ""
    if not queue.is_open(clip_id):
        return "is reviewed elsewhere"
    # Under a lease nobody begins to correct the clip between the look at it and the verdict.
    leases = Leases(catalog, queue, seconds=_LEASE_SECONDS)
    try:
        lease = leases.take(clip_id, IMPORT_POLICY)
    except LeaseConflict:
        return "is being reviewed"
    if queue.is_edited(clip_id):
        leases.release(clip_id, lease.holder, lease.fence)
        return "is being corrected"
    queue.submit(Verdict(clip=clip_id, decision="accept", by=IMPORT_POLICY, at=datetime.now(UTC)))
    return ""

"""Review: labels go to the reviewers' platform, verdicts come back as label revisions."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from oneclick.catalog import Catalog, owner_id, utc_now
from oneclick.catalog.reconcile import reconcile
from oneclick.core import progress
from oneclick.core.clips import ClipStage
from oneclick.core.errors import BadInput, OneclickError, PlatformAway
from oneclick.core.labels import LabelSet, LabelTrack
from oneclick.core.plugins import PluginFailure
from oneclick.core.results import BatchResult
from oneclick.core.review import POLICY_PREFIX, Decision, Verdict
from oneclick.feedback import unlabelled
from oneclick.platforms.base import Offer, Platform, PlatformOptions, SendResult
from oneclick.platforms.local import LocalPlatform
from oneclick.platforms.local.options import of_section
from oneclick.platforms.registry import open_platform
from oneclick.stages import rank_review, reopen
from oneclick.stages import second_looks as second_look
from oneclick.stages.quarantine import quarantine_clip, quarantine_on_failure, reject_erased
from oneclick.storage import (
    failure_log,
    files,
    labels,
    locks,
    receipts,
    reopenings,
    sealed_files,
    verdicts,
)
from oneclick.storage.locks import WriteLock
from oneclick.storage.workspace import Workspace

BY = "review"
AUTO_ACCEPT_POLICY = f"{POLICY_PREFIX}accept-auto"
"""Reviewer of automatic labels that nobody looked at."""
LOCAL = PlatformOptions()
NO_LIMIT = 1_000_000
DECIDED = (ClipStage.ACCEPTED, ClipStage.REJECTED, ClipStage.PUBLISHED)
STAGE_AFTER = {"accept": ClipStage.ACCEPTED, "reject": ClipStage.REJECTED}


class LateVerdict(OneclickError):
    """A verdict on a clip that was decided before."""


@dataclass(frozen=True)
class ReviewContext:
    """The workspace, its catalog, and the result of the batch so far."""

    workspace: Workspace
    catalog: Catalog
    result: BatchResult
    second_looks: float = 0.0
    """Share of the clips accepted in our own queue that somebody else reviews again."""

    def quarantine(self, clip_id: str, error: Exception) -> None:
        """Quarantine a Clip that cannot be sent, with the reason."""
        reason = failure_log.record(self.workspace, clip_id, f"send {clip_id}", error)
        quarantine_clip(self.workspace, self.catalog, clip_id, reason, BY)
        self.result.failed[clip_id] = reason

    def report_outage(self, platform: str, error: PlatformAway | PluginFailure) -> None:
        """Record why a platform failed, in the result and in a file that status reports read."""
        text = str(error)
        if isinstance(error, PluginFailure):
            text = failure_log.record(self.workspace, f"platform-{platform}", "review", error)
        self.result.failed[platform] = text
        outage = {"platform": platform, "at": utc_now(), "text": text}
        sealed_files.write(self.workspace.review_trouble, outage)


def setup(home: Path, choice: PlatformOptions) -> list[str]:
    """Create on the platform what clips need there; return a line for each thing."""
    return open_platform(choice, Workspace(home)).setup()


def send(
    home: Path, clips: Sequence[str], choice: PlatformOptions = LOCAL, again: bool = False
) -> BatchResult:
    """Send LABELLED clips to the reviewers; others, and those that were erased, are skipped.

    A clip without readable labels is QUARANTINED. Where the platform is away, or is a plug-in that
    fails, its clips stay where they are. Into our own queue clips are sent while nobody collects.

    Args:
        home: the workspace folder.
        clips: ids.
        choice: the review platform.
        again: clips IN_REVIEW too, which may have been lost there; work that was done there stays.
    """
    with Catalog.open(home) as catalog:
        context = ReviewContext(Workspace(home), catalog, BatchResult())
        stages = (ClipStage.LABELLED, ClipStage.IN_REVIEW) if again else (ClipStage.LABELLED,)
        try:
            platform = open_platform(choice, context.workspace)
            with contextlib.ExitStack() as stack:
                if platform.name == LOCAL.name:
                    # A task written while its verdict is taken in would stay for ever.
                    stack.enter_context(locks.hold(context.workspace, WriteLock.REVIEW))
                for send_result in platform.send(_offers(context, clips, stages)):
                    _record_sent(context, send_result, platform)
            if platform.name == LOCAL.name:
                rank_review.rank(context.workspace, catalog, context.result.done, choice.places)
        except (PlatformAway, PluginFailure) as error:
            context.report_outage(choice.name, error)
        else:
            if context.result.done:
                context.workspace.review_trouble.unlink(missing_ok=True)
    return context.result


def send_all(home: Path, choice: PlatformOptions, lease_seconds: float) -> BatchResult:
    """Send every LABELLED clip that no other process is sending, under a lease.

    Two uploads of one clip would leave it on the platform twice.
    """
    owner = owner_id()
    with Catalog.open(home) as catalog:
        try:
            clips = catalog.claim(ClipStage.LABELLED, owner, NO_LIMIT, lease_seconds)
            return send(home, clips, choice)
        finally:
            catalog.release(owner)


def _offers(
    context: ReviewContext, clips: Sequence[str], stages: Sequence[ClipStage]
) -> Iterator[Offer]:
    """Yield the clips at one of `stages` with their labels; those erased are rejected instead."""
    result, erased = context.result, receipts.erased_clips(context.workspace)
    for clip_id in progress.track("send to review", clips, len(clips)):
        offer: Offer | None = None
        workspace, catalog = context.workspace, context.catalog
        with quarantine_on_failure(result.failed, workspace, catalog, clip_id, "send", BY):
            row = catalog.clip(clip_id)
            if row.stage in stages and clip_id not in erased:
                offer = row.clip, load_labels(workspace, clip_id)
            else:
                if row.stage in stages:
                    reject_erased(workspace, catalog, row, BY)
                result.skipped.append(clip_id)
        if offer:
            yield offer


def _record_sent(context: ReviewContext, send_result: SendResult, platform: Platform) -> None:
    """Move a clip that was sent to IN_REVIEW, or record why it was not sent."""
    clip_id, error = send_result.clip, send_result.error
    catalog, result = context.catalog, context.result
    if isinstance(error, BadInput):
        context.quarantine(clip_id, error)
    elif error is not None:
        result.failed[clip_id] = str(error)
    else:
        if catalog.clip(clip_id).stage is ClipStage.LABELLED:
            catalog.move(clip_id, ClipStage.LABELLED, ClipStage.IN_REVIEW, BY, platform.name)
        result.done.append(clip_id)


def give_verdict(
    home: Path, clips: Sequence[str], decision: Decision, by: str, reason: str = ""
) -> BatchResult:
    """Submit the same verdict for clips of our own queue; one that has a verdict is skipped."""
    workspace, result = Workspace(home), BatchResult()
    queue = LocalPlatform(workspace.review_dir())
    for clip_id in clips:
        with failure_log.isolate(result.failed, workspace, clip_id, f"{decision} {clip_id}"):
            verdict = Verdict(clip=clip_id, decision=decision, by=by, at=utc_now(), reason=reason)
            with queue.locked(clip_id):
                if decision == "accept" and queue.is_open(clip_id) and queue.is_edited(clip_id):
                    raise BadInput(
                        f"clip {clip_id} is being corrected: accept it on the review pages"
                    )
                is_new = queue.submit(verdict)
            (result.done if is_new else result.skipped).append(clip_id)
    return result


def pending_clips(home: Path) -> list[str]:
    """Return the clips that wait for a verdict in our own queue."""
    return LocalPlatform(Workspace(home).review_dir()).pending()


def accept_auto(home: Path, clips: Sequence[str]) -> BatchResult:
    """Accept automatic labels unseen; recorded as that, never as a person's work.

    Where something says that somebody is there and no label is, a revision leaves the region out of
    training: what nobody looked at must not teach that a person is background. Labels that a person
    corrected, and that are reviewed again, stay as they are.
    """
    workspace, result = Workspace(home), BatchResult()
    queue, ready = LocalPlatform(workspace.review_dir()), []
    pending = set(queue.pending())
    with Catalog.open(home) as catalog:
        for clip_id in progress.track("look for people without labels", clips, len(clips)):
            if clip_id not in pending:
                result.skipped.append(clip_id)
                continue
            with failure_log.isolate(result.failed, workspace, clip_id, f"accept {clip_id}"):
                if not (queue.is_open(clip_id) and queue.is_edited(clip_id)):
                    _leave_out_unlabelled(workspace, catalog, clip_id)
                ready.append(clip_id)
    return result.add(give_verdict(home, ready, "accept", AUTO_ACCEPT_POLICY))


def _leave_out_unlabelled(workspace: Workspace, catalog: Catalog, clip_id: str) -> None:
    """Save the revision of a clip's labels that leaves out where somebody may be unlabelled.

    A killed process may have saved it before.
    """
    before = load_labels(workspace, clip_id)
    regions: tuple[LabelTrack, ...] = ()
    if before.kind == "auto" and before.made_by != AUTO_ACCEPT_POLICY:
        regions = unlabelled.find_regions(workspace, catalog.clip(clip_id).clip, before)
    with locks.hold(workspace, WriteLock.REVIEW):
        label_set = load_labels(workspace, clip_id)
        if regions and label_set.revision == before.revision:
            label_set = unlabelled.leave_out(label_set, regions, AUTO_ACCEPT_POLICY)
            labels.save(workspace, label_set)
        path = labels.revision_path(workspace, label_set)
        catalog.add_revision(label_set, files.sha256(path))


def collect(home: Path, choice: PlatformOptions = LOCAL, thorough: bool = True) -> BatchResult:
    """Import every verdict: labels first, then the record, the move, and the acknowledgement.

    Two processes take turns behind a lock: neither imports a verdict that the other has.

    Verdicts in our own queue are always imported, too. Where the platform is away, or is a plug-in
    that fails, those that were fetched before are.

    Args:
        home: the workspace folder.
        choice: the review platform.
        thorough: ask the platform about each clip, and not only about those that changed.
    """
    workspace, result = Workspace(home), BatchResult()
    queue = LocalPlatform(workspace.review_dir())
    sources: list[Platform] = [] if choice.name == queue.name else [queue]
    with locks.hold(workspace, WriteLock.REVIEW), Catalog.open(home) as catalog:
        reconcile(catalog)
        context = ReviewContext(workspace, catalog, result, of_section(choice.section).second_looks)
        in_review = [row.clip.id for row in catalog.clips(stage=ClipStage.IN_REVIEW)]
        clip_ids = [clip_id for clip_id in in_review if not queue.has(clip_id)]
        try:
            platform = open_platform(choice, workspace)
            sources.insert(0, platform)
            platform.fetch(clip_ids, thorough)
        except (PlatformAway, PluginFailure) as error:
            context.report_outage(choice.name, error)
        else:
            if clip_ids or verdicts.has_archive(workspace, choice.name):
                workspace.review_trouble.unlink(missing_ok=True)
        for source in sources:
            try:
                _import_verdicts(context, source)
            except (PlatformAway, PluginFailure) as error:
                context.report_outage(source.name, error)
        _send_lost_tasks(context, queue)
        result.failed |= second_look.take_in(workspace, catalog)
    return result


def _send_lost_tasks(context: ReviewContext, queue: LocalPlatform) -> None:
    """Send clips again that wait in our own queue, but whose task is lost."""
    platforms = context.catalog.platforms_in_review()
    sent = [clip_id for clip_id, platform in platforms.items() if platform in ("", queue.name)]
    lost = [clip_id for clip_id in sent if not verdicts.is_waiting(context.workspace, clip_id)]
    for send_result in queue.send(_offers(context, lost, (ClipStage.IN_REVIEW,))):
        if send_result.error is not None:
            context.result.failed[send_result.clip] = str(send_result.error)


def collect_own(home: Path, second_looks: float = 0.0) -> BatchResult:
    """Import the verdicts in our own queue alone, as soon as they are given.

    Args:
        home: the workspace folder.
        second_looks: share of the accepted clips that somebody else reviews again.
    """
    workspace, result = Workspace(home), BatchResult()
    with locks.hold(workspace, WriteLock.REVIEW), Catalog.open(home) as catalog:
        context = ReviewContext(workspace, catalog, result, second_looks)
        _import_verdicts(context, LocalPlatform(workspace.review_dir()))
        result.failed |= second_look.take_in(workspace, catalog)
    return result


def _import_verdicts(context: ReviewContext, platform: Platform) -> None:
    """Import and acknowledge all verdicts that were fetched from a platform."""
    catalog, result, fetched = context.catalog, context.result, list(platform.collect())
    for verdict in progress.track("take in verdicts", fetched, len(fetched)):
        clip_id = verdict.clip
        with failure_log.isolate(
            result.failed, context.workspace, clip_id, f"take in the verdict on {clip_id}"
        ):
            try:
                is_known = catalog.has_verdict(clip_id, verdict.by, verdict.at)
                if verdict.is_correction and not is_known:
                    reopen.begin_correction(context.workspace, catalog, verdict, platform.name)
                is_new = import_verdict(context.workspace, catalog, verdict)
            except LateVerdict as error:
                result.failed[clip_id] = str(error)
            else:
                (result.done if is_new else result.skipped).append(clip_id)
            # What the platform forgets now must survive a power cut.
            catalog.dequeue([clip_id])
            if clip_id in result.done and platform.name == LOCAL.name:
                share = context.second_looks
                second_look.offer(context.workspace, catalog, verdict, share)
            catalog.sync()
            platform.acknowledge(verdict)
    result.failed |= platform.unreadable()


def import_verdict(workspace: Workspace, catalog: Catalog, verdict: Verdict) -> bool:
    """Save a verdict's labels, record it and move its clip; False if that was done before.

    Raises:
        LateVerdict: the clip was decided before; the verdict is in a file of its own.
        BadInput: if the clip is not in review; the verdict stays where it is.
    """
    row = catalog.clip(verdict.clip)
    reopening = reopenings.find(workspace.review_dir(), verdict.clip)
    if reopening and reopening.is_earlier(verdict.by, verdict.at):
        return False
    if row.stage is not ClipStage.IN_REVIEW:
        if catalog.has_verdict(verdict.clip, verdict.by, verdict.at):
            return False
        if row.stage in DECIDED:
            path = verdicts.save_late(workspace, verdict)
            raise LateVerdict(
                f"clip {verdict.clip} stands at {row.stage} since an earlier verdict: that of "
                f"{verdict.by}, {verdict.decision}, changes nothing and is in {path}"
            )
        raise BadInput(f"clip {verdict.clip} stands at {row.stage}, not in review; verdict kept")
    if verdict.decision == "accept" and not verdict.by.startswith(POLICY_PREFIX):
        revision = human_revision(load_labels(workspace, verdict.clip), verdict)
        catalog.add_revision(revision, files.sha256(labels.save(workspace, revision)))
    catalog.add_verdict(verdict, len(row.clip.span))
    new_stage, detail = STAGE_AFTER[verdict.decision], verdict.reason or f"by {verdict.by}"
    return catalog.move(verdict.clip, ClipStage.IN_REVIEW, new_stage, verdict.by, detail)


def human_revision(latest: LabelSet, verdict: Verdict) -> LabelSet:
    """Return the next revision, or `latest` if it is that one, saved by a killed process."""
    if (latest.made_by, latest.made_at) == (verdict.by, verdict.at):
        return latest
    return LabelSet(
        clip=verdict.clip,
        revision=latest.revision + 1,
        kind="human",
        parent=latest.revision,
        made_by=verdict.by,
        made_at=verdict.at,
        frames=latest.frames,
        width=latest.width,
        height=latest.height,
        classes=latest.classes,
        tracks=latest.tracks if verdict.tracks is None else verdict.tracks,
    )


def load_labels(workspace: Workspace, clip_id: str) -> LabelSet:
    """Return the newest revision of a clip's labels.

    Raises:
        BadInput: there is none, or it is broken.
    """
    label_set = labels.latest(workspace, clip_id)
    if label_set is None:
        raise BadInput(f"clip {clip_id} has no labels; run: oneclick clips retry {clip_id}")
    return label_set

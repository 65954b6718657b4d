"""Second looks: a share of what people accept is reviewed again by somebody else, blind.

The first verdict counts at once; a second look only measures it. Where the two differ, a lead
compares them side by side, and may put the clip back into review.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from oneclick.catalog import Catalog, utc_now
from oneclick.core import visible
from oneclick.core.errors import BadInput, IllegalMove, UnknownName
from oneclick.core.labels import LabelSet, LabelTrack
from oneclick.core.review import POLICY_PREFIX, Verdict
from oneclick.feedback import review_quality
from oneclick.platforms.local import LocalPlatform, seeds
from oneclick.stages import rank_review, reopen
from oneclick.storage import failure_log, inventories, labels, locks, reopenings, sealed_files
from oneclick.storage.inventories import Inventory
from oneclick.storage.labels import TrackDocument
from oneclick.storage.locks import WriteLock
from oneclick.storage.second_looks import (
    Choice,
    ComparedBoxes,
    CorrectionCounts,
    LookResult,
    OfferedLook,
    SecondLooks,
    Settlement,
    StratumCounts,
)
from oneclick.storage.workspace import Workspace


def queue_of(workspace: Workspace) -> LocalPlatform:
    """Return the queue of second looks."""
    return LocalPlatform(SecondLooks(workspace).queue_dir)


def offer(workspace: Workspace, catalog: Catalog, verdict: Verdict, share: float) -> bool:
    """Offer an accepted clip to other reviewers, if it is one of the sample.

    Of each kind of work, which is a reviewer, a class and a reason for which clips were chosen, the
    same share is taken. Left out are clips that nobody looked at, those that were reviewed before,
    and those with a seeded error. Call it while holding the lock of reviews.

    Args:
        workspace: the workspace.
        catalog: open for writing.
        verdict: on a clip that was accepted in our own queue, just taken in.
        share: of the clips that are reviewed again, 0 … 1.

    Returns:
        Whether the clip is offered now.

    Raises:
        NoSpace, Unavailable: the disk refuses.
    """
    root, looks = workspace.review_dir(), SecondLooks(workspace)
    if share <= 0 or verdict.decision != "accept" or verdict.by.startswith(POLICY_PREFIX):
        return False
    clip = catalog.clip(verdict.clip).clip
    accepted = labels.latest(workspace, clip.id)
    if accepted is None or accepted.parent is None:
        return False
    if looks.offer_file(clip.id).exists() or reopenings.current_round(root, clip.id) > 1:
        return False
    if seeds.is_seeded(root, clip.id):
        return False
    boxes = Counter[str]()
    for track in accepted.tracks:
        boxes[track.cls] += len(track.frames)
    main_class = boxes.most_common(1)[0][0] if boxes else "nobody"
    stratum = " ".join((verdict.by, main_class, clip.led_by or clip.chosen_by.value))
    if not _is_next(looks.strata_file, stratum, share):
        return False
    sent = read_revision(workspace, clip.id, accepted.parent)
    sealed_files.write(
        looks.offer_file(clip.id),
        OfferedLook(
            clip=clip.id,
            first=verdict.by,
            at=verdict.at,
            sent=sent.revision,
            accepted=accepted.revision,
            stratum=stratum,
        ),
    )
    inventories.update(workspace, Inventory.SECOND_LOOKS)
    for send_result in queue_of(workspace).send([(clip, sent)]):
        if send_result.error is not None:
            raise send_result.error
    catalog.enqueue([clip.id], {clip.id: verdict.by})
    rank_review.rank(workspace, catalog, [clip.id])
    return True


def _is_next(path: Path, stratum: str, share: float) -> bool:
    """Count a clip of a stratum; check whether it is one of the sample.

    The sample is systematic: of 100 clips with a share of 0.05 exactly five are taken. A list that
    is broken is begun anew.
    """
    try:
        counts = _read_counts(path)
    except BadInput:
        counts = {}
    number = counts.get(stratum, 0)
    sealed_files.write(path, StratumCounts(counts | {stratum: number + 1}))
    digest = hashlib.sha256(stratum.encode()).digest()
    phase = int.from_bytes(digest[:8], "big") / 2**64
    return math.floor((number + 1) * share + phase) > math.floor(number * share + phase)


def _read_counts(path: Path) -> dict[str, int]:
    if not path.exists():
        return {}
    counts: StratumCounts = sealed_files.read(path, StratumCounts)
    return counts.accepted


def read_revision(workspace: Workspace, clip_id: str, number: int) -> LabelSet:
    """Read a label revision of a clip.

    Raises:
        BadInput: it is not there, or broken.
    """
    for path in labels.revisions(workspace, clip_id):
        if labels.revision(path) == number:
            return labels.load(path)
    raise BadInput(f"labels {number} of clip {clip_id} are not there: restore them from a backup")


def take_in(workspace: Workspace, catalog: Catalog) -> dict[str, str]:
    """Compare the second looks that were decided with the first ones, and keep the result.

    Call it while holding the lock of reviews.

    Returns:
        One line a clip that failed; its verdict stays where it is.
    """
    looks, queue, failed = SecondLooks(workspace), queue_of(workspace), dict[str, str]()
    for verdict in list(queue.collect()):
        clip_id = verdict.clip
        with failure_log.isolate(failed, workspace, clip_id, f"compare two reviews of {clip_id}"):
            if looks.result(clip_id) is None:
                sealed_files.write(looks.result_file(clip_id), _compare(workspace, verdict))
                inventories.update(workspace, Inventory.SECOND_LOOKS)
            catalog.dequeue([clip_id])
            queue.acknowledge(verdict)
    return failed | queue.unreadable()


def _compare(workspace: Workspace, verdict: Verdict) -> LookResult:
    """Compare a second review with the first one. Raises BadInput."""
    offered = SecondLooks(workspace).offer(verdict.clip)
    if offered is None:
        raise BadInput(f"nobody offered a second look at {verdict.clip}: its offer is lost")
    sent = read_revision(workspace, verdict.clip, offered.sent)
    first = read_revision(workspace, verdict.clip, offered.accepted)
    tracks = sent.tracks if verdict.tracks is None else verdict.tracks
    agreement = review_quality.compare(first.tracks, tracks)
    return LookResult(
        clip=verdict.clip,
        first=offered.first,
        second=verdict.by,
        at=verdict.at,
        decision=verdict.decision,
        reason=verdict.reason,
        seconds=verdict.seconds,
        sent=offered.sent,
        accepted=offered.accepted,
        stratum=offered.stratum,
        tracks=tuple(TrackDocument.encode(track) for track in tracks),
        agreement=ComparedBoxes(**asdict(agreement)),
        corrections=_count_corrections(sent.tracks, first.tracks, tracks),
    )


def _count_corrections(
    sent: tuple[LabelTrack, ...], first: tuple[LabelTrack, ...], second: tuple[LabelTrack, ...]
) -> dict[str, CorrectionCounts]:
    """Count by kind what two reviewers corrected."""
    first_corrections = review_quality.find_corrections(sent, first)
    second_corrections = review_quality.find_corrections(sent, second)
    counts = dict[str, CorrectionCounts]()
    for kind in review_quality.KINDS:
        of_first = [each for each in first_corrections if each.kind == kind]
        of_second = [each for each in second_corrections if each.kind == kind]
        common = review_quality.count_common(of_first, of_second)
        counts[kind] = CorrectionCounts(len(of_first), len(of_second), common)
    return counts


def settle(home: Path, clip_id: str, choice: Choice, by: str, reason: str = "") -> Settlement:
    """Decide about a clip whose two reviews differ; killed and done again, it is done once.

    Args:
        home: the workspace folder.
        clip_id: the clip.
        choice: "first": its labels stand. "second": the clip is reopened, and decided as the second
            reviewer did. "again": it is reopened, and waits for somebody who corrects it.
        by: who decides.
        reason: why; it is the reason of the reopening.

    Raises:
        UnknownName: nobody looked a second time at this clip.
        IllegalMove: it was settled before, somebody reviewed the clip again since or does so now,
            or the clip cannot be reopened.
        UsageError: no reason is given for a clip that is reopened.
    """
    workspace = Workspace(home)
    looks, text = SecondLooks(workspace), visible.line(" ".join(reason.split()))
    result = looks.result(clip_id)
    if result is None:
        raise UnknownName("second look", clip_id, [each.clip for each in looks.unsettled()[:5]])
    queue = LocalPlatform(workspace.review_dir())
    with locks.hold(workspace, WriteLock.REVIEW):  # of two leads at once one settles it
        if settled := looks.settlement(clip_id):
            raise IllegalMove(f"clip {clip_id} was settled by {settled.by}: {settled.choice}")
        reopening, lead = queue.reopening(clip_id), visible.line(by)
        decision = queue.decision(clip_id) if reopening else None
        # Killed before the settlement was written: this lead's decision is not made twice.
        is_made = (
            reopening is not None
            and decision is not None
            and reopening.at >= result.at
            and (reopening.by, reopening.reason, decision.by) == (lead, text, lead)
        )
        if not is_made and (decision is not None or looks.is_overtaken(result)):
            raise IllegalMove(
                f"clip {clip_id} was reviewed again since: the comparison of these two is closed"
            )
        if choice == "second" and not is_made:
            _check_unattended(home, queue, clip_id, lead)
        if choice != "first" and not is_made:
            reopen.reopen(home, clip_id, by, text)
        if choice == "second" and not is_made:
            verdict = Verdict(
                clip=clip_id,
                decision=result.decision,
                by=lead,
                at=utc_now(),
                tracks=tuple(track.decode() for track in result.tracks)
                if result.decision == "accept"
                else None,
                reason=text,
            )
            with queue.locked(clip_id):
                _check_unattended(home, queue, clip_id, lead)
                queue.submit(verdict)
        settlement = Settlement(clip=clip_id, choice=choice, by=lead, at=utc_now(), reason=text)
        sealed_files.write(looks.settlement_file(clip_id), settlement)
        inventories.update(workspace, Inventory.SECOND_LOOKS)
        return settlement


def _check_unattended(home: Path, queue: LocalPlatform, clip_id: str, lead: str) -> None:
    """Raise IllegalMove where another one than a lead corrects labels of a clip now."""
    if not queue.is_open(clip_id):
        return
    with Catalog.open(home) as catalog:
        lease = catalog.lease_of(clip_id)
    if lease and lease.holder != lead:
        raise IllegalMove(f"{lease.holder} reviews clip {clip_id} now: wait for that verdict")
    if queue.is_edited(clip_id):
        raise IllegalMove(f"clip {clip_id} is being corrected: wait for the verdict on it")

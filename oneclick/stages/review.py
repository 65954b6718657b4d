"""Review: labels go to the reviewers' platform, verdicts come back as label revisions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from oneclick.catalog import Catalog, owner_id, utc_now
from oneclick.core import progress
from oneclick.core.clips import ClipStage
from oneclick.core.errors import BadInput, OneclickError, PlatformAway, Unavailable, UnknownName
from oneclick.core.labels import LabelSet
from oneclick.core.results import BatchResult
from oneclick.core.review import POLICY, Decision, Verdict
from oneclick.platforms.base import Erased, Offer, Platform, Sent
from oneclick.platforms.local import LocalPlatform
from oneclick.platforms.options import Choice
from oneclick.platforms.registry import open_platform
from oneclick.stages.quarantine import put_aside
from oneclick.storage import files, labels
from oneclick.storage.workspace import Workspace

BY = "review"
UNSEEN = f"{POLICY}accept-auto"
LOCAL = Choice()
ALL = 1_000_000
DECIDED = {"accept": ClipStage.ACCEPTED, "reject": ClipStage.REJECTED}


def setup(home: Path, choice: Choice) -> list[str]:
    """Make on the platform what clips need there; a line for each thing."""
    return open_platform(choice, Workspace(home)).setup()


def send(
    home: Path, clips: Sequence[str], choice: Choice = LOCAL, again: bool = False
) -> BatchResult:
    """LABELLED clips to the reviewers; others are skipped. A clip without readable labels falls.

    Where the platform is away, the clips that it did not take stay where they are.

    Args:
        again: clips IN_REVIEW too, which may have been lost there; work that was done there stays.
    """
    with Catalog.open(home) as catalog:
        street = _Street(Workspace(home), catalog, BatchResult())
        there = open_platform(choice, street.workspace)
        try:
            for sent in there.send(_offers(street, clips, again)):
                _sent(street, sent, there)
        except PlatformAway as error:
            _tell(street.workspace, street.result, there, error)
        else:
            if street.result.done:
                street.workspace.review_trouble.unlink(missing_ok=True)
    return street.result


def send_all(home: Path, choice: Choice, lease_seconds: float) -> BatchResult:
    """Every LABELLED clip that nobody else is sending; uploading twice would leave it there twice.

    Args:
        lease_seconds: how long they are ours.
    """
    owner = owner_id()
    with Catalog.open(home) as catalog:
        try:
            return send(home, catalog.claim(ClipStage.LABELLED, owner, ALL, lease_seconds), choice)
        finally:
            catalog.release(owner)


@dataclass(frozen=True)
class _Street:
    """What every step of sending needs."""

    workspace: Workspace
    catalog: Catalog
    result: BatchResult

    def aside(self, clip_id: str, error: Exception) -> None:
        """Put a Clip aside with its reason."""
        why = put_aside(self.workspace, self.catalog, clip_id, error, "send", BY)
        self.result.failed[clip_id] = why


def _offers(street: _Street, clips: Sequence[str], again: bool) -> Iterator[Offer]:
    stages = (ClipStage.LABELLED, ClipStage.IN_REVIEW) if again else (ClipStage.LABELLED,)
    for clip_id in progress.track("send to review", clips, len(clips)):
        try:
            row = street.catalog.clip(clip_id)
        except UnknownName as error:
            street.result.failed[clip_id] = str(error)
            continue
        if row.stage not in stages:
            street.result.skipped.append(clip_id)
            continue
        try:
            yield row.clip, _latest(street.workspace, clip_id)
        except BadInput as error:
            street.aside(clip_id, error)


def _sent(street: _Street, sent: Sent, there: Platform) -> None:
    if isinstance(sent.trouble, BadInput):
        street.aside(sent.clip, sent.trouble)
    elif sent.trouble is not None:
        street.result.failed[sent.clip] = str(sent.trouble)
    else:
        if street.catalog.clip(sent.clip).stage is ClipStage.LABELLED:
            street.catalog.move(sent.clip, ClipStage.LABELLED, ClipStage.IN_REVIEW, BY, there.name)
        street.result.done.append(sent.clip)


def give(
    home: Path, clips: Sequence[str], decision: Decision, by: str, reason: str = ""
) -> BatchResult:
    """The same verdict for several clips of our own queue; one that has a verdict keeps it."""
    result = BatchResult()
    queue = LocalPlatform(Workspace(home).review_dir())
    for clip_id in clips:
        try:
            given = queue.give(Verdict(clip_id, decision, by, utc_now(), reason=reason))
        except Unavailable:
            raise
        except OneclickError as error:
            result.failed[clip_id] = str(error)
            continue
        (result.done if given else result.skipped).append(clip_id)
    return result


def queue(home: Path) -> list[str]:
    """Clips that wait for a verdict in our own queue."""
    return LocalPlatform(Workspace(home).review_dir()).pending()


def accept_auto(home: Path, clips: Sequence[str]) -> BatchResult:
    """Accept automatic labels unseen; recorded as that, never as a person's work."""
    return give(home, clips, "accept", UNSEEN)


def collect(home: Path, choice: Choice = LOCAL, thorough: bool = True) -> BatchResult:
    """Take in every verdict: labels first, then the record, then the move, then `done` there.

    Two at once take turns: what one has taken in, the other must not see as news.

    Verdicts that lie in our own queue are always taken in, too. Where the platform is away, those
    that were fetched before are.
    """
    workspace, result = Workspace(home), BatchResult()
    there, ours = open_platform(choice, workspace), LocalPlatform(workspace.review_dir())
    with files.alone(workspace.review_lock), Catalog.open(home) as catalog:
        waiting = [row.clip.id for row in catalog.clips(stage=ClipStage.IN_REVIEW)]
        out = [clip for clip in waiting if not ours.has(clip)]
        try:
            there.fetch(out, thorough)
        except PlatformAway as error:
            _tell(workspace, result, there, error)
        else:
            if out:
                workspace.review_trouble.unlink(missing_ok=True)
        known = {(row.clip, row.by, row.at) for row in catalog.verdicts()}
        for platform in (there, *([] if there.name == ours.name else [ours])):
            _take_all(workspace, catalog, platform, known, result)
    return result


def _tell(workspace: Workspace, result: BatchResult, there: Platform, error: PlatformAway) -> None:
    """In the result, and in a file for those who look later."""
    result.failed[there.name] = str(error)
    told = {"platform": there.name, "at": utc_now(), "text": str(error)}
    files.write_json(workspace.review_trouble, told)


def _take_all(
    workspace: Workspace,
    catalog: Catalog,
    there: Platform,
    known: set[tuple[str, str, datetime]],
    result: BatchResult,
) -> None:
    verdicts = list(there.collect())
    for verdict in progress.track("take in verdicts", verdicts, len(verdicts)):
        try:
            fresh = _take(workspace, catalog, verdict, known)
        except Unavailable:
            raise
        except OneclickError as error:
            result.failed[verdict.clip] = str(error)
            continue
        there.done(verdict)
        (result.done if fresh else result.skipped).append(verdict.clip)
    result.failed |= there.broken()


def erase(home: Path, clips: Sequence[str], choice: Choice, by: str) -> BatchResult:
    """Delete what the platform holds of clips, and keep a receipt of each.

    A clip in review is rejected by that, unless its verdict is here already and only waits to be
    taken in; one that would be sent again is put aside.
    """
    workspace, result = Workspace(home), BatchResult()
    there = open_platform(choice, workspace)
    with files.alone(workspace.review_lock), Catalog.open(home) as catalog:
        wanted = list(dict.fromkeys(clips))
        decided = {verdict.clip for verdict in there.collect()}
        for clip_id in progress.track("erase", wanted, len(wanted)):
            try:
                row = catalog.clip(clip_id)
                found = there.erase(clip_id)
            except PlatformAway as error:
                result.failed[there.name] = str(error)
                break
            except OneclickError as error:
                result.failed[clip_id] = str(error)
                continue
            _receipt(workspace, found, there.name, by)
            reason = f"erased on {there.name} by {by}"
            if row.stage is ClipStage.IN_REVIEW and clip_id not in decided:
                catalog.move(clip_id, row.stage, ClipStage.REJECTED, by, reason)
            elif row.stage is ClipStage.LABELLED:
                put_aside(
                    workspace, catalog, clip_id, BadInput(f"clip {clip_id}: {reason}"), "send", by
                )
            result.done.append(clip_id)
    return result


def _receipt(workspace: Workspace, found: Erased, platform: str, by: str) -> None:
    """A file for each erasure; none is ever overwritten."""
    at = utc_now()
    name = f"{found.clip}-{at:%Y%m%dT%H%M%S%f}Z.json"
    files.write_json(
        workspace.receipts_dir() / name,
        {
            "clip": found.clip,
            "platform": platform,
            "at": at,
            "by": by,
            "held": found.held,
            "checked": found.checked,
        },
    )


def _take(
    workspace: Workspace, catalog: Catalog, verdict: Verdict, known: set[tuple[str, str, datetime]]
) -> bool:
    """False if the verdict was taken in before.

    Raises:
        BadInput: if the clip is not in review; the verdict stays where it is.
    """
    row = catalog.clip(verdict.clip)
    if row.stage is not ClipStage.IN_REVIEW:
        if (verdict.clip, verdict.by, verdict.at) in known:
            return False
        raise BadInput(f"clip {verdict.clip} stands at {row.stage}, not in review; verdict kept")
    if verdict.decision == "accept" and not verdict.by.startswith(POLICY):
        _add_human(workspace, catalog, verdict)
    catalog.add_verdict(verdict, len(row.clip.span))
    detail = verdict.reason or f"by {verdict.by}"
    return catalog.move(
        verdict.clip, ClipStage.IN_REVIEW, DECIDED[verdict.decision], verdict.by, detail
    )


def _add_human(workspace: Workspace, catalog: Catalog, verdict: Verdict) -> None:
    """The next revision, unless a killed run has saved it already."""
    latest = _latest(workspace, verdict.clip)
    if (latest.made_by, latest.made_at) == (verdict.by, verdict.at):
        made = latest
    else:
        made = LabelSet(
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
    catalog.add_revision(made, files.sha256(labels.save(workspace, made)))


def _latest(workspace: Workspace, clip_id: str) -> LabelSet:
    found = labels.latest(workspace, clip_id)
    if found is None:
        raise BadInput(f"clip {clip_id} has no labels; run: oneclick clips retry {clip_id}")
    return found

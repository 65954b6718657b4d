"""Review: labels go to the reviewers' platform, verdicts come back as label revisions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from oneclick.core import progress
from oneclick.core.clips import ClipStage
from oneclick.core.errors import BadInput, OneclickError, Unavailable
from oneclick.core.labels import LabelSet
from oneclick.core.results import BatchResult
from oneclick.core.review import POLICY, Decision, Verdict
from oneclick.io import files, labels
from oneclick.io.aside import put_aside
from oneclick.io.catalog import Catalog, utc_now
from oneclick.io.workspace import Workspace
from oneclick.platforms import LocalPlatform, open_platform

BY = "review"
UNSEEN = f"{POLICY}accept-auto"
DECIDED = {"accept": ClipStage.ACCEPTED, "reject": ClipStage.REJECTED}


def send(home: Path, clips: Sequence[str], platform: str = "local") -> BatchResult:
    """LABELLED clips into the queue; others are skipped. A clip without readable labels falls."""
    workspace, result = Workspace(home), BatchResult()
    there = open_platform(platform, workspace)
    with Catalog.open(home) as catalog:
        for clip_id in progress.track("send to review", clips, len(clips)):
            row = catalog.clip(clip_id)
            if row.stage is not ClipStage.LABELLED:
                result.skipped.append(clip_id)
                continue
            try:
                there.send(row.clip, _latest(workspace, clip_id))
            except BadInput as error:
                result.failed[clip_id] = put_aside(workspace, catalog, clip_id, error, "send", BY)
                continue
            catalog.move(clip_id, ClipStage.LABELLED, ClipStage.IN_REVIEW, BY, there.name)
            result.done.append(clip_id)
    return result


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


def accept_auto(home: Path, clips: Sequence[str]) -> BatchResult:
    """Accept automatic labels unseen; recorded as that, never as a person's work."""
    return give(home, clips, "accept", UNSEEN)


def collect(home: Path, platform: str = "local") -> BatchResult:
    """Take in every verdict: labels first, then the record, then the move, then `done` there."""
    workspace, result = Workspace(home), BatchResult()
    there = open_platform(platform, workspace)
    verdicts = list(there.collect())
    with Catalog.open(home) as catalog:
        known = {(row.clip, row.by, row.at) for row in catalog.verdicts()}
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
    return result


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

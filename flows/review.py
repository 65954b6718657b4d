"""Review: labelled clips → reviewer; verdicts → accepted or rejected clips."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import flow, task

from flows import policy
from oneclick import report, settings
from oneclick.core.clips import ClipStage
from oneclick.core.results import BatchResult
from oneclick.platforms.options import Choice, Name
from oneclick.stages import review as stage


@task(name="send", tags=["io"], timeout_seconds=policy.HOUR, **policy.TASK)
def send_clips(home: Path, clips: list[str], choice: Choice) -> BatchResult:
    """One batch of clips in the reviewers' queue."""
    return stage.send(home, clips, choice)


@task(name="accept-auto", tags=["io"], timeout_seconds=policy.HOUR, **policy.TASK)
def accept_clips(home: Path, clips: list[str]) -> BatchResult:
    """Automatic labels of one batch accepted unseen, and recorded as that."""
    return stage.accept_auto(home, clips)


@task(name="collect-verdicts", tags=["io"], timeout_seconds=policy.HOUR, **policy.TASK)
def collect_verdicts(home: Path, choice: Choice) -> BatchResult:
    """What the reviewers decided since the last time."""
    return stage.collect(home, choice, thorough=False)


@flow(name="review", **policy.FLOW)
def review(
    home: Path | None = None, accept_auto: bool | None = None, platform: Name | None = None
) -> dict[str, Any]:
    """Send what is labelled, take in what is decided."""
    wish = {"accept_auto": accept_auto, "platform": platform}
    given = {key: value for key, value in wish.items() if value is not None}
    conf = settings.load(home=home, review=given or None)
    choice = conf.reviewers()
    sent = policy.each_batch(send_clips, ClipStage.LABELLED, conf, choice)
    if conf.review.accept_auto:
        policy.each_batch(accept_clips, ClipStage.IN_REVIEW, conf)
    decided = collect_verdicts(conf.home, choice)
    funnel = report.funnel(conf.home)
    waiting = next(row.clips for row in funnel if row.stage == ClipStage.IN_REVIEW)
    policy.table("funnel", funnel, f"{len(decided.done)} clips decided, {waiting} wait for review")
    return policy.outcome(sent.add(decided), waiting=waiting)

"""Review: labelled clips → reviewer; verdicts → accepted or rejected clips."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import flow, task

from oneclick import report, settings
from oneclick.core.clips import ClipStage
from oneclick.core.results import BatchResult
from oneclick.flows import policy
from oneclick.platforms import PlatformOptions
from oneclick.report import people
from oneclick.report.quality import quality_lines
from oneclick.stages import review as stage


@task(name="send", tags=["io"], timeout_seconds=policy.HOUR, **policy.TASK)
def send_clips(home: Path, clips: list[str], choice: PlatformOptions) -> BatchResult:
    """Send one batch of clips to the review platform."""
    return stage.send(home, clips, choice)


@task(name="accept-auto", tags=["io"], timeout_seconds=policy.HOUR, **policy.TASK)
def accept_clips(home: Path, clips: list[str]) -> BatchResult:
    """Accept the automatic labels of one batch unseen; the verdict names the policy."""
    return stage.accept_auto(home, clips)


@task(name="collect-verdicts", tags=["io"], timeout_seconds=policy.HOUR, **policy.TASK)
def collect_verdicts(home: Path, choice: PlatformOptions) -> BatchResult:
    """Collect the verdicts since the last time."""
    return stage.collect(home, choice, thorough=False)


@flow(name="review", **policy.FLOW)
def review(
    home: Path | None = None, accept_auto: bool | None = None, platform: str | None = None
) -> dict[str, Any]:
    """Send labelled clips to review, and collect verdicts."""
    overrides = {"accept_auto": accept_auto, "platform": platform}
    overrides = {key: value for key, value in overrides.items() if value is not None}
    conf = settings.load(home=home, review=overrides or None)
    choice = conf.review_platform()
    batch = policy.run_in_batches(send_clips, ClipStage.LABELLED, conf, choice)
    if conf.review.accept_auto:
        policy.run_in_batches(accept_clips, ClipStage.IN_REVIEW, conf)
    verdicts = collect_verdicts(conf.home, choice)
    funnel = report.funnel(conf.home)
    waiting = next(row.clips for row in funnel if row.stage == ClipStage.IN_REVIEW)
    policy.add_table(
        "funnel", funnel, f"{len(verdicts.done)} clips decided, {waiting} wait for review"
    )
    throughput = report.review_throughput(conf.home, conf.review.goal)
    quality = report.review_quality_report(conf.home)
    sentences = [people.backlog_text(throughput), *quality_lines(quality)]
    rows = people.throughput_columns(throughput, people=False)
    policy.add_table("reviewing", rows, "; ".join(sentences))
    return policy.flow_result(batch.add(verdicts), waiting=waiting)

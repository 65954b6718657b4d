"""Label: extracted clips → dense automatic labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import flow, task

from flows import policy
from oneclick import report, settings
from oneclick.core.clips import ClipStage
from oneclick.core.results import BatchResult
from oneclick.stages import autolabel


@task(name="autolabel", tags=["compute"], timeout_seconds=6 * policy.HOUR, **policy.TASK)
def label_clips(
    home: Path, clips: list[str], labellers: list[str], classes: tuple[str, ...], device: str
) -> BatchResult:
    """Labels of one batch of clips."""
    return autolabel.autolabel(home, clips, labellers, classes, device)


@flow(name="label", **policy.FLOW)
def label(home: Path | None = None, predictor: str | None = None) -> dict[str, Any]:
    """Label every clip whose frames are extracted."""
    conf = settings.load(home=home, detect=predictor and {"predictor": predictor})
    models = policy.labellers(conf)
    result = policy.each_batch(
        label_clips, ClipStage.EXTRACTED, conf, models, conf.classes, conf.detect.device
    )
    text = f"{len(result.done)} clips labelled by {', '.join(models)}; {len(result.failed)} failed"
    policy.table("funnel", report.funnel(conf.home), text)
    return policy.outcome(result)

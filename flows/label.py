"""Label: extracted clips → dense automatic labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import flow, task

from oneclick import report, settings
from oneclick.core.clips import ClipStage
from oneclick.core.results import BatchResult
from oneclick.flows import models, policy
from oneclick.stages import autolabel


@task(name="autolabel", tags=["compute"], timeout_seconds=6 * policy.HOUR, **policy.TASK)
def label_clips(
    home: Path,
    clips: list[str],
    labellers: list[str],
    classes: tuple[str, ...],
    device: str,
    looks: autolabel.LabellerLooks,
) -> BatchResult:
    """Label one batch of clips."""
    return autolabel.autolabel(home, clips, labellers, classes, device, looks=looks)


@flow(name="label", **policy.FLOW)
def label(home: Path | None = None, predictor: str | None = None) -> dict[str, Any]:
    """Label every clip whose frames are extracted."""
    conf = settings.load(home=home, detect=predictor and {"predictor": predictor})
    labellers = models.labellers(conf)
    result = policy.run_in_batches(
        label_clips,
        ClipStage.EXTRACTED,
        conf,
        labellers,
        conf.classes,
        conf.detect.device,
        autolabel.LabellerLooks(closer=conf.detect.closer, turned=conf.detect.turned),
    )
    summary = f"{len(result.done)} clips labelled by {', '.join(labellers)}"
    policy.add_table("funnel", report.funnel(conf.home), f"{summary}; {len(result.failed)} failed")
    return policy.flow_result(result)

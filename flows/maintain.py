"""Maintain: expired leases, leftovers of killed processes, old recordings; how the models do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import flow, task

from oneclick import report, settings
from oneclick.core.errors import OneclickError
from oneclick.flows import policy
from oneclick.report import Insight, TrainingReport
from oneclick.stages import maintain as stage
from oneclick.storage import cameras, live_state
from oneclick.storage.workspace import Workspace


@task(name="clean", tags=["io"], timeout_seconds=policy.HOUR, **policy.TASK)
def clean(
    home: Path, retain_raw_days: int, retain_live_hours: float, live_cameras: list[str]
) -> stage.MaintenanceResult:
    """Clean the whole workspace."""
    return stage.maintain(
        home, retain_raw_days, retain_live_hours=retain_live_hours, live_cameras=live_cameras
    )


@task(name="insight", tags=["compute"], timeout_seconds=policy.HOUR, **policy.TASK)
def measure(home: Path) -> Insight:
    """Measure how the models did in the last week."""
    return report.measure_insight(home)


@flow(name="maintain", **policy.FLOW)
def maintain(home: Path | None = None) -> dict[str, Any]:
    """End expired leases, remove leftovers and old recordings, and tell how the models do."""
    conf = settings.load(home=home)
    failed: dict[str, str] = {}
    try:
        live_cameras = cameras.typed_cameras(
            Workspace(conf.home), [*conf.live.cameras], conf.cameras.codes
        )
    except OneclickError as error:  # which they are nobody knows now: all are shown as before
        failed["live cameras"] = str(error)
        live_cameras = live_state.cameras(conf.home)
    cleaning = clean(conf.home, conf.retain_raw_days, conf.live.retain_hours, live_cameras)
    cleaning.result.failed |= failed
    policy.add_markdown(
        "maintenance",
        f"{cleaning.expired} expired claims put back, {cleaning.swept} leftovers removed, "
        f"{len(cleaning.result.done)} recordings older than {conf.retain_raw_days} days removed, "
        f"{len(cleaning.holds)} older ones held for quarantined clips",
    )
    try:
        insight = measure(conf.home)
    except OneclickError as error:
        cleaning.result.failed["insight"] = str(error)
    else:
        training = report.training_report(conf.home)
        policy.add_markdown("insight", insight_page(insight, training))
    return policy.flow_result(
        cleaning.result, expired=cleaning.expired, swept=cleaning.swept, holds=len(cleaning.holds)
    )


def insight_page(insight: Insight, training: TrainingReport | None) -> str:
    """Return a page of Markdown: how each model did on each camera, as `oneclick insight` does.

    Args:
        insight: of the last week.
        training: the newest decision of the gate, with what the candidate did in shadow.
    """
    columns = report.insight_columns(insight)
    lines = [f"## {insight.start:%Y-%m-%d} to {insight.stop:%Y-%m-%d} UTC", ""]
    if columns:
        rows = [tuple(row.values()) for row in columns]
        lines += policy.markdown_table(list(columns[0]), rows)
    else:
        lines.append("No model has looked at video of this time.")
    if table := policy.shadow_table(training):
        assert training is not None
        lines += ["", f"The candidate is {training.model}.", *table]
    return "\n".join([*lines, "", *(f"- left out: {text}" for text in insight.failed.values())])

"""Maintain: expired leases, leftovers of killed processes, recordings past their retention."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import flow, task

from oneclick import settings
from oneclick.flows import policy
from oneclick.stages import maintain as stage


@task(name="clean", tags=["io"], timeout_seconds=policy.HOUR, **policy.TASK)
def clean(home: Path, retain_raw_days: int) -> stage.MaintenanceResult:
    """Clean the whole workspace."""
    return stage.maintain(home, retain_raw_days)


@flow(name="maintain", **policy.FLOW)
def maintain(home: Path | None = None) -> dict[str, Any]:
    """End expired leases, and remove leftovers and old recordings."""
    conf = settings.load(home=home)
    cleaning = clean(conf.home, conf.retain_raw_days)
    policy.add_markdown(
        "maintenance",
        f"{cleaning.expired} expired claims put back, {cleaning.swept} leftovers removed, "
        f"{len(cleaning.result.done)} recordings older than {conf.retain_raw_days} days removed, "
        f"{len(cleaning.holds)} older ones held for quarantined clips",
    )
    return policy.flow_result(
        cleaning.result, expired=cleaning.expired, swept=cleaning.swept, holds=len(cleaning.holds)
    )

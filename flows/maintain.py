"""Maintain: expired claims, leftovers of killed processes, recordings past their time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import flow, task

from flows import policy
from oneclick import settings
from oneclick.stages import maintain as stage


@task(name="clean", tags=["io"], timeout_seconds=policy.HOUR, **policy.TASK)
def clean(home: Path, retain_raw_days: int) -> stage.Outcome:
    """The whole workspace, once."""
    return stage.maintain(home, retain_raw_days)


@flow(name="maintain", **policy.FLOW)
def maintain(home: Path | None = None) -> dict[str, Any]:
    """Put back what nobody works on and remove what nobody needs."""
    conf = settings.load(home=home)
    found = clean(conf.home, conf.retain_raw_days)
    policy.markdown(
        "maintenance",
        f"{found.expired} expired claims put back, {found.swept} leftovers removed, "
        f"{len(found.result.done)} recordings older than {conf.retain_raw_days} days removed",
    )
    return policy.outcome(found.result, expired=found.expired, swept=found.swept)

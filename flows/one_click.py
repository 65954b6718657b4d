"""One click: a whole lap, from raw recordings to a model in service."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import flow

from oneclick import settings
from oneclick.flows import policy
from oneclick.flows.collect import collect
from oneclick.flows.label import label
from oneclick.flows.publish import publish
from oneclick.flows.review import review
from oneclick.flows.train import train
from oneclick.storage import files


@flow(name="one-click", **policy.FLOW)
def one_click(
    sources: list[str] | None = None,
    home: Path | None = None,
    accept_auto: bool | None = None,
    predictor: str | None = None,
) -> dict[str, Any]:
    """Run one lap; clips that wait for a reviewer are picked up by the next run."""
    with policy.in_process():
        steps = {
            "collect": collect(sources, home, predictor),
            "label": label(home, predictor),
            "review": review(home, accept_auto),
            "publish": publish(home),
            "train": train(home),
        }
    # Leftovers of killed laps; files of living processes stay.
    files.sweep(settings.load(home=home).home)
    return {
        "failed": {
            key: reason for step in steps.values() for key, reason in step["failed"].items()
        },
        "nothing_new": not any(step["done"] for step in steps.values()),
        "waiting": steps["review"]["waiting"],
        "steps": steps,
    }

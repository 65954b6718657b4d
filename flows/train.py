"""Train: the newest DatasetVersion → a Candidate, and the Champion if the gate lets it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import flow, task

from flows import policy
from oneclick import report, settings
from oneclick.stages import train as stage


@task(name="train", tags=["gpu"], timeout_seconds=24 * policy.HOUR, **policy.TASK)
def train_candidate(
    home: Path, version: str | None, options: stage.TrainOptions
) -> stage.Outcome | None:
    """A model trained, measured against the champion, promoted or refused."""
    return stage.train(home, version, options)


@flow(name="train", **policy.FLOW)
def train(home: Path | None = None, version: str | None = None) -> dict[str, Any]:
    """Train on a version, by default the newest."""
    conf = settings.load(home=home)
    return {}

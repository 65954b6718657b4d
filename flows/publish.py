"""Publish: accepted clips → an immutable DatasetVersion on the training server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import flow, task

from flows import policy
from oneclick import settings
from oneclick.core.clips import ClipStage
from oneclick.core.results import BatchResult
from oneclick.stages import publish as stage


@task(name="publish", tags=["io"], timeout_seconds=6 * policy.HOUR, **policy.TASK)
def publish_clips(
    home: Path, clips: list[str], server: str, classes: tuple[str, ...]
) -> stage.Outcome:
    """One DatasetVersion that adds these clips to all published before."""
    return stage.publish(home, clips, server, classes)


@flow(name="publish", **policy.FLOW)
def publish(home: Path | None = None) -> dict[str, Any]:
    """Freeze what is accepted and upload it, manifest last."""
    conf = settings.load(home=home)
    server = conf.train.server or str(conf.home / "training-server")
    with policy.claimed(conf, ClipStage.ACCEPTED) as clips:
        if not clips:
            policy.markdown("dataset", "No clip was accepted since the last version.")
            return policy.outcome(BatchResult(), version=None)
        made = publish_clips(conf.home, clips, server, conf.classes)
    policy.markdown(
        "dataset",
        f"**{made.version}**: {len(made.result.done)} clips added, {made.clips} clips and "
        f"{made.images:,} images in all, {made.uploaded} files uploaded",
    )
    return policy.outcome(made.result, version=made.version)

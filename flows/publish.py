"""Publish: accepted clips → an immutable DatasetVersion on the training server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import flow, task

from oneclick import settings
from oneclick.core.clips import ClipStage
from oneclick.core.results import BatchResult
from oneclick.flows import policy
from oneclick.stages import publish as stage


@task(name="publish", tags=["io"], timeout_seconds=6 * policy.HOUR, **policy.TASK)
def publish_clips(
    home: Path, clips: list[str], server: str, classes: tuple[str, ...]
) -> stage.PublishResult:
    """Publish a DatasetVersion that adds these clips to all published before."""
    return stage.publish(home, clips, server, classes)


@flow(name="publish", **policy.FLOW)
def publish(home: Path | None = None) -> dict[str, Any]:
    """Publish the accepted clips as a new version, the manifest last.

    Without any, what was rejected, excluded or included again since makes a new version.
    """
    conf = settings.load(home=home)
    server = conf.train.server or str(conf.home / "training-server")
    with policy.claimed_clips(conf, ClipStage.ACCEPTED) as clips:
        if not clips and not stage.is_outdated(conf.home):
            policy.add_markdown(
                "dataset", "Nothing was accepted or taken out since the last version."
            )
            return policy.flow_result(
                BatchResult(), version=None, ignored_boxes=0, ignored_frames=0
            )
        publication = publish_clips(conf.home, clips, server, conf.classes)
    added = f"{len(publication.result.done)} clips added"
    total = f"{publication.clips} clips and {publication.images:,} images in all"
    text = f"**{publication.version}**: {added}, {total}, {publication.uploaded} files uploaded"
    if publication.ignored_boxes:
        text += (
            f"; {publication.ignored_boxes:,} regions in {publication.ignored_frames:,} images "
            "are left out of training: somebody may be there, and no label is"
        )
    text = "\n\n".join([text, *publication.result.notes])
    policy.add_markdown("dataset", text)
    return policy.flow_result(
        publication.result,
        version=publication.version,
        ignored_boxes=publication.ignored_boxes,
        ignored_frames=publication.ignored_frames,
    )

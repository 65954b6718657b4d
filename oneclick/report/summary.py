"""The closing summary of a lap; `oneclick status` shows the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from oneclick.catalog import Catalog
from oneclick.core.errors import BadInput
from oneclick.report import numbers, scores
from oneclick.storage import datasets as stored_datasets
from oneclick.storage import exclusions
from oneclick.storage.workspace import Workspace

LOCAL = "local"


@dataclass(frozen=True, kw_only=True)
class LapSummary:
    """State of the whole workspace."""

    home: Path
    kept: numbers.KeptVideo
    hits: list[numbers.TriggerHits]
    funnel: list[numbers.FunnelRow]
    origins: dict[str, int]
    """Boxes by origin letter."""
    effort: numbers.ReviewEffort
    dataset: str | None
    """Latest DatasetVersion."""
    dataset_clips: int
    dataset_images: int
    ignored_boxes: int | None
    """Boxes of regions in it that training leaves out: somebody may be there, and no label is; None
    where its manifest cannot be read."""
    ignored_frames: int | None
    """Images with such a region; likewise."""
    excluded: int
    """Published clips that the next DatasetVersion leaves out."""
    champion: str | None
    training: scores.TrainingReport | None
    """The newest Candidate, what it was compared with, and the decision."""
    next_step: str
    """What a person should do now."""


def lap_summary(home: Path) -> LapSummary:
    """Collect all numbers of the summary from the catalog and the model cards."""
    with Catalog.open(home) as catalog:
        datasets = catalog.datasets()
        in_review = catalog.in_review()
    newest = datasets[-1] if datasets else None
    ignored_boxes, ignored_frames = _ignored(Workspace(home), newest.name) if newest else (0, 0)
    funnel = numbers.funnel(home)
    return LapSummary(
        home=home,
        kept=numbers.kept_video(home),
        hits=numbers.trigger_hits(home),
        funnel=funnel,
        origins=numbers.origins(home),
        effort=numbers.review_effort(home),
        dataset=newest.name if newest else None,
        dataset_clips=newest.clips if newest else 0,
        dataset_images=newest.images if newest else 0,
        ignored_boxes=ignored_boxes,
        ignored_frames=ignored_frames,
        excluded=len(exclusions.excluded_clips(Workspace(home))),
        champion=scores.champion(home),
        training=scores.training_report(home),
        next_step=next_step({row.stage: row.clips for row in funnel}, in_review),
    )


def _ignored(workspace: Workspace, name: str) -> tuple[int | None, int | None]:
    """Return the boxes and images that a DatasetVersion leaves out; None where it is broken."""
    try:
        return stored_datasets.load(workspace.dataset_dir(name)).ignored()
    except BadInput:
        return None, None


def next_step(clips: Mapping[str, int], in_review: Mapping[str, int]) -> str:
    """Say what a person should do now, given clips by stage, and clips in review by platform."""
    remote = {name: number for name, number in in_review.items() if name != LOCAL}
    local = clips["IN_REVIEW"] - sum(remote.values())
    if local > 0:
        waiting = "clip waits" if local == 1 else "clips wait"
        return (
            f"{local} {waiting} for review: oneclick review list, then "
            "oneclick review accept CLIP (or --all), then the same run again"
        )
    if remote:
        counts = " and ".join(f"{number} on {name}" for name, number in sorted(remote.items()))
        return (
            f"clips wait for review, {counts}: the same run again takes in what is finished there"
        )
    if clips["QUARANTINED"]:
        return (
            f"{clips['QUARANTINED']} clips are quarantined: oneclick clips list --stage QUARANTINED"
        )
    if clips["PUBLISHED"]:
        return "add more video: oneclick run VIDEO"
    if sum(clips.values()):
        return "clips are on their way: run the same command again"
    return "no clips yet: oneclick run VIDEO"

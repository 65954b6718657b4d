"""Counts over the whole workspace."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from oneclick.catalog import Catalog, counters
from oneclick.catalog.rows import LabelCostRecord
from oneclick.core.clips import ChosenBy, ClipStage
from oneclick.core.review import POLICY_PREFIX


@dataclass(frozen=True)
class FunnelRow:
    """Number of clips at one stage."""

    stage: str
    clips: int


@dataclass(frozen=True)
class TriggerHits:
    """Hits and clips of one trigger."""

    trigger: str
    hits: int
    """Hits in all predictions."""
    clips: int
    """Clips that at least one of its hits helped to choose."""


@dataclass(frozen=True, kw_only=True)
class KeptVideo:
    """Raw video that was processed, and the part of it that was kept as clips."""

    videos: int
    frames: int
    """Frames of raw video."""
    seconds: float
    """Seconds of raw video."""
    clips: int
    clip_frames: int
    control: int
    """Clips drawn at random, to measure what the triggers miss."""
    share: float
    """Frames in clips over frames of raw video; 0 with no video."""
    edge_videos: int = 0
    """Stretches of time of which edge cameras sent predictions alone: they are no recordings."""


@dataclass(frozen=True, kw_only=True)
class ReviewEffort:
    """Cost of the reviews that a person made."""

    clips: int
    images: int
    boxes: int
    """Boxes after review."""
    edits: int
    """Boxes added, deleted or moved."""
    seconds: float
    edits_per_100_boxes: float | None
    """None where no person reviewed."""
    seconds_per_image: float | None
    by_policy: int
    """Clips accepted unseen."""

    @classmethod
    def from_counts(
        cls, *, clips: int, images: int, boxes: int, edits: int, seconds: float, by_policy: int
    ) -> ReviewEffort:
        """Compute the two rates from the counts."""
        return cls(
            clips=clips,
            images=images,
            boxes=boxes,
            edits=edits,
            seconds=seconds,
            edits_per_100_boxes=100 * edits / boxes if boxes else None,
            seconds_per_image=seconds / images if images else None,
            by_policy=by_policy,
        )


def funnel(home: Path) -> list[FunnelRow]:
    """Count the clips at each stage, in pipeline order; stages without clips too."""
    with Catalog.open(home) as catalog:
        counts = catalog.counts()
    return [FunnelRow(stage.value, counts.get(stage, 0)) for stage in ClipStage]


def trigger_hits(home: Path) -> list[TriggerHits]:
    """Count the hits of each trigger, most first."""
    with Catalog.open(home) as catalog:
        counts = catalog.hit_counts()
        clips = catalog.totals(counters.SHOWN)
    return [
        TriggerHits(name, count, int(clips.get(("", name), 0)))
        for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]


def kept_video(home: Path) -> KeptVideo:
    """Compare the raw video with the clips cut from it."""
    with Catalog.open(home) as catalog:
        return kept_video_in(catalog)


def kept_video_in(catalog: Catalog, at: datetime | None = None) -> KeptVideo:
    """Do the same as `kept_video` on an open catalog, now or at an earlier full minute."""
    raw, cut = (catalog.totals(kind, at=at) for kind in (counters.SEEN, counters.CUT))
    frames = round(raw.get(("", "frames"), 0))
    clip_frames = round(sum(amount for (_, unit), amount in cut.items() if unit == "frames"))
    return KeptVideo(
        videos=round(raw.get(("", "videos"), 0)),
        frames=frames,
        seconds=raw.get(("", "seconds"), 0.0),
        clips=round(sum(amount for (_, unit), amount in cut.items() if unit == "clips")),
        clip_frames=clip_frames,
        control=round(cut.get((ChosenBy.CONTROL.value, "clips"), 0)),
        share=clip_frames / frames if frames else 0.0,
        edge_videos=round(raw.get((counters.EDGE, "videos"), 0)),
    )


def origins(home: Path) -> dict[str, int]:
    """Count the boxes by origin letter in the latest revision of every clip."""
    with Catalog.open(home) as catalog:
        totals = catalog.totals(counters.ORIGIN)
    return {letter: int(boxes) for (_, letter), boxes in sorted(totals.items()) if boxes}


def review_effort(home: Path, clips: Collection[str] | None = None) -> ReviewEffort:
    """Return the cost of review of some clips, by default of all."""
    with Catalog.open(home) as catalog:
        return total_effort(catalog) if clips is None else effort_of_clips(catalog, clips)


def total_effort(catalog: Catalog) -> ReviewEffort:
    """Return the cost of review of all clips, from the counters."""
    human: dict[str, float] = defaultdict(float)
    by_policy = 0
    for (reviewer, unit), amount in catalog.totals(counters.REVIEWED).items():
        if not reviewer.startswith(POLICY_PREFIX):
            human[unit] += amount
        elif unit == "clips":
            by_policy += int(amount)
    return ReviewEffort.from_counts(
        clips=int(human["clips"]),
        images=int(human["images"]),
        boxes=int(catalog.totals(counters.CORRECTED).get(("", "boxes"), 0)),
        edits=int(human["edits"]),
        seconds=human["seconds"],
        by_policy=by_policy,
    )


def effort_of_clips(catalog: Catalog, clips: Collection[str]) -> ReviewEffort:
    """Return the cost of review of some clips, from their verdicts."""
    # Ordered by clip and revision: the latest revision of a clip is its last row.
    boxes = {row.clip: row.boxes for row in catalog.revision_rows()}
    verdicts = [verdict for verdict in catalog.verdicts() if verdict.clip in clips]
    human = [verdict for verdict in verdicts if not verdict.by.startswith(POLICY_PREFIX)]
    return ReviewEffort.from_counts(
        clips=len(human),
        images=sum(verdict.images for verdict in human),
        boxes=sum(boxes.get(v.clip, 0) for v in human if v.decision == "accept"),
        edits=sum(verdict.edits for verdict in human),
        seconds=sum(verdict.seconds for verdict in human),
        by_policy=len(verdicts) - len(human),
    )


def effort_of_costs(costs: Iterable[LabelCostRecord]) -> ReviewEffort:
    """Return the cost of review of verdicts that the catalog has summed up by day."""
    costs = list(costs)
    human = [cost for cost in costs if not cost.by.startswith(POLICY_PREFIX)]
    return ReviewEffort.from_counts(
        clips=sum(cost.clips for cost in human),
        images=sum(cost.images for cost in human),
        boxes=sum(cost.boxes for cost in human),
        edits=sum(cost.edits for cost in human),
        seconds=sum((cost.seconds for cost in human), 0.0),
        by_policy=sum(cost.clips for cost in costs if cost.by.startswith(POLICY_PREFIX)),
    )

"""Counts over the whole workspace."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from oneclick.core.clips import ChosenBy, ClipStage
from oneclick.core.review import POLICY
from oneclick.io.catalog import Catalog
from oneclick.io.catalog.rows import RevisionRow, VerdictRow


@dataclass(frozen=True)
class FunnelRow:
    """How many clips stand at one stage."""

    stage: str
    clips: int


@dataclass(frozen=True)
class HitRow:
    """What one trigger found."""

    trigger: str
    hits: int
    """Hits in all predictions."""
    clips: int
    """Clips that at least one of its hits helped to choose."""


@dataclass(frozen=True)
class Kept:
    """How much of the raw video was kept."""

    videos: int
    frames: int
    """Frames of raw video seen."""
    seconds: float
    """Seconds of raw video seen."""
    clips: int
    clip_frames: int
    control: int
    """Clips drawn at random, to measure what the triggers miss."""
    share: float
    """Frames in clips over frames seen; 0 with no video."""


@dataclass(frozen=True)
class Effort:
    """What reviewing cost, over clips that a person looked at."""

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


def funnel(home: Path) -> list[FunnelRow]:
    """Clips at each stage, in the order of the street; stages without clips too."""
    with Catalog.open(home) as catalog:
        counts = catalog.counts()
    return [FunnelRow(stage.value, counts.get(stage, 0)) for stage in ClipStage]


def hits(home: Path) -> list[HitRow]:
    """Hits of each trigger, most first."""
    with Catalog.open(home) as catalog:
        counts = catalog.hit_counts()
        chosen = [row.clip for row in catalog.clips()]
    clips = Counter(name for clip in chosen for name in {hit.trigger for hit in clip.hits})
    return [
        HitRow(name, count, clips[name])
        for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]


def kept(home: Path) -> Kept:
    """Raw video seen against what was cut from it."""
    with Catalog.open(home) as catalog:
        videos = catalog.videos()
        clips = [row.clip for row in catalog.clips()]
    frames = sum(video.frames for video in videos)
    cut = sum(len(clip.span) for clip in clips)
    return Kept(
        len(videos),
        frames,
        sum(video.frames / video.fps for video in videos),
        len(clips),
        cut,
        sum(clip.chosen_by is ChosenBy.CONTROL for clip in clips),
        cut / frames if frames else 0.0,
    )


def origins(home: Path) -> dict[str, int]:
    """Boxes by origin letter in the latest revision of every clip."""
    latest: dict[str, RevisionRow] = {}
    with Catalog.open(home) as catalog:
        for row in catalog.revision_rows():
            if row.clip not in latest or row.revision > latest[row.clip].revision:
                latest[row.clip] = row
    total: Counter[str] = Counter()
    for row in latest.values():
        total.update(row.origins)
    return dict(sorted(total.items()))


def effort(home: Path, clips: set[str] | None = None) -> Effort:
    """Cost of review, of all clips or of the given ones."""
    with Catalog.open(home) as catalog:
        verdicts = [v for v in catalog.verdicts() if clips is None or v.clip in clips]
        revisions = catalog.revision_rows()
    return effort_of(verdicts, boxes_left(revisions))


def boxes_left(revisions: Iterable[RevisionRow]) -> dict[str, int]:
    """Boxes in the latest revision of each clip; `revisions` by clip and number."""
    return {row.clip: row.boxes for row in revisions}


def effort_of(verdicts: Sequence[VerdictRow], boxes: Mapping[str, int]) -> Effort:
    """Cost of some verdicts; `boxes` are those left in each clip."""
    human = [v for v in verdicts if not v.by.startswith(POLICY)]
    images = sum(v.images for v in human)
    corrected = sum(boxes.get(v.clip, 0) for v in human if v.decision == "accept")
    edits = sum(v.edits for v in human)
    seconds = sum(v.seconds for v in human)
    return Effort(
        len(human),
        images,
        corrected,
        edits,
        seconds,
        100 * edits / corrected if corrected else None,
        seconds / images if images else None,
        len(verdicts) - len(human),
    )

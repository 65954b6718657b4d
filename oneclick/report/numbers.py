"""Counts over the whole workspace."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

from oneclick.catalog import Catalog, counters
from oneclick.catalog.rows import CostRow, RevisionRow, VerdictRow
from oneclick.core.clips import ChosenBy, ClipStage
from oneclick.core.review import POLICY


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
        clips = catalog.totals(counters.SHOWN)
    return [
        HitRow(name, count, int(clips.get(("", name), 0)))
        for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]


def kept(home: Path) -> Kept:
    """Raw video seen against what was cut from it."""
    with Catalog.open(home) as catalog:
        return kept_of(catalog)


def kept_of(catalog: Catalog, at: datetime | None = None) -> Kept:
    """The same of an open catalog, now or at an earlier full minute."""
    seen, cut = (catalog.totals(kind, at=at) for kind in (counters.SEEN, counters.CUT))
    frames = round(seen.get(("", "frames"), 0))
    clip_frames = round(sum(value for (_, what), value in cut.items() if what == "frames"))
    return Kept(
        round(seen.get(("", "videos"), 0)),
        frames,
        seen.get(("", "seconds"), 0.0),
        round(sum(value for (_, what), value in cut.items() if what == "clips")),
        clip_frames,
        round(cut.get((ChosenBy.CONTROL.value, "clips"), 0)),
        clip_frames / frames if frames else 0.0,
    )


def origins(home: Path) -> dict[str, int]:
    """Boxes by origin letter in the latest revision of every clip."""
    with Catalog.open(home) as catalog:
        found = catalog.totals(counters.ORIGIN)
    return {letter: int(boxes) for (_, letter), boxes in sorted(found.items()) if boxes}


def effort(home: Path, clips: set[str] | None = None) -> Effort:
    """Cost of review, of all clips or of the given ones."""
    with Catalog.open(home) as catalog:
        if clips is None:
            return _effort(catalog)
        verdicts = [v for v in catalog.verdicts() if v.clip in clips]
        revisions = catalog.revision_rows()
    return effort_of(verdicts, boxes_left(revisions))


def _effort(catalog: Catalog) -> Effort:
    """Of all clips, from the rollups."""
    human: dict[str, float] = defaultdict(float)
    unseen = 0
    for (by, what), value in catalog.totals(counters.REVIEWED).items():
        if not by.startswith(POLICY):
            human[what] += value
        elif what == "clips":
            unseen += int(value)
    boxes = int(catalog.totals(counters.CORRECTED).get(("", "boxes"), 0))
    clips, images, edits = (int(human[what]) for what in ("clips", "images", "edits"))
    return _cost(clips, images, boxes, edits, human["seconds"], unseen)


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
    return _cost(len(human), images, corrected, edits, seconds, len(verdicts) - len(human))


def effort_in(costs: Iterable[CostRow]) -> Effort:
    """Cost of verdicts that are summed up already."""
    human, unseen = CostRow(date.min, None, "", 0, 0, 0, 0.0, 0), 0
    for row in costs:
        if row.by.startswith(POLICY):
            unseen += row.clips
        else:
            human = replace(
                human,
                clips=human.clips + row.clips,
                images=human.images + row.images,
                edits=human.edits + row.edits,
                seconds=human.seconds + row.seconds,
                boxes=human.boxes + row.boxes,
            )
    return _cost(human.clips, human.images, human.boxes, human.edits, human.seconds, unseen)


def _cost(
    clips: int, images: int, boxes: int, edits: int, seconds: float, by_policy: int
) -> Effort:
    per_box = 100 * edits / boxes if boxes else None
    per_image = seconds / images if images else None
    return Effort(clips, images, boxes, edits, seconds, per_box, per_image, by_policy)

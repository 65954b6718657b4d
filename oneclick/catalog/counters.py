"""Counters (rollups): which totals and time buckets each row of another table adds to.

A counter is one number per (kind, bucket, group, measure). The transaction that changes a row also
adds to its counters; `recount` computes them again from the rows by the same functions.
"""

from __future__ import annotations

import functools
import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

import sqlalchemy as sa

from oneclick.catalog import engine as engines
from oneclick.catalog import schema
from oneclick.core.clips import Video

CounterKey = tuple[str, int, int, str, str]
"""(kind, bucket size in seconds, bucket start in seconds since 1970, group, measure).

Size and start are 0 for a total of all time. Group and measure are the columns `who` and `what`.
"""

MINUTE, QUARTER, HOUR, SHIFT = 60, 900, 3600, 21_600
EVERY = (MINUTE, QUARTER, SHIFT)
COARSE = (QUARTER, HOUR, SHIFT)
FIVE = (MINUTE, 300, QUARTER, SHIFT)

STAGE = "stage"
"""Clips by camera and stage."""
MOVED = "moved"
"""Net change of the number of clips by stage, by time of the move."""
HIT = "hit"
"""Hits by camera and trigger, and by recording time (not by the minute)."""
HIT_CAMERA, HIT_TRIGGER = "hit.camera", "hit.trigger"
"""Hits by camera alone (by five minutes too) or trigger alone, by the minute too."""
UNDATED = "undated"
"""Measure for hits in videos of unknown start, in place of the trigger."""
RECORDED = "recorded"
"""Seconds of video by camera and recording time."""
SCANNED = "scanned"
"""Seconds of video that triggers have scanned, by camera and recording time."""
SEEN = "seen"
"""Videos, frames and seconds that were added, by time of addition; those of EDGE apart."""
EDGE = "edge"
"""Group of what edge cameras saw and nobody recorded here."""
CUT = "cut"
"""Clips and their frames by selection method, by time of the cut."""
LED = "led"
"""Clips by the trigger that is charged for them."""
SHOWN = "shown"
"""Clips by each trigger that fired in them."""
REVIEWED = "reviewed"
"""Clips, images, edits and seconds by reviewer, by time of the verdict."""
CORRECTED = "corrected"
"""Boxes in the newest labels of clips that people accepted."""
ORIGIN = "origin"
"""Boxes in the newest labels by origin letter."""
AGAIN = "to be cut again"
"""Detail of the event by which a clip leaves the catalog."""


class CounterChanges(defaultdict[CounterKey, float]):
    """Amounts to add to counters."""

    def __init__(self, amounts: Mapping[CounterKey, float] | None = None) -> None:
        super().__init__(float, amounts or {})

    def add(self, other: Mapping[CounterKey, float], times: int = 1) -> None:
        """Add other amounts `times` times; -1 subtracts them."""
        for key, amount in other.items():
            self[key] += times * amount

    def add_total(self, kind: str, group: str, measure: str, amount: float) -> None:
        """Add to the total of all time."""
        self[kind, 0, 0, group, measure] += amount

    def add_buckets(
        self, kind: str, group: str, measure: str, amount: float, at: float, sizes: Iterable[int]
    ) -> None:
        """Add to the bucket of each size that contains `at`, in seconds since 1970."""
        for size in sizes:
            self[kind, size, int(at // size) * size, group, measure] += amount

    def negated(self) -> CounterChanges:
        """Return the changes that undo these."""
        return CounterChanges({key: -amount for key, amount in self.items()})


def video_changes(video: Video, added_at: datetime | None) -> CounterChanges:
    """Return the changes for one recording that is added, or predictions without one."""
    changes, seconds = CounterChanges(), video.frames / video.fps
    group = "" if video.suffix else EDGE
    for measure, amount in (("videos", 1), ("frames", video.frames), ("seconds", seconds)):
        changes.add_total(SEEN, group, measure, amount)
        if added_at:
            changes.add_buckets(SEEN, group, measure, amount, added_at.timestamp(), EVERY)
    changes.add(coverage_changes(RECORDED, video))
    return changes


def coverage_changes(kind: str, video: Video) -> CounterChanges:
    """Return the changes of RECORDED or SCANNED for one recording."""
    changes = CounterChanges()
    changes.add_total(kind, video.camera, "", video.frames / video.fps)
    if video.started_at:
        for size, stretch in itertools.product(COARSE, video.stretches()):
            start = video.started_at.timestamp() + video.seconds_at(stretch.start)
            for bucket, overlap in bucket_overlaps(start, len(stretch) / video.fps, size):
                changes[kind, size, bucket, video.camera, ""] += overlap
    return changes


def bucket_overlaps(start: float, seconds: float, size: int) -> Iterator[tuple[int, float]]:
    """Yield (bucket start, seconds inside) for each bucket of a recording from `start`."""
    stop = start + seconds
    for low in itertools.count(int(start // size) * size, size):
        if low >= stop:
            return
        yield low, min(stop, low + size) - max(start, low)


def hit_changes(video: Video, hits: Iterable[tuple[str, int]]) -> CounterChanges:
    """Return by how much the counters of hits grow for new hits of one recording.

    Args:
        video: of which the hits are; where its start is unknown, they are in no bucket of time.
        hits: (trigger, first frame) of each.
    """
    changes, camera = CounterChanges(), video.camera
    for (trigger, start), number in Counter(hits).items():
        changes.add_total(HIT, camera, trigger, number)
        if video.started_at is None:
            changes.add_total(HIT_TRIGGER, "", UNDATED, number)
            continue
        at = video.started_at.timestamp() + video.seconds_at(start)
        changes.add_buckets(HIT, camera, trigger, number, at, COARSE)
        changes.add_buckets(HIT_CAMERA, camera, "", number, at, FIVE)
        changes.add_buckets(HIT_TRIGGER, "", trigger, number, at, EVERY)
    return changes


def clip_changes(
    chosen_by: str, led_by: str, triggers: Iterable[str], frames: int, created_at: datetime
) -> CounterChanges:
    """Return the changes for one clip that is added."""
    changes = CounterChanges()
    for measure, amount in (("clips", 1), ("frames", frames)):
        changes.add_total(CUT, chosen_by, measure, amount)
        changes.add_buckets(CUT, chosen_by, measure, amount, created_at.timestamp(), EVERY)
    if led_by:
        changes.add_total(LED, "", led_by, 1)
    for trigger in set(triggers):
        changes.add_total(SHOWN, "", trigger, 1)
    return changes


def move_changes(old: str | None, new: str, at: datetime, detail: str = "") -> CounterChanges:
    """Return the changes for one event of a clip."""
    changes = CounterChanges()
    for stage, amount in ((old, -1), (None if detail == AGAIN else new, 1)):
        if stage:
            changes.add_buckets(MOVED, "", stage, amount, at.timestamp(), EVERY)
    return changes


def stage_changes(camera: str, stage: str, clips: int) -> CounterChanges:
    """Return the changes for clips that enter a stage, or leave it where `clips` is negative."""
    return CounterChanges({(STAGE, 0, 0, camera, stage): clips})


def verdict_changes(
    by: str, at: datetime, images: int, edits: int, seconds: float
) -> CounterChanges:
    """Return the changes for one verdict."""
    amounts = {"clips": 1, "images": images, "edits": edits, "seconds": seconds}
    changes = CounterChanges()
    for measure, amount in amounts.items():
        changes.add_total(REVIEWED, by, measure, amount)
        changes.add_buckets(REVIEWED, by, measure, amount, at.timestamp(), EVERY)
    return changes


def origin_changes(origins: Mapping[str, int]) -> CounterChanges:
    """Return the changes for new labels with these numbers of boxes by origin letter."""
    return CounterChanges({(ORIGIN, 0, 0, "", letter): boxes for letter, boxes in origins.items()})


def accepted_box_changes(boxes: int) -> CounterChanges:
    """Return the changes for boxes of a clip that a person accepted."""
    return CounterChanges({(CORRECTED, 0, 0, "", "boxes"): boxes})


def apply(connection: sa.Connection, changes: CounterChanges) -> None:
    """Add to the counters, in sorted order so that two writers cannot deadlock."""
    names = ("kind", "size", "start", "who", "what", "value")
    rows = [
        dict(zip(names, (*key, amount), strict=True))
        for key, amount in sorted(changes.items())
        if amount
    ]
    if rows:
        connection.execute(_upsert_statement(connection.dialect.name), rows)


@functools.cache
def _upsert_statement(dialect: str) -> sa.sql.dml.Insert:
    # Cached: an upsert would otherwise be compiled for every move of every clip.
    table = schema.counters
    query = engines.insert(dialect, table)
    columns = {"value": table.c.value + query.excluded.value}
    return query.on_conflict_do_update(index_elements=list(table.primary_key), set_=columns)


def split_range(
    start: int, stop: float, sizes: Iterable[int] = EVERY
) -> list[tuple[int, int, float]]:
    """Split `[start, stop)` into few runs of large buckets, as (bucket size, start, stop).

    The largest buckets are in the middle, smaller ones at both ends. Both ends are full minutes,
    in seconds since 1970; `stop` may be infinite.
    """
    smaller, *larger = sizes
    if not larger:
        return [(smaller, start, stop)] if start < stop else []
    low = -(-start // larger[0]) * larger[0]
    high = stop if stop == float("inf") else stop // larger[0] * larger[0]
    if low >= high:
        return [(smaller, start, stop)] if start < stop else []
    ends = [(smaller, start, float(low)), (smaller, high, stop)]
    return [
        *split_range(low, high, larger),
        *((size, int(begin), end) for size, begin, end in ends if begin < end),
    ]

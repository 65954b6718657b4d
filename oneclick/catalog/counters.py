"""Rollups: what a row of any table adds to which total, and to which stretch of time.

Every change is counted by the transaction that makes it; `recount` counts again from the rows, by
the same functions, for `verify` and for catalogs that were made before there were such totals.
"""

from __future__ import annotations

import functools
import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

import msgspec
import sqlalchemy as sa

from oneclick.catalog import engine as engines
from oneclick.catalog import schema
from oneclick.core.review import POLICY

Key = tuple[str, int, int, str, str]
"""Kind, seconds of the stretch (0: of all time), its start in seconds since 1970, who, what."""


class Tally(defaultdict[Key, float]):
    """What is to be added to which counter."""

    def __init__(self, values: Mapping[Key, float] | None = None) -> None:
        super().__init__(float, values or {})

    def add(self, other: Mapping[Key, float], times: int = 1) -> None:
        """Add another one, or take it away with `times` -1."""
        for key, value in other.items():
            self[key] += times * value


MINUTE, QUARTER, SHIFT = 60, 900, 21_600
EVERY = (MINUTE, QUARTER, SHIFT)
COARSE = (QUARTER, SHIFT)
FIVE = (MINUTE, 300, QUARTER, SHIFT)

STAGE = "stage"
"""Clips by camera and stage."""
MOVED = "moved"
"""Clips more at a stage, by when they moved."""
HIT = "hit"
"""Hits by camera and trigger, and by when they were recorded (not by the minute)."""
HIT_CAMERA, HIT_TRIGGER = "hit.camera", "hit.trigger"
"""The same by camera (by five minutes too) or trigger alone, by the minute too."""
UNDATED = "undated"
"""Hits in videos whose start nobody knows, beside the triggers."""
RECORDED = "recorded"
"""Seconds of video by camera and when it was recorded."""
SEEN = "seen"
"""Videos, frames and seconds that came in, and when."""
CUT = "cut"
"""Clips and their frames by who chose them, and when."""
LED = "led"
"""Clips by the trigger that is charged for them."""
SHOWN = "shown"
"""Clips by the triggers that fired in them."""
REVIEWED = "reviewed"
"""Clips, images, edits and seconds by reviewer, and when."""
CORRECTED = "corrected"
"""Boxes left in clips that people accepted."""
ORIGIN = "origin"
"""Boxes in the newest labels by origin letter."""
AGAIN = "to be cut again"
"""Detail of the event by which a clip leaves the catalog."""


def total(kind: str, who: str, what: str) -> Key:
    """The counter of all time."""
    return (kind, 0, 0, who, what)


def stretches(kind: str, who: str, what: str, at: float, sizes: Iterable[int]) -> Iterator[Key]:
    """The counters of the stretches in which `at` (seconds since 1970) lies."""
    return ((kind, size, int(at // size) * size, who, what) for size in sizes)


def of_video(
    camera: str, started_at: datetime | None, frames: int, fps: float, added_at: datetime | None
) -> Tally:
    """One recording that came in."""
    made, seconds = Tally(), frames / fps
    values = {"videos": 1, "frames": frames, "seconds": seconds}
    for what, value in values.items():
        made[total(SEEN, "", what)] += value
        for key in stretches(SEEN, "", what, added_at.timestamp(), EVERY) if added_at else ():
            made[key] += value
    made[total(RECORDED, camera, "")] += seconds
    if started_at:
        for size in COARSE:
            for start, part in _parts(started_at.timestamp(), seconds, size):
                made[RECORDED, size, start, camera, ""] += part
    return made


def of_hits(
    camera: str, started_at: datetime | None, fps: float, hits: Iterable[tuple[str, int]]
) -> Tally:
    """Hits (trigger, first frame) of one recording."""
    made = Tally()
    for (trigger, start), number in Counter(hits).items():
        made[total(HIT, camera, trigger)] += number
        if started_at is None:
            made[total(HIT_TRIGGER, "", UNDATED)] += number
            continue
        at = started_at.timestamp() + start / fps
        for key in stretches(HIT, camera, trigger, at, COARSE):
            made[key] += number
        for key in stretches(HIT_CAMERA, camera, "", at, FIVE):
            made[key] += number
        for key in stretches(HIT_TRIGGER, "", trigger, at, EVERY):
            made[key] += number
    return made


def of_clip(
    chosen_by: str, led_by: str, triggers: Iterable[str], frames: int, created_at: datetime
) -> Tally:
    """One clip that came in."""
    made = Tally()
    for what, value in (("clips", 1), ("frames", frames)):
        made[total(CUT, chosen_by, what)] += value
        for key in stretches(CUT, chosen_by, what, created_at.timestamp(), EVERY):
            made[key] += value
    if led_by:
        made[total(LED, "", led_by)] += 1
    for name in set(triggers):
        made[total(SHOWN, "", name)] += 1
    return made


def of_move(old: str | None, new: str, at: datetime, detail: str = "") -> Tally:
    """One event of a clip."""
    made, moment = Tally(), at.timestamp()
    for stage, change in ((old, -1), (None if detail == AGAIN else new, 1)):
        if stage:
            for key in stretches(MOVED, "", stage, moment, EVERY):
                made[key] += change
    return made


def of_standing(camera: str, stage: str, clips: int) -> Tally:
    """Clips that came to a stage, or left it where negative."""
    return Tally({total(STAGE, camera, stage): clips})


def of_verdict(by: str, at: datetime, images: int, edits: int, seconds: float) -> Tally:
    """One decision."""
    made, values = Tally(), {"clips": 1, "images": images, "edits": edits, "seconds": seconds}
    for what, value in values.items():
        made[total(REVIEWED, by, what)] += value
        for key in stretches(REVIEWED, by, what, at.timestamp(), EVERY):
            made[key] += value
    return made


def of_labels(origins: Mapping[str, int]) -> Tally:
    """The newest labels of a clip."""
    return Tally({total(ORIGIN, "", letter): boxes for letter, boxes in origins.items()})


def of_corrected(boxes: int) -> Tally:
    """Boxes left in a clip that a person accepted."""
    return Tally({total(CORRECTED, "", "boxes"): boxes})


def negative(tally: Tally) -> Tally:
    """The same taken back."""
    made = Tally()
    made.add(tally, -1)
    return made


def add(connection: sa.Connection, changes: Tally) -> None:
    """Add to the counters, in one order: so two writers never wait for each other."""
    rows = [
        dict(zip(("kind", "size", "start", "who", "what", "value"), (*key, value), strict=True))
        for key, value in sorted(changes.items())
        if value
    ]
    if rows:
        connection.execute(_statement(connection.dialect.name), rows)


def pieces(start: int, stop: float, sizes: Iterable[int] = EVERY) -> list[tuple[int, int, float]]:
    """`[start, stop)` as (size, start, stop), of few and large stretches; both ends on minutes.

    The largest in the middle, smaller ones at both ends; `stop` may be infinite.
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
        *pieces(low, high, larger),
        *((size, int(begin), end) for size, begin, end in ends if begin < end),
    ]


def recount(connection: sa.Connection) -> Iterator[tuple[str, Tally]]:
    """(kinds in words, counters) as the rows say; those of one kind are all in one Tally."""
    yield "clips", _clips(connection)
    yield "moves", _moves(connection)
    yield "videos", _videos(connection)
    yield "hits", _hits(connection)
    yield "reviews", _verdicts(connection)
    yield "boxes", _boxes(connection)


KINDS = {
    "clips": (STAGE, CUT, LED, SHOWN),
    "moves": (MOVED,),
    "videos": (SEEN, RECORDED),
    "hits": (HIT, HIT_CAMERA, HIT_TRIGGER),
    "reviews": (REVIEWED, CORRECTED),
    "boxes": (ORIGIN,),
}
"""Kinds by the word that `recount` has for them."""


def refill(connection: sa.Connection) -> None:
    """Make all counters anew from the rows."""
    connection.execute(sa.delete(schema.counters))
    for _, tally in recount(connection):
        add(connection, tally)


@functools.cache
def _statement(dialect: str) -> sa.sql.dml.Insert:
    """Made once: an upsert would be compiled anew for every move of every clip."""
    table = schema.counters
    query = engines.insert(dialect, table)
    grown = {"value": table.c.value + query.excluded.value}
    return query.on_conflict_do_update(index_elements=list(table.primary_key), set_=grown)


def _parts(start: float, seconds: float, size: int) -> Iterator[tuple[int, float]]:
    """Stretches that a recording touches, and its seconds in each."""
    stop = start + seconds
    for low in itertools.count(int(start // size) * size, size):
        if low >= stop:
            return
        yield low, min(stop, low + size) - max(start, low)


class _Named(msgspec.Struct):
    trigger: str


_triggers = msgspec.json.Decoder(list[_Named])


def triggers(hits: str) -> set[str]:
    """Names of the triggers in the column `hits` of a clip."""
    return {hit.trigger for hit in _triggers.decode(hits)}


def _clips(connection: sa.Connection) -> Tally:
    c, made = schema.clips.c, Tally()
    query = sa.select(
        c.camera, c.stage, c.chosen_by, c.led_by, c.hits, c.start, c.stop, c.created_at
    )
    for row in connection.execute(query):
        made.add(of_standing(row.camera, row.stage, 1))
        frames = row.stop - row.start
        names = triggers(row.hits)
        made.add(of_clip(row.chosen_by, row.led_by, names, frames, row.created_at))
    return made


def _moves(connection: sa.Connection) -> Tally:
    c, made = schema.clip_events.c, Tally()
    for row in connection.execute(sa.select(c.old, c.new, c.at, c.detail)):
        made.add(of_move(row.old, row.new, row.at, row.detail))
    return made


def _videos(connection: sa.Connection) -> Tally:
    c, made = schema.videos.c, Tally()
    for row in connection.execute(sa.select(c.camera, c.started_at, c.frames, c.fps, c.added_at)):
        made.add(of_video(*row))
    return made


def _hits(connection: sa.Connection) -> Tally:
    of, c, made = schema.videos.c, schema.hits.c, Tally()
    cameras = connection.execute(sa.select(of.id, of.camera, of.started_at, of.fps)).all()
    for video, camera, started_at, fps in cameras:
        found = connection.execute(sa.select(c.trigger, c.start).where(c.video == video))
        made.add(of_hits(camera, started_at, fps, ((row[0], row[1]) for row in found)))
    return made


def _verdicts(connection: sa.Connection) -> Tally:
    c, clips, revisions = schema.verdicts.c, schema.clips.c, schema.label_revisions.c
    made = Tally()
    for row in connection.execute(sa.select(c.by, c.at, c.images, c.edits, c.seconds)):
        made.add(of_verdict(*row))
    left = sa.select(c.by, revisions.boxes).where(
        c.decision == "accept",
        clips.id == c.clip,
        revisions.clip == clips.id,
        revisions.revision == clips.revision,
    )
    for by, boxes in connection.execute(left):
        if not by.startswith(POLICY):
            made.add(of_corrected(boxes))
    return made


def _boxes(connection: sa.Connection) -> Tally:
    clips, revisions = schema.clips.c, schema.label_revisions.c
    query = sa.select(revisions.origins).where(
        revisions.clip == clips.id, revisions.revision == clips.revision
    )
    made = Tally()
    for (origins,) in connection.execute(query):
        made.add(of_labels(msgspec.json.decode(origins, type=dict[str, int])))
    return made

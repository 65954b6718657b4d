"""Counters computed again from the rows, for `verify` and for catalogs older than the counters."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import sqlalchemy as sa

from oneclick.catalog import counters, rows, schema
from oneclick.catalog.counters import CounterChanges
from oneclick.core.review import POLICY_PREFIX
from oneclick.storage import cards
from oneclick.storage.bounded_documents import JsonDecoder

KINDS = {
    "clips": (counters.STAGE, counters.CUT, counters.LED, counters.SHOWN),
    "moves": (counters.MOVED,),
    "videos": (counters.SEEN, counters.RECORDED, counters.SCANNED),
    "hits": (counters.HIT, counters.HIT_CAMERA, counters.HIT_TRIGGER),
    "reviews": (counters.REVIEWED, counters.CORRECTED),
    "boxes": (counters.ORIGIN,),
}
"""Kinds of counters by the rows that `recount` computes them from."""


class _TriggerName(msgspec.Struct):
    trigger: str


_triggers_decoder = JsonDecoder[list[_TriggerName]](list[_TriggerName])


def recount(connection: sa.Connection) -> Iterator[tuple[str, CounterChanges]]:
    """Yield (key of KINDS, its counters), computed from the rows."""
    yield "clips", count_clips(connection)
    yield "moves", count_moves(connection)
    yield "videos", count_videos(connection)
    yield "hits", count_hits(connection)
    yield "reviews", count_reviews(connection)
    yield "boxes", count_boxes(connection)


def refill(connection: sa.Connection) -> None:
    """Replace all counters by a recount."""
    connection.execute(sa.delete(schema.counters))
    for _, totals in recount(connection):
        counters.apply(connection, totals)


def count_clips(connection: sa.Connection) -> CounterChanges:
    """Count clips by stage, selection method and trigger."""
    c, totals = schema.clips.c, CounterChanges()
    query = sa.select(
        c.camera, c.stage, c.chosen_by, c.led_by, c.hits, c.start, c.stop, c.created_at
    )
    for row in connection.execute(query):
        totals.add(counters.stage_changes(row.camera, row.stage, 1))
        frames = row.stop - row.start
        triggers = {hit.trigger for hit in rows.from_json(_triggers_decoder, row.hits)}
        totals.add(
            counters.clip_changes(row.chosen_by, row.led_by, triggers, frames, row.created_at)
        )
    return totals


def count_moves(connection: sa.Connection) -> CounterChanges:
    """Count the events of clips by stage and time."""
    c, totals = schema.clip_events.c, CounterChanges()
    for row in connection.execute(sa.select(c.old, c.new, c.at, c.detail)):
        totals.add(counters.move_changes(row.old, row.new, row.at, row.detail))
    return totals


def count_videos(connection: sa.Connection) -> CounterChanges:
    """Count videos, frames and seconds by time of addition and of recording."""
    totals = count_scanned(connection)
    for row in connection.execute(sa.select(schema.videos)):
        totals.add(counters.video_changes(rows.video_from_row(row), row.added_at))
    return totals


def count_scanned(connection: sa.Connection) -> CounterChanges:
    """Count the seconds of video that triggers have scanned."""
    marks, totals = schema.video_marks.c, CounterChanges()
    scanned = sa.select(marks.video).where(marks.step == cards.SCAN_STEP)
    query = sa.select(schema.videos).where(schema.videos.c.id.in_(scanned))
    for row in connection.execute(query):
        totals.add(counters.coverage_changes(counters.SCANNED, rows.video_from_row(row)))
    return totals


def add_timeline(connection: sa.Connection) -> None:
    """Add the counters that revision 0008 has beside those of 0003: hours, scanned video."""
    table = schema.counters
    hour = (table.c.start - table.c.start % counters.HOUR).label("hour")
    size = sa.literal(counters.HOUR, sa.Integer).label("size")
    query = (
        sa.select(table.c.kind, size, hour, table.c.who, table.c.what, sa.func.sum(table.c.value))
        .where(
            table.c.kind.in_((counters.HIT, counters.RECORDED)), table.c.size == counters.QUARTER
        )
        .group_by(table.c.kind, "hour", table.c.who, table.c.what)
    )
    connection.execute(sa.insert(table).from_select([*table.c.keys()], query))
    counters.apply(connection, count_scanned(connection))


def fill_ends(connection: sa.Connection) -> None:
    """Compute when each recording ended, for catalogs older than the column."""
    videos = schema.videos
    ends = [
        {"of": video.id, "ended": video.ended_at}
        for video in map(rows.video_from_row, connection.execute(sa.select(videos)).all())
        if video.ended_at
    ]
    if ends:
        change = sa.update(videos).where(videos.c.id == sa.bindparam("of"))
        connection.execute(change.values(ended_at=sa.bindparam("ended")), ends)


def count_hits(connection: sa.Connection) -> CounterChanges:
    """Count hits by camera, trigger and recording time."""
    c, totals = schema.hits.c, CounterChanges()
    for video in map(rows.video_from_row, connection.execute(sa.select(schema.videos)).all()):
        hits = connection.execute(sa.select(c.trigger, c.start).where(c.video == video.id))
        starts = ((trigger, start) for trigger, start in hits)
        totals.add(counters.hit_changes(video, starts))
    return totals


def count_reviews(connection: sa.Connection) -> CounterChanges:
    """Count verdicts by reviewer and time, and boxes of clips that people accepted."""
    c, clips, revisions = schema.verdicts.c, schema.clips.c, schema.label_revisions.c
    totals = CounterChanges()
    for row in connection.execute(sa.select(c.by, c.at, c.images, c.edits, c.seconds)):
        totals.add(counters.verdict_changes(*row))
    accepted = sa.select(c.by, revisions.boxes).where(
        c.decision == "accept",
        clips.id == c.clip,
        revisions.clip == clips.id,
        revisions.revision == clips.revision,
    )
    for by, boxes in connection.execute(accepted):
        if not by.startswith(POLICY_PREFIX):
            totals.add(counters.accepted_box_changes(boxes))
    return totals


def count_boxes(connection: sa.Connection) -> CounterChanges:
    """Count boxes of the newest labels by origin letter."""
    clips, revisions = schema.clips.c, schema.label_revisions.c
    query = sa.select(revisions.origins).where(
        revisions.clip == clips.id, revisions.revision == clips.revision
    )
    totals = CounterChanges()
    for (origins,) in connection.execute(query):
        totals.add(counters.origin_changes(rows.origins_from_json(origins)))
    return totals

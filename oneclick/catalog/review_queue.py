"""The queue of our own review platform: how much each clip is worth a look, and who holds it.

A lease ends by itself. Its fence grows with every lease of a clip, so that work under an earlier
one can be told and refused.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from oneclick.catalog import schema
from oneclick.catalog.store import CatalogBase

PAGE = 100
"""Rows of the queue that are returned at once."""


@dataclass(frozen=True)
class ReviewLease:
    """The right of one reviewer to decide about a clip."""

    clip: str
    holder: str
    fence: int
    until: datetime
    """UTC."""


@dataclass(frozen=True, kw_only=True)
class QueueRank:
    """How much a look at a clip is worth."""

    clip: str
    revision: int
    """Labels that this was computed from; negative where they cannot be read."""
    doubts: int
    """Questions about them."""
    expected: float
    """Corrections to expect."""
    why: str
    """The first question."""


@dataclass(frozen=True, kw_only=True)
class QueueRow:
    """A clip that waits in our own queue."""

    clip: str
    camera: str
    frames: int
    doubts: int | None
    """None until it is computed."""
    expected: float | None
    why: str
    holder: str | None
    """Who reviews it now."""
    until: datetime | None
    """End of the lease, UTC."""


class ReviewQueueMixin(CatalogBase):
    """Clips that wait in our own queue, and the leases on them."""

    def enqueue(self, clip_ids: Iterable[str], barred: Mapping[str, str] | None = None) -> int:
        """Add clips of the catalog to the queue; return how many were not in it.

        The fence of a new row begins at the current time in milliseconds: above those that a row
        which was removed, or a catalog that was lost, gave out, unless the clock was set back:
        `lease_clip` takes the least number.

        Args:
            clip_ids: the clips.
            barred: who may not review a clip, by clip; others may.
        """
        clips, table = schema.clips, schema.review_queue
        ids, bars = list(dict.fromkeys(clip_ids)), barred or {}
        count = 0
        with self.transaction() as connection:
            fence = int(self._clock().timestamp() * 1000)
            for first in range(0, len(ids), 500):
                query = sa.select(clips.c.id, clips.c.camera, clips.c.stop - clips.c.start).where(
                    clips.c.id.in_(ids[first : first + 500])
                )
                columns: list[dict[str, Any]] = [
                    {"clip": id, "camera": camera, "frames": frames, "fence": fence, "revision": 0}
                    for id, camera, frames in connection.execute(query)
                ]
                unset = {"expected": 0.0, "doubts": 0, "why": "", "holder": None, "until": None}
                rows = [row | unset | {"barred": bars.get(row["clip"])} for row in columns]
                count += self._insert_missing(table, rows)
        return count

    def dequeue(self, clip_ids: Collection[str]) -> None:
        """Remove clips from the queue, and with them the leases on them."""
        table = schema.review_queue
        with self.transaction() as connection:
            for clip_id in clip_ids:
                connection.execute(sa.delete(table).where(table.c.clip == clip_id))

    def queued(self) -> set[str]:
        """Return the ids of all clips in the queue."""
        return {row.clip for row in self._fetch(sa.select(schema.review_queue.c.clip))}

    def unranked(self, limit: int) -> list[str]:
        """Return clips in the queue whose worth was not computed yet."""
        table = schema.review_queue.c
        query = sa.select(table.clip).where(table.revision == 0).order_by(table.clip).limit(limit)
        return [row.clip for row in self._fetch(query)]

    def rank(self, ranks: Sequence[QueueRank]) -> None:
        """Store how much looks at clips are worth; those that are not in the queue are left out."""
        table = schema.review_queue
        if not ranks:
            return
        with self.transaction() as connection:
            for rank in ranks:
                values = {name: value for name, value in vars(rank).items() if name != "clip"}
                connection.execute(sa.update(table).where(table.c.clip == rank.clip).values(values))

    def lease_next(
        self, holder: str, seconds: float, cameras: Sequence[str] | None = None
    ) -> ReviewLease | None:
        """Lease the free clip with the most expected corrections; None where none is free.

        Args:
            holder: who reviews it.
            seconds: until the lease ends unless it is renewed.
            cameras: of which clips may be leased; None is every camera.
        """
        table, at = schema.review_queue, self._clock()
        query = sa.select(table.c.clip).where(_is_free(at), _is_open_to(holder))
        if cameras is not None:
            query = query.where(table.c.camera.in_(cameras))
        best = query.order_by(table.c.expected.desc(), table.c.clip).limit(1)
        # SKIP LOCKED has no effect on SQLite, where transactions that write follow each other.
        return self._lease(
            table.c.clip == best.with_for_update(skip_locked=True).scalar_subquery(),
            holder,
            at + timedelta(seconds=seconds),
        )

    def lease_clip(
        self, clip_id: str, holder: str, seconds: float, take: bool = False, above: int = 0
    ) -> ReviewLease | None:
        """Lease a clip; return the lease of somebody else where it is not free.

        A holder who leases a clip again gets a new fence: only one of two pages goes on.

        Args:
            clip_id: the clip.
            holder: who reviews it.
            seconds: until the lease ends unless it is renewed.
            take: also where somebody else holds it.
            above: the fence is larger than this one.

        Returns:
            None where the clip is not in the queue, or the holder may not review it.
        """
        table, at = schema.review_queue, self._clock()
        condition = (table.c.clip == clip_id) & _is_open_to(holder)
        if not take:
            condition &= _is_free(at) | (table.c.holder == holder)
        with self.transaction():
            lease = self._lease(condition, holder, at + timedelta(seconds=seconds), above)
            return lease or self.lease_of(clip_id)

    def _lease(
        self, condition: sa.ColumnElement[bool], holder: str, until: datetime, above: int = 0
    ) -> ReviewLease | None:
        table = schema.review_queue
        newest = sa.case((table.c.fence < above, above), else_=table.c.fence)
        query = (
            sa.update(table)
            .where(condition)
            .values(holder=holder, fence=newest + 1, until=until)
            .returning(table.c.clip, table.c.fence)
        )
        with self.transaction() as connection:
            row = connection.execute(query).one_or_none()
        return ReviewLease(row.clip, holder, row.fence, until) if row else None

    def lease_of(self, clip_id: str) -> ReviewLease | None:
        """Return the live lease on a clip."""
        table = schema.review_queue
        query = sa.select(table).where(table.c.clip == clip_id, ~_is_free(self._clock()))
        return next(
            (ReviewLease(row.clip, row.holder, row.fence, row.until) for row in self._fetch(query)),
            None,
        )

    def renew_lease(self, lease: ReviewLease, seconds: float) -> ReviewLease | None:
        """Prolong a lease from now on; None where a later one took its place.

        One that ran out while nobody else wanted the clip lives again.
        """
        table, until = schema.review_queue, self._clock() + timedelta(seconds=seconds)
        query = sa.update(table).where(*_is(lease)).values(until=until).returning(table.c.fence)
        with self.transaction() as connection:
            found = connection.execute(query).one_or_none()
        return ReviewLease(lease.clip, lease.holder, lease.fence, until) if found else None

    def end_lease(self, lease: ReviewLease) -> bool:
        """Give a clip back; return False where a later lease took the place of this one."""
        query = sa.update(schema.review_queue).where(*_is(lease))
        with self.transaction() as connection:
            return connection.execute(query.values(holder=None, until=None)).rowcount > 0

    def queue_page(
        self,
        cameras: Sequence[str] | None = None,
        limit: int = PAGE,
        offset: int = 0,
        reviewer: str = "",
    ) -> list[QueueRow]:
        """Return the clips in the queue that a reviewer may review, most corrections first.

        Args:
            cameras: of which clips are returned; None is every camera.
            limit: most rows.
            offset: rows to skip.
            reviewer: for whom; empty returns what anybody may review.
        """
        table, at = schema.review_queue, self._clock()
        query = sa.select(table).order_by(table.c.expected.desc(), table.c.clip)
        query = query.where(_is_open_to(reviewer))
        if cameras is not None:
            query = query.where(table.c.camera.in_(cameras))
        rows = []
        for row in self._fetch(query.limit(limit).offset(offset)):
            is_held = row.holder is not None and row.until > at
            rows.append(
                QueueRow(
                    clip=row.clip,
                    camera=row.camera,
                    frames=row.frames,
                    doubts=row.doubts if row.revision > 0 else None,
                    expected=row.expected if row.revision > 0 else None,
                    why=row.why,
                    holder=row.holder if is_held else None,
                    until=row.until if is_held else None,
                )
            )
        return rows

    def queue_size(
        self, cameras: Sequence[str] | None = None, reviewer: str = ""
    ) -> tuple[int, int]:
        """Return the number of the clips that `queue_page` returns, and of their frames."""
        table = schema.review_queue.c
        query = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(table.frames), 0))
        query = query.where(_is_open_to(reviewer))
        if cameras is not None:
            query = query.where(table.camera.in_(cameras))
        clips, frames = self._fetch(query.select_from(schema.review_queue))[0]
        return int(clips), int(frames)


def _is_free(at: datetime) -> sa.ColumnElement[bool]:
    """Return the condition that no live lease is on a row."""
    table = schema.review_queue.c
    return sa.or_(table.holder.is_(None), table.until <= at)


def _is_open_to(reviewer: str) -> sa.ColumnElement[bool]:
    """Return the condition that a reviewer may review the clip of a row."""
    barred = schema.review_queue.c.barred
    return sa.or_(barred.is_(None), barred != reviewer)


def _is(lease: ReviewLease) -> tuple[sa.ColumnElement[bool], ...]:
    table = schema.review_queue.c
    return (
        table.clip == lease.clip,
        table.holder == lease.holder,
        table.fence == lease.fence,
    )

"""Clips: where each stands, who works on it, and every move it made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from oneclick.catalog import counters, owners, rows, schema
from oneclick.catalog.counters import Tally
from oneclick.catalog.rollups import Rollups
from oneclick.catalog.rows import ClipRow, Event
from oneclick.core.clips import Clip, ClipStage, check_move
from oneclick.core.errors import UnknownName

FREE = {"lease_owner": None, "lease_until": None}


class Clips(Rollups):
    """The part of the catalog that knows Clips."""

    def add_clip(self, clip: Clip, by: str) -> bool:
        """A Clip that was cut comes in at CUT; False if it is there already."""
        with self.transaction():
            return self.put_clip(clip, ClipStage.CUT, by, self._clock())

    def clip(self, clip_id: str) -> ClipRow:
        """One Clip.

        Raises:
            UnknownName: there is none of that id.
        """
        found = self._rows(sa.select(schema.clips).where(schema.clips.c.id == clip_id))
        if not found:
            raise UnknownName("clip", clip_id)
        return rows.clip_row(found[0])

    def clips(
        self,
        stage: ClipStage | None = None,
        camera: str | None = None,
        video: str | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[ClipRow]:
        """Clips in the order they came in."""
        table = schema.clips.c
        wanted = {table.stage: stage and stage.value, table.camera: camera, table.video: video}
        where = [column == value for column, value in wanted.items() if value is not None]
        query = sa.select(schema.clips).where(*where).order_by(table.seq)
        return [rows.clip_row(row) for row in self._rows(query.limit(limit).offset(offset))]

    def claim(self, stage: ClipStage, owner: str, limit: int, seconds: float) -> list[str]:
        """Lease up to `limit` free Clips at `stage` to `owner` for `seconds`; oldest first.

        A lease that ran out, or whose owner is a dead process of this host, is free; a live one
        never is, not even for its owner.
        """
        table, now = schema.clips, self._clock()
        with self.transaction() as connection:
            free = sa.or_(table.c.lease_owner.is_(None), _expired(connection, now))
            picked = (
                sa.select(table.c.seq)
                .where(table.c.stage == stage.value, free)
                .order_by(table.c.seq)
                .limit(limit)
                .with_for_update(skip_locked=True)  # SQLite locks as a whole and leaves this out
                .cte("picked")
            )
            query = (
                sa.update(table)
                .where(table.c.seq.in_(sa.select(picked.c.seq)))
                .values(
                    lease_owner=owner,
                    lease_until=now + timedelta(seconds=seconds),
                    attempts=table.c.attempts + 1,
                )
                .returning(table.c.seq, table.c.id)
            )
            return [row.id for row in sorted(connection.execute(query).all())]

    def release(self, owner: str) -> int:
        """Give back all that `owner` holds; how many."""
        return self._free(schema.clips.c.lease_owner == owner)

    def expire(self) -> int:
        """Free every lease that ran out or whose owner is dead; how many."""
        with self.transaction() as connection:
            return self._free(_expired(connection, self._clock()))

    def move(self, clip_id: str, old: ClipStage, new: ClipStage, by: str, detail: str = "") -> bool:
        """Move a Clip that stands at `old`, end its lease; False if it stood elsewhere.

        Raises:
            IllegalMove: no Clip may go from `old` to `new`. UnknownName: there is no such Clip.
        """
        check_move(clip_id, old, new)
        fallen = new is ClipStage.QUARANTINED
        with self.transaction() as connection:
            query = (
                sa.update(schema.clips)
                .where(schema.clips.c.id == clip_id, schema.clips.c.stage == old.value)
                .values(
                    stage=new.value,
                    error=detail if fallen else "",
                    failed_from=old.value if fallen else None,
                    attempts=0,
                    moved_at=self._clock(),
                    **FREE,
                )
                .returning(schema.clips.c.camera)
            )
            camera = connection.scalar(query)
            if camera is None:
                self.clip(clip_id)
                return False
            self._note(clip_id, camera, old, new, by, detail)
            return True

    def quarantine(self, clip_id: str, reason: str, by: str) -> bool:
        """Put a Clip aside with its reason; False if it was aside already.

        A selected Clip that could not even be cut comes into the catalog by this.

        Raises:
            IllegalMove: it is published or rejected. UnknownName: there is no such Clip.
        """
        with self.transaction():
            if self._add_uncut(clip_id, reason, by):
                return True
            stage = self._stage(clip_id)
            if stage is ClipStage.QUARANTINED:
                return False
            return self.move(clip_id, stage, ClipStage.QUARANTINED, by, reason)

    def retry(self, clip_id: str, by: str) -> ClipStage:
        """Put a quarantined Clip back where it fell; where it stands now.

        One that was never cut leaves the catalog and is a selection again.
        """
        with self.transaction() as connection:
            self._stage(clip_id)
            row = self.clip(clip_id)
            if row.stage is not ClipStage.QUARANTINED:
                return row.stage
            if row.failed_from is not None:
                self.move(clip_id, row.stage, row.failed_from, by, "retry")
                return row.failed_from
            connection.execute(sa.delete(schema.clips).where(schema.clips.c.id == clip_id))
            self._count(
                counters.of_standing(row.clip.camera, row.stage, -1),
                counters.negative(_clip_counts(row.clip, row.created_at)),
            )
            self._event(clip_id, row.stage, ClipStage.CUT, by, counters.AGAIN, self._clock())
            return ClipStage.CUT

    def holders(self) -> dict[str, int]:
        """Clips under a live lease by owner."""
        table, now = schema.clips.c, self._clock()
        query = sa.select(table.lease_owner, sa.func.count().label("held"))
        with self.reading() as connection:
            live = table.lease_owner.is_not(None) & ~_expired(connection, now)
            query = query.where(live).group_by(table.lease_owner).order_by(table.lease_owner)
            return {row.lease_owner: row.held for row in connection.execute(query)}

    def counts(self, at: datetime | None = None) -> dict[ClipStage, int]:
        """Clips at every stage in the order of the street, now or at an earlier full minute."""
        found: Counter[str] = Counter()
        for (_, stage), clips in self.totals(counters.STAGE).items():
            found[stage] += int(clips)
        for (_, stage), clips in self.grown(counters.MOVED, since=at).items() if at else ():
            found[stage] -= int(clips)
        return {stage: found[stage.value] for stage in ClipStage}

    def in_review(self, platforms: Sequence[str]) -> dict[str, int]:
        """How many Clips wait on which of the platforms, by where they were sent last."""
        events, clips = schema.clip_events.c, schema.clips.c
        last = (
            sa.select(sa.func.max(events.id).label("id"))
            .join(schema.clips, clips.id == events.clip)
            .where(clips.stage == ClipStage.IN_REVIEW, events.new == ClipStage.IN_REVIEW)
            .where(events.detail.in_(platforms))
            .group_by(events.clip)
            .subquery()
        )
        query = sa.select(events.detail, sa.func.count()).join(last, last.c.id == events.id)
        return {row[0]: row[1] for row in self._rows(query.group_by(events.detail))}

    def newest_error(self) -> str | None:
        """Why the Clip that was quarantined last was."""
        table = schema.clips.c
        query = sa.select(table.error).where(table.stage == ClipStage.QUARANTINED.value)
        found = self._rows(query.order_by(table.moved_at.desc()).limit(1))
        return found[0].error if found else None

    def events(self, clip_id: str | None = None, limit: int | None = None) -> list[Event]:
        """The last `limit` moves, oldest first, of one Clip or of all."""
        table = schema.clip_events
        query = sa.select(table).order_by(table.c.id.desc()).limit(limit)
        if clip_id is not None:
            query = query.where(table.c.clip == clip_id)
        return [rows.event(row) for row in reversed(self._rows(query))]

    def _stage(self, clip_id: str) -> ClipStage:
        """Where a Clip stands; nobody else moves it until this transaction ends."""
        table = schema.clips.c
        query = sa.select(table.stage).where(table.id == clip_id).with_for_update()
        found = self._rows(query)
        if not found:
            raise UnknownName("clip", clip_id)
        return ClipStage(found[0].stage)

    def put_clip(
        self, clip: Clip, stage: ClipStage, by: str, at: datetime, detail: str = ""
    ) -> bool:
        """A Clip comes in at any stage, for `rebuild`; False if it is there already."""
        values: dict[str, Any] = rows.from_clip(clip) | FREE
        values |= {"stage": stage.value, "revision": 0, "error": "", "attempts": 0}
        if not self._put(schema.clips, [values | {"created_at": at, "moved_at": at}]):
            return False
        self._count(_clip_counts(clip, at))
        self._note(clip.id, clip.camera, None, stage, by, detail, at)
        return True

    def _add_uncut(self, clip_id: str, reason: str, by: str) -> bool:
        """Bring in a selection at QUARANTINED; False if the Clip is there or was never selected."""
        chosen = sa.select(schema.selections).where(schema.selections.c.id == clip_id)
        there = self._rows(sa.select(schema.clips.c.id).where(schema.clips.c.id == clip_id))
        found = [] if there else self._rows(chosen)
        if not found:
            return False
        now = self._clock()
        self.put_clip(rows.clip(found[0]), ClipStage.QUARANTINED, by, now, detail=reason)
        self._set(clip_id, error=reason)
        return True

    def _set(self, clip_id: str, **values: Any) -> None:
        with self.transaction() as connection:
            connection.execute(
                sa.update(schema.clips).where(schema.clips.c.id == clip_id).values(values)
            )

    def _free(self, which: sa.ColumnElement[bool]) -> int:
        with self.transaction() as connection:
            query = sa.update(schema.clips).where(schema.clips.c.lease_owner.is_not(None), which)
            return connection.execute(query.values(FREE)).rowcount

    def _note(
        self,
        clip_id: str,
        camera: str,
        old: ClipStage | None,
        new: ClipStage,
        by: str,
        detail: str,
        at: datetime | None = None,
    ) -> None:
        """Event and rollup of one move."""
        with self.transaction():
            self._event(clip_id, old, new, by, detail, at or self._clock())
            self._count(
                counters.of_standing(camera, new, 1),
                counters.of_standing(camera, old, -1) if old else Tally(),
            )

    def _event(
        self,
        clip_id: str,
        old: ClipStage | None,
        new: ClipStage,
        by: str,
        detail: str,
        at: datetime,
    ) -> None:
        row = {"clip": clip_id, "at": at, "old": old and old.value, "new": new.value}
        self._count(counters.of_move(old, new, at, detail))
        with self.transaction() as connection:
            connection.execute(sa.insert(schema.clip_events), row | {"by": by, "detail": detail})


def _expired(connection: sa.Connection, now: datetime) -> sa.ColumnElement[bool]:
    table = schema.clips.c
    query = sa.select(table.lease_owner).where(table.lease_owner.is_not(None)).distinct()
    dead = [owner for owner in connection.scalars(query) if owners.is_dead(owner)]
    return sa.or_(table.lease_until <= now, table.lease_owner.in_(dead))


def _clip_counts(clip: Clip, at: datetime) -> Tally:
    names = {hit.trigger for hit in clip.hits}
    return counters.of_clip(clip.chosen_by.value, clip.led_by, names, len(clip.span), at)

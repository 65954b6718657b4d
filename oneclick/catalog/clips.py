"""Clips: the stage of each, leases on them, and the history of their moves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from oneclick.catalog import counters, owners, rows, schema
from oneclick.catalog.counters import CounterChanges
from oneclick.catalog.rollups import RollupsMixin
from oneclick.catalog.rows import ClipEvent, ClipRecord
from oneclick.core.clips import Clip, ClipStage, check_move
from oneclick.core.errors import UnknownName

REASON_SEPARATOR = ": "
"""In the detail of an event: platform that a clip was sent to, separator, why it was reopened."""
_BEFORE_REVIEW = (ClipStage.LABELLED, ClipStage.ACCEPTED, ClipStage.PUBLISHED)
NO_LEASE = {"lease_owner": None, "lease_until": None}


class ClipsMixin(RollupsMixin):
    """Queries and moves of clips: their stage, lease, and events."""

    def add_clip(self, clip: Clip, by: str) -> bool:
        """Add a Clip at CUT; return False if the catalog has it already."""
        with self.transaction():
            return self.insert_clip(clip, ClipStage.CUT, by, self._clock())

    def insert_clip(
        self, clip: Clip, stage: ClipStage, by: str, at: datetime, detail: str = ""
    ) -> bool:
        """Add a Clip at any stage; return False if the catalog has it already."""
        columns: dict[str, Any] = rows.clip_columns(clip) | NO_LEASE
        columns |= {"stage": stage.value, "revision": 0, "error": "", "attempts": 0}
        columns |= {"created_at": at, "moved_at": at}
        if not self._insert_missing(schema.clips, [columns]):
            return False
        self._add_counts(_clip_changes(clip, at))
        self._add_event(clip.id, None, stage, by, detail, at)
        self._add_counts(counters.stage_changes(clip.camera, stage, 1))
        return True

    def insert_clips(self, clips: Sequence[tuple[Clip, ClipStage, int, datetime]], by: str) -> None:
        """Add many Clips, as (clip, stage, label revision, time); the counters must be refilled."""
        unset: dict[str, Any] = NO_LEASE | {"error": "", "failed_from": None, "attempts": 0}
        columns = [
            rows.clip_columns(clip)
            | unset
            | {"stage": stage.value, "revision": revision, "created_at": at, "moved_at": at}
            for clip, stage, revision, at in clips
        ]
        events = [
            {"clip": clip.id, "at": at, "old": None, "new": stage.value, "by": by, "detail": ""}
            for clip, stage, _, at in clips
        ]
        if columns:
            with self.transaction() as connection:
                connection.execute(sa.insert(schema.clips), columns)
                connection.execute(sa.insert(schema.clip_events), events)

    def stages(self) -> dict[str, ClipStage]:
        """Return the stage of each Clip by id."""
        table = schema.clips.c
        return {
            row.id: ClipStage(row.stage) for row in self._fetch(sa.select(table.id, table.stage))
        }

    def clip(self, clip_id: str) -> ClipRecord:
        """Return one Clip.

        Raises:
            UnknownName: no Clip has this id.
        """
        clip_rows = self._fetch(sa.select(schema.clips).where(schema.clips.c.id == clip_id))
        if not clip_rows:
            raise UnknownName("clip", clip_id)
        return rows.clip_record(clip_rows[0])

    def clips(
        self,
        stage: ClipStage | None = None,
        camera: str | None = None,
        video: str | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[ClipRecord]:
        """Return Clips, optionally of one stage, camera or video, in the order of addition."""
        table = schema.clips.c
        filters = {table.stage: stage and stage.value, table.camera: camera, table.video: video}
        conditions = [column == value for column, value in filters.items() if value is not None]
        query = sa.select(schema.clips).where(*conditions).order_by(table.seq)
        return [rows.clip_record(row) for row in self._fetch(query.limit(limit).offset(offset))]

    def claim(self, stage: ClipStage, owner: str, limit: int, seconds: float) -> list[str]:
        """Claim up to `limit` free Clips at `stage` for `owner`; return their ids.

        The leases end after `seconds`.

        The oldest come first. A lease that has expired, or whose owner is a dead process of this
        host, is free; a live lease is not, even for its owner.
        """
        table, at = schema.clips, self._clock()
        with self.transaction() as connection:
            free = sa.or_(table.c.lease_owner.is_(None), _lease_expired(connection, at))
            picked = (
                sa.select(table.c.seq)
                .where(table.c.stage == stage.value, free)
                .order_by(table.c.seq)
                .limit(limit)
                .with_for_update(skip_locked=True)  # no effect on SQLite, which locks the file
                .cte("picked")
            )
            query = (
                sa.update(table)
                .where(table.c.seq.in_(sa.select(picked.c.seq)))
                .values(
                    lease_owner=owner,
                    lease_until=at + timedelta(seconds=seconds),
                    attempts=table.c.attempts + 1,
                )
                .returning(table.c.seq, table.c.id)
            )
            return [row.id for row in sorted(connection.execute(query).all())]

    def release(self, owner: str) -> int:
        """End all leases of `owner`; return their number."""
        return self._end_leases(schema.clips.c.lease_owner == owner)

    def expire(self) -> int:
        """End all leases that have expired or whose owner is dead; return their number."""
        with self.transaction() as connection:
            return self._end_leases(_lease_expired(connection, self._clock()))

    def _end_leases(self, condition: sa.ColumnElement[bool]) -> int:
        with self.transaction() as connection:
            leased = schema.clips.c.lease_owner.is_not(None)
            query = sa.update(schema.clips).where(leased, condition)
            return connection.execute(query.values(NO_LEASE)).rowcount

    def move(self, clip_id: str, old: ClipStage, new: ClipStage, by: str, detail: str = "") -> bool:
        """Move a Clip from `old` to `new` and end its lease; return False if it is not at `old`.

        Raises:
            IllegalMove: no Clip may go from `old` to `new`. UnknownName: no Clip has this id.
        """
        check_move(clip_id, old, new)
        return self.advance(clip_id, old, new, by, detail)

    def advance(
        self, clip_id: str, old: ClipStage, new: ClipStage, by: str, detail: str = ""
    ) -> bool:
        """Move a Clip as `move` does, over several stages at once too: to where its files are."""
        failed = new is ClipStage.QUARANTINED
        with self.transaction() as connection:
            query = (
                sa.update(schema.clips)
                .where(schema.clips.c.id == clip_id, schema.clips.c.stage == old.value)
                .values(
                    stage=new.value,
                    error=detail if failed else "",
                    failed_from=old.value if failed else None,
                    attempts=0,
                    moved_at=self._clock(),
                    **NO_LEASE,
                )
                .returning(schema.clips.c.camera)
            )
            camera = connection.scalar(query)
            if camera is None:
                self.clip(clip_id)  # raises UnknownName
                return False
            self._add_event(clip_id, old, new, by, detail, self._clock())
            self._add_counts(
                counters.stage_changes(camera, new, 1), counters.stage_changes(camera, old, -1)
            )
            return True

    def quarantine(self, clip_id: str, reason: str, by: str) -> bool:
        """Move a Clip to QUARANTINED with its reason; return False if it is there already.

        A selected Clip that could not be cut is added to the catalog by this.

        Raises:
            IllegalMove: it is published or rejected. UnknownName: no Clip has this id.
        """
        with self.transaction():
            if self._quarantine_selection(clip_id, reason, by):
                return True
            stage = self._lock_stage(clip_id)
            if stage is ClipStage.QUARANTINED:
                return False
            return self.move(clip_id, stage, ClipStage.QUARANTINED, by, reason)

    def _quarantine_selection(self, clip_id: str, reason: str, by: str) -> bool:
        """Add a selection at QUARANTINED; return False unless it is a selection and no Clip yet."""
        clips, selections = schema.clips, schema.selections
        if self._fetch(sa.select(clips.c.id).where(clips.c.id == clip_id)):
            return False
        selection = self._fetch(sa.select(selections).where(selections.c.id == clip_id))
        if not selection:
            return False
        clip = rows.clip_from_row(selection[0])
        self.insert_clip(clip, ClipStage.QUARANTINED, by, self._clock(), detail=reason)
        with self.transaction() as connection:
            connection.execute(sa.update(clips).where(clips.c.id == clip_id).values(error=reason))
        return True

    def retry(self, clip_id: str, by: str) -> ClipStage:
        """Move a quarantined Clip to the stage where it failed; return its stage.

        One that was never cut is removed from the catalog and is only a selection again.
        """
        with self.transaction() as connection:
            self._lock_stage(clip_id)
            row = self.clip(clip_id)
            if row.stage is not ClipStage.QUARANTINED:
                return row.stage
            if row.failed_from is not None:
                self.move(clip_id, row.stage, row.failed_from, by, "retry")
                return row.failed_from
            connection.execute(sa.delete(schema.clips).where(schema.clips.c.id == clip_id))
            self._add_counts(
                counters.stage_changes(row.clip.camera, row.stage, -1),
                _clip_changes(row.clip, row.created_at).negated(),
            )
            at = self._clock()
            self._add_event(clip_id, row.stage, ClipStage.CUT, by, counters.AGAIN, at)
            return ClipStage.CUT

    def _lock_stage(self, clip_id: str) -> ClipStage:
        """Return the stage of a Clip, which no other process moves until the transaction ends."""
        table = schema.clips.c
        stages = self._fetch(sa.select(table.stage).where(table.id == clip_id).with_for_update())
        if not stages:
            raise UnknownName("clip", clip_id)
        return ClipStage(stages[0].stage)

    def _add_event(
        self,
        clip_id: str,
        old: ClipStage | None,
        new: ClipStage,
        by: str,
        detail: str,
        at: datetime,
    ) -> None:
        row = {"clip": clip_id, "at": at, "old": old and old.value, "new": new.value}
        self._add_counts(counters.move_changes(old, new, at, detail))
        with self.transaction() as connection:
            connection.execute(sa.insert(schema.clip_events), row | {"by": by, "detail": detail})

    def holders(self) -> dict[str, int]:
        """Return the number of Clips under a live lease by owner."""
        table, at = schema.clips.c, self._clock()
        query = sa.select(table.lease_owner, sa.func.count().label("clips"))
        with self.reading() as connection:
            live = table.lease_owner.is_not(None) & ~_lease_expired(connection, at)
            query = query.where(live).group_by(table.lease_owner).order_by(table.lease_owner)
            return {row.lease_owner: row.clips for row in connection.execute(query)}

    def counts(self, at: datetime | None = None) -> dict[ClipStage, int]:
        """Return the number of Clips at each stage, now or at an earlier full minute."""
        numbers: Counter[str] = Counter()
        for (_, stage), clips in self.totals(counters.STAGE).items():
            numbers[stage] += int(clips)
        for (_, stage), clips in self.growth(counters.MOVED, since=at).items() if at else ():
            numbers[stage] -= int(clips)
        return {stage: numbers[stage.value] for stage in ClipStage}

    def in_review(self) -> dict[str, int]:
        """Return the number of Clips in review by the platform that they were last sent to."""
        events, last = schema.clip_events.c, _last_sent()
        query = sa.select(events.detail, sa.func.count()).join(last, last.c.id == events.id)
        numbers: Counter[str] = Counter()
        for detail, clips_there in self._fetch(query.group_by(events.detail)):
            numbers[detail.partition(REASON_SEPARATOR)[0]] += clips_there
        return dict(numbers)

    def platforms_in_review(self) -> dict[str, str]:
        """Return the platform that each Clip in review was last sent to.

        It is empty for one whose files told of the review, as after a rebuild.
        """
        clips, events, last = schema.clips.c, schema.clip_events.c, _last_sent()
        with self.reading():
            in_review = sa.select(clips.id).where(clips.stage == ClipStage.IN_REVIEW)
            query = sa.select(events.clip, events.detail).join(last, last.c.id == events.id)
            platforms = {
                row.clip: row.detail.partition(REASON_SEPARATOR)[0] for row in self._fetch(query)
            }
            return {row.id: platforms.get(row.id, "") for row in self._fetch(in_review)}

    def newest_error(self) -> str | None:
        """Return the reason of the most recently quarantined Clip."""
        table = schema.clips.c
        query = sa.select(table.error).where(table.stage == ClipStage.QUARANTINED.value)
        errors = self._fetch(query.order_by(table.moved_at.desc()).limit(1))
        return errors[0].error if errors else None

    def events(self, clip_id: str | None = None, limit: int | None = None) -> list[ClipEvent]:
        """Return the last `limit` events of one Clip or of all, oldest first."""
        table = schema.clip_events
        query = sa.select(table).order_by(table.c.id.desc()).limit(limit)
        if clip_id is not None:
            query = query.where(table.c.clip == clip_id)
        return [rows.clip_event(row) for row in reversed(self._fetch(query))]


def _last_sent() -> sa.Subquery:
    """Return the ids of the events by which the Clips in review were last sent to a platform."""
    events, clips = schema.clip_events.c, schema.clips.c
    return (
        sa.select(sa.func.max(events.id).label("id"))
        .join(schema.clips, clips.id == events.clip)
        .where(clips.stage == ClipStage.IN_REVIEW, events.new == ClipStage.IN_REVIEW)
        .where(events.old.in_(_BEFORE_REVIEW), events.detail != "", events.by != "rebuild")
        .group_by(events.clip)
        .subquery()
    )


def _lease_expired(connection: sa.Connection, at: datetime) -> sa.ColumnElement[bool]:
    """Return the condition that a lease is past its end or its owner is dead."""
    table = schema.clips.c
    query = sa.select(table.lease_owner).where(table.lease_owner.is_not(None)).distinct()
    owner_ids = connection.scalars(query)
    dead = [id for id in owner_ids if not isinstance(id, str) or owners.is_dead(id)]  # or damaged
    return sa.or_(table.lease_until <= at, table.lease_owner.in_(dead))


def _clip_changes(clip: Clip, at: datetime) -> CounterChanges:
    triggers = {hit.trigger for hit in clip.hits}
    return counters.clip_changes(clip.chosen_by.value, clip.led_by, triggers, len(clip.span), at)

"""Label revisions and verdicts: rows are only added, never changed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from oneclick.catalog import counters, rows, schema
from oneclick.catalog.counters import CounterChanges
from oneclick.catalog.rollups import RollupsMixin
from oneclick.catalog.rows import LabelCostRecord, LabelRevisionRecord, VerdictRecord
from oneclick.core.clips import ClipStage
from oneclick.core.errors import OneclickError
from oneclick.core.review import POLICY_PREFIX

if TYPE_CHECKING:  # they load numpy, which listings do without
    from oneclick.core.labels import LabelSet
    from oneclick.core.review import Verdict


class ReviewsMixin(RollupsMixin):
    """Label revisions and verdicts in the catalog."""

    def add_revision(self, labels: LabelSet, digest: str) -> None:
        """Add a label file with its sha256; adding it again changes nothing.

        Raises:
            OneclickError: the Clip has this revision with other content.
        """
        revision = rows.revision_record(labels, digest)
        columns = vars(revision) | {"origins": rows.to_json(revision.origins)}
        with self.transaction() as connection:
            newest = self._newest_revision(revision.clip)
            if not self._insert_missing(schema.label_revisions, [columns]):
                self._check_digest(revision)
                return
            if newest and newest.revision > revision.revision:
                return
            query = sa.update(schema.clips).where(schema.clips.c.id == revision.clip)
            connection.execute(query.values(revision=revision.revision))
            new_boxes = revision.boxes - (newest.boxes if newest else 0)
            self._add_counts(
                counters.origin_changes(revision.origins),
                counters.origin_changes(newest.origins).negated() if newest else CounterChanges(),
                counters.accepted_box_changes(new_boxes * self._acceptances(revision.clip)),
            )

    def insert_reviews(
        self, revisions: Sequence[LabelRevisionRecord], verdicts: Sequence[VerdictRecord]
    ) -> None:
        """Add many label revisions and verdicts of new Clips; the counters must be refilled."""
        columns = [vars(row) | {"origins": rows.to_json(row.origins)} for row in revisions]
        with self.transaction() as connection:
            if columns:
                connection.execute(sa.insert(schema.label_revisions), columns)
            if verdicts:
                connection.execute(
                    sa.insert(schema.verdicts), [dict(vars(row)) for row in verdicts]
                )

    def _check_digest(self, revision: LabelRevisionRecord) -> None:
        digests = {old.revision: old.digest for old in self.revision_rows(revision.clip)}
        if digests[revision.revision] != revision.digest:
            raise OneclickError(
                f"clip {revision.clip}: label revision {revision.revision} is known with other "
                "content; label files are never changed: restore it, then oneclick catalog rebuild"
            )

    def revision_rows(self, clip_id: str | None = None) -> list[LabelRevisionRecord]:
        """Return the label revisions of one Clip or of all, by clip and revision number."""
        table = schema.label_revisions
        query = sa.select(table).order_by(table.c.clip, table.c.revision)
        if clip_id is not None:
            query = query.where(table.c.clip == clip_id)
        return [rows.label_revision(row) for row in self._fetch(query)]

    def _newest_revision(self, clip_id: str) -> LabelRevisionRecord | None:
        table = schema.label_revisions
        query = sa.select(table).where(table.c.clip == clip_id)
        newest = self._fetch(query.order_by(table.c.revision.desc()).limit(1))
        return rows.label_revision(newest[0]) if newest else None

    def add_verdict(self, verdict: Verdict, images: int) -> None:
        """Add the verdict on a Clip of `images` frames; adding it again changes nothing."""
        self.insert_verdict(
            VerdictRecord(
                clip=verdict.clip,
                decision=verdict.decision,
                by=verdict.by,
                at=verdict.at,
                seconds=verdict.seconds,
                edits=verdict.edits,
                images=images,
                reason=verdict.reason,
            )
        )

    def insert_verdict(self, verdict: VerdictRecord) -> None:
        """Add a verdict in the form in which `verdicts` returns it."""
        with self.transaction():
            if not self._insert_missing(schema.verdicts, [dict(vars(verdict))]):
                return
            effort = counters.verdict_changes(
                verdict.by, verdict.at, verdict.images, verdict.edits, verdict.seconds
            )
            accepted = verdict.decision == "accept" and not verdict.by.startswith(POLICY_PREFIX)
            newest = self._newest_revision(verdict.clip) if accepted else None
            boxes = newest.boxes if newest else 0
            self._add_counts(effort, counters.accepted_box_changes(boxes))

    def _acceptances(self, clip_id: str) -> int:
        """Return how many times people accepted a Clip."""
        table = schema.verdicts.c
        query = sa.select(table.by).where(table.clip == clip_id, table.decision == "accept")
        return sum(not row.by.startswith(POLICY_PREFIX) for row in self._fetch(query))

    def judged_clips(self) -> set[str]:
        """Return the ids of the Clips with a verdict."""
        query = sa.select(schema.verdicts.c.clip).distinct()
        return {row.clip for row in self._fetch(query)}

    def verdicts(self) -> list[VerdictRecord]:
        """Return all verdicts, oldest first."""
        table = schema.verdicts
        query = sa.select(table).order_by(table.c.at, table.c.clip, table.c.by)
        return [VerdictRecord(**row._mapping) for row in self._fetch(query)]

    def has_verdict(self, clip_id: str, by: str, at: datetime) -> bool:
        """Check whether the verdict of a reviewer at a time was recorded."""
        table = schema.verdicts.c
        query = sa.select(table.clip).where(table.clip == clip_id, table.by == by, table.at == at)
        return bool(self._fetch(query.limit(1)))

    def work_since(self, since: datetime) -> list[tuple[VerdictRecord, int]]:
        """Return the verdicts since a time, oldest first, with the boxes in each clip's labels."""
        table, clips, revisions = schema.verdicts, schema.clips.c, schema.label_revisions
        joined = table.outerjoin(schema.clips, clips.id == table.c.clip).outerjoin(
            revisions,
            sa.and_(revisions.c.clip == clips.id, revisions.c.revision == clips.revision),
        )
        query = (
            sa.select(table, sa.func.coalesce(revisions.c.boxes, 0).label("boxes"))
            .select_from(joined)
            .where(table.c.at >= since)
            .order_by(table.c.at, table.c.clip, table.c.by)
        )
        work = []
        for row in self._fetch(query):
            columns = dict(row._mapping)
            boxes = columns.pop("boxes")
            work.append((VerdictRecord(**columns), int(boxes)))
        return work

    def waiting_images(self) -> tuple[int, int]:
        """Return the number of clips in review on any platform, and of their frames."""
        table = schema.clips.c
        query = sa.select(
            sa.func.count(), sa.func.coalesce(sa.func.sum(table.stop - table.start), 0)
        ).where(table.stage == ClipStage.IN_REVIEW.value)
        clips, frames = self._fetch(query)[0]
        return int(clips), int(frames)

    def images_of(self, clip_ids: Collection[str]) -> dict[str, int]:
        """Return the number of frames of these clips; ids that the catalog has not are left out."""
        table = schema.clips.c
        query = sa.select(table.id, table.stop - table.start).where(table.id.in_(clip_ids))
        return {clip_id: int(frames) for clip_id, frames in self._fetch(query)}

    def costs(self) -> list[LabelCostRecord]:
        """Return the verdicts summed up by day, labeller and reviewer; oldest day first."""
        return [
            LabelCostRecord(
                # SQLite has no date type and returns text.
                day=row.day if isinstance(row.day, date) else date.fromisoformat(row.day),
                made_by=row.made_by,
                by=row.by,
                clips=row.clips,
                images=row.images,
                edits=row.edits,
                seconds=row.seconds,
                boxes=row.boxes,
            )
            for row in self._fetch(_COSTS)
        ]


def costs_query() -> sa.Select[Any]:
    """Return the query of `ReviewsMixin.costs`."""
    v, c = schema.verdicts.c, schema.clips.c
    revisions = schema.label_revisions
    auto, source, newest = (revisions.alias(name) for name in ("auto", "source", "newest"))
    # A policy that leaves regions out of training made none of the labels.
    by_labellers = sa.not_(auto.c.made_by.startswith(POLICY_PREFIX, autoescape=True))
    newest_auto = (
        sa.select(sa.func.max(auto.c.revision))
        .where(auto.c.clip == v.clip, auto.c.kind == "auto", by_labellers)
        .correlate(schema.verdicts)
        .scalar_subquery()
    )
    joined = (
        schema.verdicts.join(schema.clips, c.id == v.clip)
        .outerjoin(source, sa.and_(source.c.clip == v.clip, source.c.revision == newest_auto))
        .outerjoin(newest, sa.and_(newest.c.clip == c.id, newest.c.revision == c.revision))
    )
    boxes = sa.case((v.decision == "accept", sa.func.coalesce(newest.c.boxes, 0)), else_=0)
    keys = (sa.func.date(v.at).label("day"), source.c.made_by, v.by)
    total = sa.func.sum
    query = sa.select(
        *keys,
        sa.func.count().label("clips"),
        total(v.images).label("images"),
        total(v.edits).label("edits"),
        total(v.seconds).label("seconds"),
        total(boxes).label("boxes"),
    ).select_from(joined)
    return query.group_by(*keys).order_by(*keys)


_COSTS = costs_query()

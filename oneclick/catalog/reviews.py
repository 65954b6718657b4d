"""Label revisions and Verdicts: both only grow."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from oneclick.catalog import counters, rows, schema
from oneclick.catalog.counters import Tally
from oneclick.catalog.rollups import Rollups
from oneclick.catalog.rows import CostRow, RevisionRow, VerdictRow
from oneclick.core.errors import OneclickError
from oneclick.core.review import POLICY

if TYPE_CHECKING:  # they load numpy, which listings do without
    from oneclick.core.labels import LabelSet
    from oneclick.core.review import Verdict


class Reviews(Rollups):
    """The part of the catalog that knows labels."""

    def add_revision(self, labels: LabelSet, digest: str) -> None:
        """Remember a label file by its sha256; the same one again changes nothing.

        Raises:
            OneclickError: the Clip has this revision with other content.
        """
        row = RevisionRow(
            labels.clip,
            labels.revision,
            labels.kind,
            labels.parent,
            labels.made_by,
            labels.made_at,
            digest,
            labels.boxes(),
            labels.counts(),
        )
        table, clips = schema.label_revisions, schema.clips
        with self.transaction() as connection:
            before = self._newest(row.clip)
            if not self._put(table, [vars(row) | {"origins": rows.to_json(row.origins)}]):
                self._check_same(row)
                return
            if before and before.revision > row.revision:
                return
            query = sa.update(clips).where(clips.c.id == row.clip)
            connection.execute(query.values(revision=row.revision))
            grown = row.boxes - (before.boxes if before else 0)
            self._count(
                counters.of_labels(row.origins),
                counters.negative(counters.of_labels(before.origins)) if before else Tally(),
                counters.of_corrected(grown * self._acceptances(row.clip)),
            )

    def revision_rows(self, clip_id: str | None = None) -> list[RevisionRow]:
        """Revisions by clip and number."""
        table = schema.label_revisions
        query = sa.select(table).order_by(table.c.clip, table.c.revision)
        if clip_id is not None:
            query = query.where(table.c.clip == clip_id)
        return [_revision(row) for row in self._rows(query)]

    def add_verdict(self, verdict: Verdict, images: int) -> None:
        """Remember a decision on a Clip of `images` frames; the same again changes nothing."""
        self.put_verdict(
            VerdictRow(
                verdict.clip,
                verdict.decision,
                verdict.by,
                verdict.at,
                verdict.seconds,
                verdict.edits,
                images,
                verdict.reason,
            )
        )

    def verdicts(self) -> list[VerdictRow]:
        """All decisions, oldest first."""
        table = schema.verdicts
        query = sa.select(table).order_by(table.c.at, table.c.clip, table.c.by)
        return [VerdictRow(**row._mapping) for row in self._rows(query)]

    def costs(self) -> list[CostRow]:
        """All decisions summed up by day, maker of the labels and reviewer; oldest day first."""
        with self.reading() as connection:
            found = connection.execute(_COSTS).all()
        return [CostRow(_day(row[0]), *row[1:]) for row in found]

    def _check_same(self, row: RevisionRow) -> None:
        known = {old.revision: old.digest for old in self.revision_rows(row.clip)}
        if known[row.revision] != row.digest:
            raise OneclickError(
                f"clip {row.clip}: label revision {row.revision} is known with other content; "
                "label files are never changed: restore it, then oneclick catalog rebuild"
            )

    def put_verdict(self, row: VerdictRow) -> None:
        """Remember a decision as a row, for `rebuild`."""
        with self.transaction():
            if not self._put(schema.verdicts, [dict(vars(row))]):
                return
            cost = counters.of_verdict(row.by, row.at, row.images, row.edits, row.seconds)
            seen = row.decision == "accept" and not row.by.startswith(POLICY)
            newest = self._newest(row.clip) if seen else None
            self._count(cost, counters.of_corrected(newest.boxes) if newest else Tally())

    def _newest(self, clip_id: str) -> RevisionRow | None:
        table = schema.label_revisions
        query = sa.select(table).where(table.c.clip == clip_id)
        found = self._rows(query.order_by(table.c.revision.desc()).limit(1))
        return _revision(found[0]) if found else None

    def _acceptances(self, clip_id: str) -> int:
        """How often people accepted a Clip."""
        table = schema.verdicts.c
        query = sa.select(table.by).where(table.clip == clip_id, table.decision == "accept")
        return sum(not row.by.startswith(POLICY) for row in self._rows(query))


def _made_costs() -> sa.Select[Any]:
    v, c = schema.verdicts.c, schema.clips.c
    auto, left = schema.label_revisions.alias("auto"), schema.label_revisions.alias("newest")
    newest = (
        sa.select(sa.func.max(auto.c.revision))
        .where(auto.c.clip == v.clip, auto.c.kind == "auto")
        .correlate(schema.verdicts)
        .scalar_subquery()
    )
    made = schema.label_revisions.alias("made")
    day = sa.func.date(v.at)
    boxes = sa.case((v.decision == "accept", sa.func.coalesce(left.c.boxes, 0)), else_=0)
    joined = (
        schema.verdicts.join(schema.clips, c.id == v.clip)
        .outerjoin(made, sa.and_(made.c.clip == v.clip, made.c.revision == newest))
        .outerjoin(left, sa.and_(left.c.clip == c.id, left.c.revision == c.revision))
    )
    sums = [sa.func.sum(column) for column in (v.images, v.edits, v.seconds, boxes)]
    query = sa.select(day, made.c.made_by, v.by, sa.func.count(), *sums).select_from(joined)
    return query.group_by(day, made.c.made_by, v.by).order_by(day, made.c.made_by, v.by)


_COSTS = _made_costs()


def _day(value: date | str) -> date:
    """SQLite has no type for it."""
    return value if isinstance(value, date) else date.fromisoformat(value)


def _revision(row: sa.Row[Any]) -> RevisionRow:
    values = dict(row._mapping)
    origins = msgspec.json.decode(values.pop("origins"), type=dict[str, int])
    return RevisionRow(**values, origins=origins)

"""Label revisions and Verdicts: both only grow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from oneclick.core.errors import OneclickError
from oneclick.io.catalog import rows, schema
from oneclick.io.catalog.rows import RevisionRow, VerdictRow
from oneclick.io.catalog.store import Store

if TYPE_CHECKING:  # they load numpy, which listings do without
    from oneclick.core.labels import LabelSet
    from oneclick.core.review import Verdict


class Reviews(Store):
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
            if not self._put(table, [vars(row) | {"origins": rows.to_json(row.origins)}]):
                self._check_same(row)
                return
            connection.execute(
                sa.update(clips)
                .where(clips.c.id == row.clip, clips.c.revision < row.revision)
                .values(revision=row.revision)
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

    def _check_same(self, row: RevisionRow) -> None:
        known = {old.revision: old.digest for old in self.revision_rows(row.clip)}
        if known[row.revision] != row.digest:
            raise OneclickError(
                f"clip {row.clip}: label revision {row.revision} is known with other content; "
                "label files are never changed: restore it, then oneclick catalog rebuild"
            )

    def put_verdict(self, row: VerdictRow) -> None:
        """Remember a decision as a row, for `rebuild`."""
        self._put(schema.verdicts, [dict(vars(row))])


def _revision(row: sa.Row[Any]) -> RevisionRow:
    values = dict(row._mapping)
    origins = msgspec.json.decode(values.pop("origins"), type=dict[str, int])
    return RevisionRow(**values, origins=origins)

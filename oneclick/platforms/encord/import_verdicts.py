"""Decisions on Encord become verdicts: finished tasks, with who, when and how long.

A decision shows in two places: the row is at a final stage, and the log of actions grows. The log
is quick to read from a cursor on, but may lag, so once an hour each clip in review is looked up.
A verdict counts once, however often the decision is seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from encord.objects import LabelRowV2
from encord.orm.analytics import TaskAction, TaskActionType

from oneclick.core.errors import BadInput, Unavailable, reason
from oneclick.core.labels import LabelSet
from oneclick.core.review import Verdict
from oneclick.platforms.encord import activity, label_rows
from oneclick.platforms.encord.label_rows import ROWS, RowReader
from oneclick.platforms.encord.load import branch_name
from oneclick.platforms.encord.project import EncordProject
from oneclick.platforms.encord.records import EncordRecord, EncordRecords, clip_title
from oneclick.platforms.verdict_inbox import VerdictInbox
from oneclick.storage import labels, sealed_files
from oneclick.storage.workspace import Workspace

READ, UNITS = 20, 100
"""Most in one request: labels read, data units whose actions are listed."""
OVERLAP = timedelta(minutes=15)
"""By how much the log of actions may lag."""
SWEEP = timedelta(hours=1)
"""How often each clip in review is looked up."""
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
"""Before anything was sent."""


class _Cursor(msgspec.Struct, frozen=True):
    at: datetime
    """Until when the log of actions was read."""
    swept: datetime
    """When each clip was looked up last."""


class VerdictImporter:
    """Imports verdicts from one project into the inbox."""

    def __init__(
        self,
        workspace: Workspace,
        encord: EncordProject,
        records: EncordRecords,
        inbox: VerdictInbox,
        cursor: Path,
        reader: RowReader,
    ) -> None:
        self._workspace, self._encord, self._reader = workspace, encord, reader
        self._records, self._inbox, self._cursor = records, inbox, cursor

    def fetch(self, waiting: Sequence[str], thorough: bool) -> None:
        """Import the verdicts on clips that wait; see Platform.fetch."""
        started_at = datetime.now(UTC)
        cursor = self.read_cursor()
        undecided = [clip for clip in waiting if not self._inbox.has(clip)]
        if not undecided:
            return
        actions = None
        if cursor is not None and not thorough and started_at - cursor.swept < SWEEP:
            actions = activity.list_decisions(self._encord, cursor.at - OVERLAP)
        records = {record.data: record for clip in undecided if (record := self.find_record(clip))}
        if actions is not None:
            touched = {str(action.data_unit_uuid) for action in actions}
            records = {data: record for data, record in records.items() if data in touched}
        data_hashes = list(records)
        for start in range(0, len(data_hashes), ROWS):
            self.import_batch({data: records[data] for data in data_hashes[start : start + ROWS]})
        swept = cursor.swept if cursor is not None and actions is not None else started_at
        sealed_files.write(self._cursor, _Cursor(started_at, swept))

    def read_cursor(self) -> _Cursor | None:
        """Return the cursor of the last fetch, or None where it is missing or broken."""
        if not self._cursor.exists():
            return None
        try:
            cursor: _Cursor = sealed_files.read(self._cursor, _Cursor)
        except BadInput:
            return None
        return cursor

    def find_record(self, clip: str) -> EncordRecord | None:
        """Return the record of a clip; rebuild it by the clip's title where it is lost.

        A clip that is not on Encord becomes unreadable.
        """
        record = self._records.find(clip)
        if record is not None:
            return record
        title = clip_title(clip, self._encord.options)
        rows = self._encord.call(
            "find a clip", lambda: self._encord.project.list_label_rows_v2(data_title_eq=title)
        )
        paths = labels.revisions(self._workspace, clip)
        if not rows or not paths:
            self._reader.unreadable[clip] = (
                f"clip {clip} is in review, but not on Encord: oneclick review send {clip}"
            )
            return None
        revision = labels.revision(paths[-1])
        record = EncordRecord(
            clip=clip,
            title=title,
            item=str(rows[0].backing_item_uuid or ""),
            data=rows[0].data_hash,
            branch=branch_name(revision),
            revision=revision,
            sent_at=rows[0].created_at or LONG_AGO,
        )
        self._records.save(record)
        return record

    def import_batch(self, records: dict[str, EncordRecord]) -> None:
        """Import the verdicts on clips at a final stage; `records` are by data unit."""
        rows = self._reader.list_rows(list(records))
        for data_hash in records.keys() - {row.data_hash for row in rows}:
            clip = records[data_hash].clip
            self._reader.unreadable[clip] = (
                f"clip {clip} was deleted on Encord while it was in review: send it again with "
                f"oneclick review send {clip}, or give it up with oneclick review erase {clip}"
            )
        decided = [(row, records[row.data_hash]) for row in rows if self._reader.is_final(row)]
        del rows
        while decided:  # not to hold labels in memory after they were imported
            part, decided[:UNITS] = decided[:UNITS], []
            self.import_decided(part)

    def import_decided(self, decided: list[tuple[LabelRowV2, EncordRecord]]) -> None:
        """Read the labels of rows, and store their verdicts; empties the list."""
        since = min(record.sent_at for _, record in decided) - OVERLAP
        data_hashes = [record.data for _, record in decided]
        actions = activity.list_decisions(self._encord, since, data_hashes) or []
        seconds = activity.seconds_spent(self._encord, since, data_hashes)
        while decided:
            part, decided[:READ] = decided[:READ], []
            for row, record in self._reader.read_final(part):
                clip_actions = [a for a in actions if str(a.data_unit_uuid) == record.data]
                try:
                    sent_labels = self.load_sent_labels(record)
                    verdict = self.build_verdict(
                        row, record, sent_labels, clip_actions, seconds[record.data]
                    )
                    self._inbox.put(verdict, sent_labels)
                except Unavailable:
                    raise
                except Exception as error:  # one clip's error must not stop the others
                    self._reader.unreadable[record.clip] = reason(error, f"read clip {record.clip}")

    def load_sent_labels(self, record: EncordRecord) -> LabelSet:
        """Load the label revision that was sent. Raises BadInput where it is missing."""
        for path in labels.revisions(self._workspace, record.clip):
            if labels.revision(path) == record.revision:
                return labels.load(path)
        raise BadInput(
            f"clip {record.clip}: label revision {record.revision}, which was sent, is missing: "
            "restore it"
        )

    def build_verdict(
        self,
        row: LabelRowV2,
        record: EncordRecord,
        sent_labels: LabelSet,
        actions: list[TaskAction],
        seconds: float,
    ) -> Verdict:
        """Build the verdict on a clip from its row, and from the actions on it.

        Raises:
            BadLabels: the labels on the row do not fit the clip.
        """
        by, at = self.find_reviewer(row, actions)
        rejection = self._reader.find_rejection(row)
        if rejection is not None:
            return Verdict(
                clip=record.clip,
                decision="reject",
                by=by,
                at=at,
                seconds=seconds,
                reason=rejection or "rejected",
            )
        tracks, changes = label_rows.read_corrections(row, sent_labels)
        return Verdict(
            clip=record.clip,
            decision="accept",
            by=by,
            at=at,
            tracks=tracks,
            seconds=seconds,
            edits=changes.total,
        )

    def find_reviewer(self, row: LabelRowV2, actions: list[TaskAction]) -> tuple[str, datetime]:
        """Return who annotated the clip last, and when it was finished (UTC)."""
        ordered = sorted(actions, key=lambda action: action.timestamp)
        submissions = [a for a in ordered if a.action_type == TaskActionType.SUBMIT] or ordered
        email = submissions[-1].actor_email if submissions else row.last_actioned_by_user_email
        at = ordered[-1].timestamp if ordered else row.last_edited_at or datetime.now(UTC)
        return self._encord.options.name_of(email), label_rows.utc(at)

"""Corrections on Encord of clips that were collected before: rows that were edited since.

One request lists the rows that were edited since the last look, of all clips at once. Whether one
is news is told by its labels: those of a row are compared with the newest labels of the clip here,
so that a correction is taken once, however often it is seen, and whatever was lost or restored.

A row on which people are at work again is looked up each time until it is finished. A clip whose
newest labels are not those that came from Encord, as after a review of our own, is left alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec
from encord.objects import LabelRowV2
from encord.orm.analytics import TaskAction, TaskActionType

from oneclick.core.errors import BadInput, Unavailable, reason
from oneclick.core.labels import LabelSet
from oneclick.core.review import Verdict
from oneclick.platforms.encord import activity, label_rows
from oneclick.platforms.encord.import_verdicts import LONG_AGO, OVERLAP, READ, UNITS
from oneclick.platforms.encord.label_rows import ROWS, RowReader
from oneclick.platforms.encord.project import EncordProject
from oneclick.platforms.encord.records import EncordRecords, clip_title
from oneclick.platforms.verdict_inbox import VerdictInbox
from oneclick.storage import labels, reopenings, sealed_files
from oneclick.storage.reopenings import DecidedBy
from oneclick.storage.verdicts import VerdictFile
from oneclick.storage.workspace import Workspace

REASON = "corrected on Encord"
"""Why such a clip is reviewed again."""


class _Progress(msgspec.Struct, frozen=True):
    at: datetime
    """Until when edits were listed."""
    pending: tuple[str, ...] = ()
    """Data units that were edited, and could not be taken yet."""
    settled: dict[str, datetime] = {}
    """Time of the edit by data unit, of those that need no further look."""


@dataclass(frozen=True, kw_only=True)
class EditedClip:
    """A clip whose row was edited after its verdict was collected."""

    clip: str
    data: str
    """Hash of the data unit."""
    edited_at: datetime
    """UTC, as listed before the labels were read."""
    verdicts: tuple[VerdictFile, ...]
    """Archived verdicts of Encord, oldest first."""

    @property
    def decided_at(self) -> datetime:
        """Return the time of the newest archived verdict."""
        return self.verdicts[-1].at


class CorrectionImporter:
    """Imports corrections from one project into the inbox, as verdicts of a further round."""

    def __init__(
        self,
        workspace: Workspace,
        encord: EncordProject,
        records: EncordRecords,
        inbox: VerdictInbox,
        progress: Path,
        reader: RowReader,
    ) -> None:
        self._workspace, self._encord, self._reader = workspace, encord, reader
        self._records, self._inbox, self._progress = records, inbox, progress
        self._pending: set[str] = set()
        self._settled: dict[str, datetime] = {}

    def fetch(self, waiting: Sequence[str], started_at: datetime) -> None:
        """Import what was corrected since the last look on clips that do not wait for review.

        Args:
            waiting: ids of clips that wait for review.
            started_at: from when on the next look lists edits: before labels were read for verdicts
                in this one (UTC).
        """
        archived_ids = set(self._inbox.archived_ids()) - set(waiting)
        if not archived_ids:
            return
        last = self.read_progress()
        self._pending, self._settled = set(), {}
        rows = self.list_candidates(last)
        edited = self.find_edited(rows, archived_ids, last.settled)
        while edited:  # not to hold labels in memory after they were imported
            part, edited[:UNITS] = edited[:UNITS], []
            self.import_edited(part)
        progress = _Progress(started_at, tuple(sorted(self._pending)), self._settled)
        sealed_files.write(self._progress, progress)

    def read_progress(self) -> _Progress:
        """Return how far the last look came; from the beginning where its file is lost."""
        if self._progress.exists():
            try:
                progress: _Progress = sealed_files.read(self._progress, _Progress)
            except BadInput:
                return _Progress(LONG_AGO)
            return progress
        return _Progress(LONG_AGO)

    def list_candidates(self, last: _Progress) -> list[LabelRowV2]:
        """List the rows that were edited since the last look, and those that were pending then."""
        rows = {row.data_hash: row for row in self._reader.list_edited(last.at - OVERLAP)}
        pending = [data for data in last.pending if data not in rows]
        for start in range(0, len(pending), ROWS):
            part = self._reader.list_rows(pending[start : start + ROWS])
            rows |= {row.data_hash: row for row in part}
        return list(rows.values())

    def find_edited(
        self, rows: Sequence[LabelRowV2], clip_ids: set[str], settled: dict[str, datetime]
    ) -> list[tuple[LabelRowV2, EditedClip]]:
        """Return the rows that are finished and may correct a clip.

        Args:
            rows: that may have been edited.
            clip_ids: clips that were collected.
            settled: times of edits that need no further look, by data unit.
        """
        if not rows:
            return []
        by_title = {clip_title(clip_id, self._encord.options): clip_id for clip_id in clip_ids}
        edited = []
        for row in rows:
            clip_id, data = by_title.get(row.data_title), row.data_hash
            if clip_id is None or row.last_edited_at is None:
                continue
            edited_at = label_rows.utc(row.last_edited_at)
            verdicts = tuple(self._inbox.archived(clip_id))
            if settled.get(data) == edited_at:
                self._settled[data] = edited_at
            elif verdicts and edited_at > verdicts[-1].at:
                candidate = EditedClip(
                    clip=clip_id, data=data, edited_at=edited_at, verdicts=verdicts
                )
                if self._inbox.has(clip_id) or not self._reader.is_final(row):
                    self._pending.add(data)
                elif self.is_current(candidate):
                    edited.append((row, candidate))
        return edited

    def is_current(self, edited: EditedClip) -> bool:
        """Check whether the newest labels of a clip are those that came from Encord."""
        clip_id = edited.clip
        try:
            label_set = self.load_latest(clip_id)
            reopening = reopenings.find(self._workspace.review_dir(), clip_id)
        except BadInput as error:
            self.keep_pending(edited, str(error))
            return False
        author = DecidedBy(label_set.made_by, label_set.made_at)
        is_ours = author in [DecidedBy(verdict.by, verdict.at) for verdict in edited.verdicts]
        if is_ours and not (reopening and reopening.is_earlier(author.by, author.at)):
            return True
        self._settled[edited.data] = edited.edited_at
        self._reader.unreadable[clip_id] = (
            f"clip {clip_id} was rejected: what was edited on Encord since changes nothing"
            if edited.verdicts[-1].decision == "reject"
            else f"clip {clip_id} was reviewed again here since it came from Encord: what was "
            "edited there changes nothing"
        )
        return False

    def load_latest(self, clip_id: str) -> LabelSet:
        """Return the newest labels of a clip. Raises BadInput."""
        label_set = labels.latest(self._workspace, clip_id)
        if label_set is None:
            raise BadInput(f"clip {clip_id} has no labels: restore them from a backup")
        return label_set

    def import_edited(self, edited: list[tuple[LabelRowV2, EditedClip]]) -> None:
        """Read the labels of rows, and store what they correct; empties the list."""
        records = [self._records.find(candidate.clip) for _, candidate in edited]
        times = [record.sent_at for record in records if record is not None]
        times += [candidate.decided_at for _, candidate in edited]
        since, data_hashes = min(times) - OVERLAP, [candidate.data for _, candidate in edited]
        actions = activity.list_decisions(self._encord, since, data_hashes) or []
        seconds = activity.seconds_spent(self._encord, since, data_hashes)
        while edited:
            part, edited[:READ] = edited[:READ], []
            self._pending |= {candidate.data for _, candidate in part}
            for row, candidate in self._reader.read_final(part):
                clip_actions = [
                    action for action in actions if str(action.data_unit_uuid) == candidate.data
                ]
                try:
                    self.import_row(row, candidate, clip_actions, seconds[candidate.data])
                except Unavailable:
                    raise
                except Exception as error:  # one clip's error must not stop the others
                    self.keep_pending(candidate, reason(error, f"read clip {candidate.clip}"))

    def import_row(
        self, row: LabelRowV2, edited: EditedClip, actions: list[TaskAction], seconds: float
    ) -> None:
        """Store what the labels on a row correct, if anything.

        Raises:
            BadInput: the labels on the row do not fit the clip, or it is rejected now.
        """
        rejection = self._reader.find_rejection(row)
        if rejection is not None:
            raise BadInput(
                f"clip {edited.clip} was accepted, and is rejected on Encord now "
                f"({rejection or 'no reason'}): oneclick review reopen {edited.clip} --reason TEXT"
            )
        label_set = self.load_latest(edited.clip)
        tracks, changes = label_rows.read_corrections(row, label_set)
        if tracks is not None:
            by, at = self.find_editor(row, edited, actions)
            earlier_seconds = sum(verdict.seconds for verdict in edited.verdicts)
            verdict = Verdict(
                clip=edited.clip,
                decision="accept",
                by=by,
                at=at,
                tracks=tracks,
                seconds=max(0.0, seconds - earlier_seconds),
                edits=changes.total,
                reason=REASON,
                is_correction=True,
            )
            self._inbox.put_correction(verdict, label_set)
        self._pending.discard(edited.data)
        self._settled[edited.data] = edited.edited_at

    def find_editor(
        self, row: LabelRowV2, edited: EditedClip, actions: list[TaskAction]
    ) -> tuple[str, datetime]:
        """Return who corrected a clip, and when (UTC): later than any verdict on it."""
        times = [edited.edited_at]
        emails: list[str | None] = [row.last_actioned_by_user_email]
        new_actions = [a for a in actions if label_rows.utc(a.timestamp) > edited.decided_at]
        if new_actions:
            new_actions.sort(key=lambda action: label_rows.utc(action.timestamp))
            times.append(label_rows.utc(new_actions[-1].timestamp))
            submissions = [a for a in new_actions if a.action_type == TaskActionType.SUBMIT]
            emails.append((submissions or new_actions)[-1].actor_email)
        else:
            emails.append(_last_editor(row, edited.decided_at))
        return self._encord.options.name_of(next(filter(None, reversed(emails)), None)), max(times)

    def keep_pending(self, edited: EditedClip, text: str) -> None:
        """Note why a correction cannot be taken; it is tried again each time."""
        self._pending.add(edited.data)
        self._reader.unreadable[edited.clip] = text


def _last_editor(row: LabelRowV2, since: datetime) -> str | None:
    """Return who edited a box on a row last; labels carry their time in whole seconds."""
    annotations = [
        (label_rows.utc(annotation.last_edited_at), annotation.last_edited_by)
        for instance in row.get_object_instances()
        for annotation in instance.get_annotations()
        if annotation.last_edited_at is not None and annotation.last_edited_by
    ]
    whole_second = since.replace(microsecond=0)
    recent = [(at, email) for at, email in annotations if at >= whole_second]
    return max(recent, default=(since, None), key=lambda pair: pair[0])[1]

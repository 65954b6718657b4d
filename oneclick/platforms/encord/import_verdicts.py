"""What people decided on Encord: finished tasks become verdicts, with who, when and how long.

Encord tells of a decision twice: the row stands at a final stage, and the log of actions grows. The
log is the quick way, asked since a cursor; it may lag, so every hour each clip that waits is looked
at. A verdict counts once, whatever is seen how often.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import msgspec
from encord.objects import LabelRowV2
from encord.orm.analytics import TaskAction, TaskActionType

from oneclick.core import edits
from oneclick.core.errors import BadInput, PlatformAway, PlatformRefused, Unavailable, reason
from oneclick.core.labels import LabelSet, LabelTrack
from oneclick.core.review import Verdict
from oneclick.platforms.encord import convert, schema
from oneclick.platforms.encord.load import branch
from oneclick.platforms.encord.project import Place
from oneclick.platforms.encord.records import Record, Records, code, title
from oneclick.platforms.verdict_inbox import Spool
from oneclick.storage import files, labels
from oneclick.storage.workspace import Workspace

T = TypeVar("T")
ROWS, READ, UNITS = 500, 20, 100
"""Most in one request: rows listed, labels read, data units asked about."""
OVERLAP = timedelta(minutes=15)
"""The log of actions may be this late."""
SWEEP = timedelta(hours=1)
"""How often each clip that waits is looked at."""
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
"""Before anything was sent."""
DECIDED = (
    TaskActionType.SUBMIT,
    TaskActionType.APPROVE,
    TaskActionType.REJECT,
    TaskActionType.MOVE,
)


class _Cursor(msgspec.Struct, frozen=True):
    at: datetime
    swept: datetime


class Outcome:
    """Brings verdicts from one place into the spool."""

    def __init__(
        self, workspace: Workspace, place: Place, known: Records, spool: Spool, cursor: Path
    ) -> None:
        self._workspace, self._place = workspace, place
        self._known, self._spool, self._cursor = known, spool, cursor
        self.broken: dict[str, str] = {}
        """Clips that were decided and cannot be read, each with its reason."""

    def fetch(self, waiting: Sequence[str], thorough: bool) -> None:
        """As Platform.fetch."""
        begun = datetime.now(UTC)
        before = self._before()
        open_ = [clip for clip in waiting if not self._spool.holds(clip)]
        if not open_:
            return
        quick = not thorough and before is not None and begun - before.swept < SWEEP
        touched = self._touched(before.at - OVERLAP) if before and quick else None
        out = {
            record.data: record
            for record in self._records(open_)
            if touched is None or record.data in touched
        }
        for part in _parts(list(out), ROWS):
            self._part({data: out[data] for data in part})
        swept = before.swept if before and touched is not None else begun
        files.write_json(self._cursor, _Cursor(begun, swept))

    def _before(self) -> _Cursor | None:
        try:
            found: _Cursor | None = (
                files.read_json(self._cursor, _Cursor) if self._cursor.exists() else None
            )
        except BadInput:
            return None
        return found

    def _records(self, clips: Sequence[str]) -> Iterator[Record]:
        for clip in clips:
            found = self._known.find(clip) or self._lost(clip)
            if found:
                yield found

    def _lost(self, clip: str) -> Record | None:
        """A clip that was sent and of which nothing is known here, found by its title."""
        name = title(clip, self._place.options)
        rows = self._place.ask(
            "find a clip", lambda: self._place.project.list_label_rows_v2(data_title_eq=name)
        )
        sent = self._newest_auto(clip)
        if not rows or sent is None:
            self.broken[clip] = (
                f"clip {clip} is in review, but not on Encord: oneclick review send {clip}"
            )
            return None
        row = rows[0]
        item, since = str(row.backing_item_uuid or ""), row.created_at or LONG_AGO
        found = Record(clip, name, item, row.data_hash, branch(sent), sent, since)
        self._known.keep(found)
        return found

    def _newest_auto(self, clip: str) -> int | None:
        paths = labels.revisions(self._workspace, clip)
        return labels.revision(paths[-1]) if paths else None

    def _touched(self, since: datetime) -> set[str] | None:
        """Data units in the log of actions; None where it cannot be had."""
        found = self._actions(since, None)
        return None if found is None else {str(one.data_unit_uuid) for one in found}

    def _actions(self, since: datetime, units: Sequence[str] | None) -> list[TaskAction] | None:
        """The log of actions; None where the key may not read it, or not so far back."""
        until = datetime.now(UTC) + timedelta(minutes=1)
        try:
            return self._place.line.ask(
                "read the log of actions",
                lambda: list(
                    self._place.project.get_task_actions(
                        after=since,
                        before=until,
                        action_type=list(DECIDED),
                        data_unit_uuid=list(units) if units else None,
                    )
                ),
            )
        except PlatformRefused:
            return None

    def _part(self, out: dict[str, Record]) -> None:
        """Clips of one listing: those at a final stage become verdicts."""
        rows = self._place.ask(
            "list rows", lambda: self._place.project.list_label_rows_v2(data_hashes=list(out))
        )
        for data in out.keys() - {row.data_hash for row in rows}:
            clip = out[data].clip
            self.broken[clip] = (
                f"clip {clip} was deleted on Encord while it was in review: send it again with "
                f"oneclick review send {clip}, or give it up with oneclick review erase {clip}"
            )
        final = (self._place.options.finished, self._place.options.discarded)
        decided = [(row, out[row.data_hash]) for row in rows if _stage(row) in final]
        del rows
        for part in _taken(decided, UNITS):
            self._verdicts(part)

    def _verdicts(self, found: list[tuple[LabelRowV2, Record]]) -> None:
        """Read rows and keep what they say; `found` is used up."""
        since = min(record.sent_at for _, record in found) - OVERLAP
        actions = self._actions(since, [record.data for _, record in found]) or []
        spent = self._spent(since, {record.data for _, record in found})
        for part in _taken(found, READ):
            for row, record in self._unchanged(self._read(part)):
                mine = [one for one in actions if str(one.data_unit_uuid) == record.data]
                try:
                    sent = self._sent(record)
                    verdict = self._verdict(row, record, sent, mine, spent.get(record.data, 0))
                    self._spool.put(verdict, sent)
                except Unavailable:
                    raise
                except Exception as error:  # whatever is wrong with one clip, the others come
                    self.broken[record.clip] = reason(error, f"read clip {record.clip}")

    def _sent(self, record: Record) -> LabelSet:
        for path in labels.revisions(self._workspace, record.clip):
            if labels.revision(path) == record.revision:
                return labels.load(path)
        raise BadInput(
            f"clip {record.clip}: label revision {record.revision}, which was sent, is missing: "
            "restore it"
        )

    def _spent(self, since: datetime, units: set[str]) -> dict[str, int]:
        """Seconds that people spent on each data unit; none where the key may not know."""
        # Time is told by days.
        midnight = since.replace(hour=0, minute=0, second=0, microsecond=0)
        project, found = self._place.project, dict.fromkeys(units, 0)
        try:
            rows = self._place.line.ask(
                "read the time spent",
                lambda: list(project.list_time_spent(midnight, datetime.now(UTC))),
            )
        except PlatformRefused:
            return found
        for one in rows:
            if str(one.data_uuid) in units:
                found[str(one.data_uuid)] += one.time_spent_seconds
        return found

    def _read(self, part: list[tuple[LabelRowV2, Record]]) -> list[tuple[LabelRowV2, Record]]:
        """Rows with their labels; one that cannot be read is told apart by halves."""
        # A row without a hash has no labels, and reading would make some.
        asked = [(row, record) for row, record in part if row.label_hash is not None]
        bare = [(row, record) for row, record in part if row.label_hash is None]
        for row, record in bare:
            if _stage(row) == self._place.options.finished:
                self.broken[record.clip] = (
                    f"clip {record.clip} was finished on Encord before it had labels: reopen it"
                )
        try:
            self._place.line.ask("read labels", lambda: self._initialise([row for row, _ in asked]))
        except PlatformAway:
            raise
        except PlatformRefused as error:
            if len(asked) > 1:
                half = len(asked) // 2
                return [*self._read(asked[:half]), *self._read(asked[half:] + bare)]
            self._place.welcome()
            self.broken[asked[0][1].clip] = str(error)
            asked = []
        return asked + [one for one in bare if one[1].clip not in self.broken]

    def _unchanged(self, read: list[tuple[LabelRowV2, Record]]) -> list[tuple[LabelRowV2, Record]]:
        """Those that nobody took up again while we read them; the others come another time."""
        data = [record.data for _, record in read]
        rows = self._place.ask(
            "list rows", lambda: self._place.project.list_label_rows_v2(data_hashes=data)
        )
        final = (self._place.options.finished, self._place.options.discarded)
        still = {row.data_hash for row in rows if _stage(row) in final}
        return [(row, record) for row, record in read if record.data in still]

    def _initialise(self, rows: list[LabelRowV2]) -> None:
        with self._place.project.create_bundle() as bundle:
            for row in rows:
                row.initialise_labels(overwrite=True, bundle=bundle)

    def _verdict(
        self,
        row: LabelRowV2,
        record: Record,
        sent: LabelSet,
        actions: list[TaskAction],
        seconds: float,
    ) -> Verdict:
        by, at = self._who(row, actions)
        why = schema.rejection(row) if row.is_labelling_initialised else None
        if why is None and _stage(row) == self._place.options.discarded:
            why = f"at {self._place.options.discarded} on Encord"
        if why is not None:
            return Verdict(record.clip, "reject", by, at, None, seconds, 0, why or "rejected")
        shown = convert.shown(sent)
        back = edits.recognise(shown, convert.read(row, sent, code(record.clip)))
        tracks, change = edits.settle(sent.tracks, shown, back)
        same = change == edits.Edits() and _keys(tracks) == _keys(sent.tracks)
        return Verdict(
            record.clip, "accept", by, at, None if same else tracks, seconds, change.total
        )

    def _who(self, row: LabelRowV2, actions: list[TaskAction]) -> tuple[str, datetime]:
        """Who annotated the clip last, and when it was finished."""
        order = sorted(actions, key=lambda one: one.timestamp)
        drawn = [one for one in order if one.action_type == TaskActionType.SUBMIT] or order
        mail = drawn[-1].actor_email if drawn else row.last_actioned_by_user_email
        at = order[-1].timestamp if order else row.last_edited_at or datetime.now(UTC)
        if at.tzinfo is None:
            at = at.replace(tzinfo=UTC)
        return self._place.options.people.get(mail or "", mail or "encord"), at.astimezone(UTC)


def _keys(tracks: Sequence[LabelTrack]) -> dict[int, tuple[int, ...]]:
    return {track.id: track.keyframes for track in tracks}


def _stage(row: LabelRowV2) -> str | None:
    return row.workflow_graph_node.title if row.workflow_graph_node else None


def _parts(items: Sequence[T], size: int) -> Iterator[list[T]]:
    for start in range(0, len(items), size):
        yield list(items[start : start + size])


def _taken(items: list[T], size: int) -> Iterator[list[T]]:
    """Parts of a list that it loses: labels that were read are not held for longer."""
    while items:
        part, items[:size] = items[:size], []
        yield part

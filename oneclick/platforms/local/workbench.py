"""The desk: one clip with its labels, its edits so far, and the decision about it.

Every edit is in the journal, on the device, before it is answered. Two servers may work on one
workspace: each reads what the other appended. What is kept in memory can be read again any time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from oneclick.catalog import utc_now
from oneclick.core import edits, visible
from oneclick.core.errors import BadInput, OneclickError
from oneclick.core.labels import LabelSet, LabelTrack
from oneclick.core.review import Decision, Verdict
from oneclick.editing import seeded_errors, state
from oneclick.editing.comments import Comment
from oneclick.editing.history import History
from oneclick.editing.operations import CarriedBoxes, DrawTrack, Operation
from oneclick.editing.state import EditState
from oneclick.platforms.local import control_pictures, desks
from oneclick.platforms.local.desk_records import AskedQuestion, DeskRecord
from oneclick.platforms.local.desks import Desk, Desks
from oneclick.platforms.local.leases import Leases
from oneclick.platforms.local.queue import LocalPlatform
from oneclick.platforms.local.signed_comments import SignedComment
from oneclick.storage import sealed_files
from oneclick.storage.edit_journals import JournalEntry
from oneclick.storage.labels import TrackDocument

Carrier = Callable[[EditState, DrawTrack], CarriedBoxes | None]
"""Follows the person in a drawn box through a clip; None where it finds nothing."""
MAX_KEY = 100
"""Characters of the key of an edit."""
MAX_SECONDS = 24 * 3600.0


class EditConflict(OneclickError):
    """Edits that the sender has not seen: nothing was changed.

    Args:
        clip_id: the clip.
        head: number of the newest edit.
        entries: the edits after the sender's base.
    """

    def __init__(self, clip_id: str, head: int, entries: Sequence[JournalEntry]) -> None:
        self.head, self.entries = head, tuple(entries)
        super().__init__(f"clip {clip_id} was changed on another page: edit {head} is the newest")


class Decided(OneclickError):
    """A clip that does not wait for review any more, or waits in another round."""


@dataclass(frozen=True, kw_only=True)
class EditRequest:
    """Who sends an edit or a decision, and what they have seen."""

    clip: str
    key: str
    """Chosen by the client: what is sent twice is done once."""
    base: int
    """Number of the newest edit that the sender has seen."""
    fence: int
    """Number of the sender's lease."""
    by: str
    round: str = ""
    """Name of the round of review that the sender has seen; empty: not told."""


@dataclass(frozen=True, kw_only=True)
class EditResult:
    """What an edit did."""

    rev: int
    """Number of the edit."""
    changed: tuple[LabelTrack, ...]
    """Whole tracks."""
    removed: tuple[int, ...]
    answers: Mapping[str, str]
    comments: tuple[Comment, ...] | None
    """All of the clip; None where the edit changed none."""
    undoable: int
    redoable: int


@dataclass(frozen=True, kw_only=True)
class OpenClip:
    """The labels of a clip as they are now."""

    state: EditState
    head: int
    """Number of the newest edit, 0 without any."""
    undoable: int
    redoable: int
    revision: int
    """Label revision that was sent."""
    round: str
    """Name of the round of review: edits that were made in another one do not belong here."""
    comments: tuple[SignedComment, ...]


class Workbench:
    """All clips that people correct on our own platform.

    Args:
        queue: the clips that wait.
        leases: who may change which of them.
        fps: returns the frames per second of a clip of the catalog.
        attributes: values that reviewers may set, by attribute of a track.
        carrier: follows a drawn person through a clip; None leaves the drawn box alone.
        clock: returns the current time, UTC.
    """

    def __init__(
        self,
        queue: LocalPlatform,
        leases: Leases,
        *,
        fps: Callable[[str], float],
        attributes: Mapping[str, tuple[str, ...]],
        carrier: Carrier | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._queue, self._leases, self._carrier, self._clock = queue, leases, carrier, clock
        self._desks = Desks(queue, fps, attributes)

    def open(self, clip_id: str) -> OpenClip:
        """Return the labels of a clip with all edits so far.

        Raises:
            UnknownName: it does not wait for review.
            BadInput: its task or its journal is broken.
        """
        desk = self._desks.find(clip_id)
        with desk.lock:
            self._desks.catch_up(clip_id, desk)
            return OpenClip(
                state=desk.history.state,
                head=len(desk.journal.entries),
                undoable=desk.history.undoable,
                redoable=desk.history.redoable,
                revision=desk.task.revision,
                round=desk.round,
                comments=desk.comments,
            )

    def edit(self, request: EditRequest, operation: Operation) -> EditResult:
        """Apply an edit and return once it is on the device.

        Raises:
            LeaseConflict: the lease ended, or another page has a later one.
            EditConflict: there are edits that the sender has not seen.
            BadEdit: the labels do not allow it.
            Decided: somebody decided about the clip.
            UnknownName, BadInput: as for `open`.
        """
        check_key(request.key)
        if isinstance(operation, DrawTrack) and operation.carry and self._carrier:
            with self._desks.locked(request.clip) as desk:
                if again := self._find_edit(desk, request.key):
                    return again
                self._check(request, desk)
                desk.history.preview(operation)  # raises BadEdit
                before = desk.history.state
            # Takes seconds: nobody waits for it meanwhile.
            carried = self._carrier(before, operation)
            operation = msgspec.structs.replace(operation, carried=carried)
        with self._desks.locked(request.clip) as desk:
            if again := self._find_edit(desk, request.key):
                return again
            self._check(request, desk)
            before, after = desk.history.state, desk.history.preview(operation)
            desk.journal.append(self._entry(request, desk, operation))
            desk.history.push(operation)
            return _result(len(desk.journal.entries), before, after, desk.history)

    def decide(
        self,
        request: EditRequest,
        decision: Decision,
        *,
        reason: str = "",
        active_seconds: float = 0.0,
        asked: Sequence[AskedQuestion] = (),
    ) -> bool:
        """Decide about a clip as its labels are now; return False where it was decided before.

        Args:
            request: who decides, and up to which edit they have seen the labels.
            decision: accept or reject.
            reason: why it is rejected.
            active_seconds: time in which the reviewer worked.
            asked: the questions that were shown.

        Raises: as `edit`.
        """
        check_key(request.key)
        if not 0 <= active_seconds <= MAX_SECONDS:
            raise BadInput(f"active_seconds is {active_seconds}; it lies in 0 … {MAX_SECONDS:.0f}")
        path = self._queue.desk_file(request.clip)
        earlier = DeskRecord.load(path)
        if (
            earlier
            and earlier.key == request.key
            and self._queue.has_verdict(request.clip, earlier.by, earlier.at)
        ):
            return True  # the answer to the same request was lost
        with self._desks.locked(request.clip) as desk:
            self._check(request, desk)
            final, caught = desk.history.state, False
            if desk.error:
                caught = seeded_errors.is_caught(desk.error, final)
                final = seeded_errors.repair(desk.error, final)
            corrected, changes = corrections(desk.task, final)
            verdict = Verdict(
                clip=request.clip,
                decision=decision,
                by=request.by,
                at=self._clock(),
                tracks=corrected if decision == "accept" else None,
                seconds=active_seconds,
                edits=changes.total,
                reason=reason,
            )
            answers = desk.history.state.answers
            record = DeskRecord.create(
                verdict,
                desk.task,
                key=request.key,
                head=request.base,
                changes=changes,
                questions=[
                    msgspec.structs.replace(each, answer=answers.get(each.id, "")) for each in asked
                ],
                comments=desk.comments,
            )
            sealed_files.write(path, record)
            if desk.error and decision == "accept":
                self._queue.record_seeded(verdict, desk.error, caught)
            frames = control_pictures.looked_at(asked, answers)
            if frames and decision == "accept":
                counts = control_pictures.count_missed(
                    frames, asked, desk.initial.tracks, desk.history.state.tracks
                )
                self._queue.record_control(verdict, frames, *counts)
            desk.journal.note_record()
            is_first = self._queue.submit(verdict)
        self._desks.forget(request.clip)
        self._leases.finish(request.clip)
        return is_first

    def _check(self, request: EditRequest, desk: Desk) -> None:
        """Raise unless the sender may change the clip and has seen all edits."""
        if not self._queue.is_open(request.clip):
            raise Decided(f"clip {request.clip} was decided: it waits for nobody")
        if request.round not in ("", desk.round):
            raise Decided(f"clip {request.clip} is reviewed again, or with other labels: reload it")
        self._leases.check(request.clip, request.by, request.fence)
        entries = desk.journal.entries
        if request.base != len(entries) or (entries and entries[-1].fence > request.fence):
            later = entries[max(0, request.base) :]
            raise EditConflict(request.clip, len(entries), later)

    def _entry(self, request: EditRequest, desk: Desk, operation: Operation) -> JournalEntry:
        return JournalEntry(
            rev=len(desk.journal.entries) + 1,
            key=request.key,
            by=visible.line(request.by),
            at=self._clock(),
            fence=request.fence,
            task=desk.digest,
            op=msgspec.Raw(msgspec.json.encode(operation)),
        )

    def _find_edit(self, desk: Desk, key: str) -> EditResult | None:
        """Return what the edit with a key did, if it was done before."""
        entry = next((each for each in desk.journal.entries if each.key == key), None)
        if entry is None:
            return None
        history = History(
            desk.initial,
            (desks.decode_operation(each) for each in desk.journal.entries[: entry.rev - 1]),
        )
        before, after = history.state, history.replay(desks.decode_operation(entry))
        return _result(entry.rev, before, after, history)


def check_key(key: str) -> None:
    """Raise BadInput unless a key is one to MAX_KEY characters long."""
    if not 0 < len(key) <= MAX_KEY:
        raise BadInput(f"a key has 1 to {MAX_KEY} characters")


def corrections(
    task: LabelSet, current: EditState
) -> tuple[tuple[LabelTrack, ...] | None, edits.Edits]:
    """Return the corrected tracks, None where none differs, and how many boxes were edited."""
    sent = sorted(task.tracks, key=lambda track: track.id)
    documents = [[TrackDocument.encode(track) for track in part] for part in (sent, current.tracks)]
    if documents[0] == documents[1]:
        return None, edits.Edits()
    _, changes = edits.reconcile(sent, sent, current.tracks, tolerance=0.0)
    return current.tracks, changes


def _result(rev: int, before: EditState, after: EditState, history: History) -> EditResult:
    changed, removed = state.changes(before, after)
    return EditResult(
        rev=rev,
        changed=tuple(changed),
        removed=tuple(removed),
        answers=after.answers,
        comments=None if after.comments is before.comments else after.comments,
        undoable=history.undoable,
        redoable=history.redoable,
    )

"""Clips of the desk in memory: the labels that were sent, and what the journal made of them."""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from oneclick.core.errors import BadInput, OneclickError, UnknownName
from oneclick.core.labels import LabelSet
from oneclick.editing import operations
from oneclick.editing.history import History
from oneclick.editing.operations import Operation
from oneclick.editing.seeded_errors import SeededError
from oneclick.editing.state import EditState
from oneclick.platforms.local import desk_records, seeds, signed_comments
from oneclick.platforms.local.queue import LocalPlatform, decode_task
from oneclick.platforms.local.signed_comments import SignedComment
from oneclick.storage import files
from oneclick.storage.edit_journals import Journal, JournalEntry, ShorterJournal
from oneclick.storage.files import FileVersion

OPEN_CLIPS = 64
"""Clips whose states are kept in memory."""


@dataclass
class Desk:
    """A clip in memory, up to some edit."""

    task: LabelSet
    error: SeededError | None
    """Error that was put into the labels of the task."""
    digest: str
    """Of the task and the error."""
    initial: EditState
    earlier_comments: tuple[SignedComment, ...]
    """Open comments of the round before; the initial state has them too."""
    journal: Journal
    history: History
    version: FileVersion
    """Of the task file."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def round(self) -> str:
        """Return the name of this round of review: of the labels that were sent and their edits."""
        path = self.journal.path
        text = f"{path.parent.parent.name}/{path.name} {self.digest}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def comments(self) -> tuple[SignedComment, ...]:
        """Return the comments as they are now."""
        return signed_comments.sign(
            self.history.state.comments, self.journal.entries, self.earlier_comments
        )


class Desks:
    """The clips that were opened last; threads share them.

    Args:
        queue: the clips that wait.
        fps: returns the frames per second of a clip of the catalog.
        attributes: values that reviewers may set, by attribute of a track.
    """

    def __init__(
        self,
        queue: LocalPlatform,
        fps: Callable[[str], float],
        attributes: Mapping[str, tuple[str, ...]],
    ) -> None:
        self._queue, self._fps, self._attributes = queue, fps, attributes
        self._desks: OrderedDict[str, Desk] = OrderedDict()
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def locked(self, clip_id: str) -> Iterator[Desk]:
        """Yield a clip with all edits so far, which nobody else changes meanwhile."""
        desk = self.find(clip_id)
        with desk.lock, desk.journal.locked():
            self.catch_up(clip_id, desk)
            yield desk

    def find(self, clip_id: str) -> Desk:
        """Return a clip from memory, or read its task.

        Raises:
            UnknownName: it does not wait for review. BadInput: its task is broken.
        """
        path = self._queue.task_file(clip_id)
        try:
            version = files.version(path)
        except FileNotFoundError:
            self.forget(clip_id)
            raise UnknownName("clip in our own review queue", clip_id) from None
        journal_file = self._queue.journal_file(clip_id)
        with self._lock:
            desk = self._desks.get(clip_id)
            if desk and (desk.version, desk.journal.path) == (version, journal_file):
                self._desks.move_to_end(clip_id)
                return desk
        content = path.read_bytes()
        task, error = decode_task(content, path), self._queue.seeded_error(clip_id, content)
        shown_labels = seeds.show(task, error)
        earlier = desk_records.open_comments(self._queue.earlier_desk_files(clip_id))
        initial = replace(
            EditState.from_labels(shown_labels, self._fps(clip_id), self._attributes),
            comments=signed_comments.unsigned(earlier),
        )
        desk = Desk(
            task=task,
            error=error,
            digest=seeds.digest(content, error),
            initial=initial,
            earlier_comments=earlier,
            journal=Journal(journal_file),
            history=History(initial),
            version=version,
        )
        with self._lock:
            # Two threads of one process: the first one's object is the one that both use.
            known = self._desks.get(clip_id)
            if known and (known.version, known.journal.path) == (version, journal_file):
                return known
            self._desks[clip_id] = desk
            while len(self._desks) > OPEN_CLIPS:
                self._desks.popitem(last=False)
        return desk

    def forget(self, clip_id: str) -> None:
        """Drop a clip from memory."""
        with self._lock:
            self._desks.pop(clip_id, None)

    def catch_up(self, clip_id: str, desk: Desk) -> None:
        """Apply what other processes appended to the journal."""
        try:
            try:
                entries = desk.journal.read_new()
            except ShorterJournal:
                desk.journal, desk.history = Journal(desk.journal.path), History(desk.initial)
                entries = desk.journal.read_new()
            for entry in entries:
                if entry.task != desk.digest:
                    raise BadInput(
                        f"{desk.journal.path} belongs to other labels than the task: restore "
                        f"{self._queue.task_file(clip_id)} from a backup"
                    )
                desk.history.replay(decode_operation(entry))
        except OneclickError:
            self.forget(clip_id)
            raise


def decode_operation(entry: JournalEntry) -> Operation:
    """Return the operation of an edit. Raises BadEdit."""
    return operations.decode(bytes(entry.op))

"""The queue: a folder with one JSON file of labels for each clip that waits for review."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from oneclick.core.errors import (
    BadInput,
    IllegalMove,
    OneclickError,
    PlatformAway,
    Unavailable,
    UnknownName,
)
from oneclick.core.labels import LabelSet
from oneclick.core.review import Verdict
from oneclick.editing.seeded_errors import SeededError
from oneclick.platforms.base import (
    ErasureReport,
    Offer,
    Platform,
    PlatformAdapter,
    PlatformOptions,
    SendResult,
)
from oneclick.platforms.local import seeds
from oneclick.platforms.local.options import LocalOptions, check, of_section
from oneclick.platforms.verdict_inbox import VerdictInbox
from oneclick.storage import (
    bounded_files,
    control_outcomes,
    files,
    labels,
    reopenings,
    sealed_files,
    seeded_outcomes,
)
from oneclick.storage.control_outcomes import ControlOutcome
from oneclick.storage.edit_journals import Journal
from oneclick.storage.reopenings import Reopening
from oneclick.storage.seeded_outcomes import SeededOutcome
from oneclick.storage.verdicts import VerdictFile
from oneclick.storage.workspace import Workspace


class LocalPlatform:
    """A review queue in a folder; several processes may use it at once."""

    name = "local"

    def __init__(self, root: Path, seeded: float = 0.0) -> None:
        """Open the queue.

        Args:
            root: its folder.
            seeded: share of the clips into whose labels an error is put, 0 … 1.
        """
        self._root, self._tasks, self._inbox = root, root / "tasks", VerdictInbox(root)
        self._seeded = seeded

    def setup(self) -> list[str]:
        """Create nothing: folders are made with the first task."""
        return [self.check()]

    def check(self) -> str:
        """Return a line about how many clips wait.

        Raises:
            PlatformAway: edits or verdicts could not be written.
        """
        for name in ("journal", "desk", "verdicts"):
            folder = self._root / name
            while not folder.exists():
                folder = folder.parent
            if not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
                raise PlatformAway(
                    f"{folder} cannot be written, and what reviewers do would be refused: it is a "
                    "folder that whoever serves the review pages may write"
                )
        return f"our own queue in {self._root}: {len(self.pending())} clips wait"

    def send(self, offers: Iterable[Offer]) -> Iterator[SendResult]:
        """Write a task for each clip that was not decided before.

        A task that somebody has begun to correct stays as it is.
        """
        for clip, label_set in offers:
            try:
                is_begun = self.has(clip.id) and self.is_edited(clip.id)
                if not is_begun and not self._inbox.is_archived(clip.id):
                    content = _encode_task(label_set)
                    if reopenings.current_round(self._root, clip.id) == 1:
                        seeds.plant(self._root, label_set, content, clip.fps, self._seeded)
                    files.write_atomic(self._file(clip.id), content)
            except Unavailable:
                raise
            except OneclickError as error:
                yield SendResult(clip.id, error)
                continue
            yield SendResult(clip.id)

    def pending(self) -> list[str]:
        """List the ids of clips that wait for a verdict, sorted."""
        tasks = {name.removesuffix(".json") for name in files.json_names(self._tasks)}
        return sorted(tasks - {*self._inbox.clip_ids(), *self._inbox.archived_ids()})

    def has(self, clip_id: str) -> bool:
        """Check whether the clip was sent to this queue."""
        return self._file(clip_id).exists()

    def is_open(self, clip_id: str) -> bool:
        """Check whether a clip waits for a verdict, by a look at its own files only."""
        is_decided = self._inbox.has(clip_id) or self._inbox.is_archived(clip_id)
        return self.has(clip_id) and not is_decided

    def is_decided(self, clip_id: str) -> bool:
        """Check whether a clip has a verdict that is not taken in yet."""
        return self._inbox.has(clip_id)

    def has_verdict(self, clip_id: str, by: str, at: datetime) -> bool:
        """Check whether the verdict of a reviewer at a time was stored."""
        return self._inbox.holds(clip_id, by, at)

    def is_reopened(self, clip_id: str) -> bool:
        """Check whether a round after the first began that nobody decided in, task or not."""
        is_decided = self._inbox.has(clip_id) or self._inbox.is_archived(clip_id)
        return reopenings.current_round(self._root, clip_id) > 1 and not is_decided

    def is_edited(self, clip_id: str) -> bool:
        """Check whether somebody corrected labels of a clip in its current round of review."""
        journal = self.journal_file(clip_id)
        return journal.exists() and journal.stat().st_size > 0

    @contextlib.contextmanager
    def locked(self, clip_id: str) -> Iterator[None]:
        """Keep edits of a clip and decisions about it out, of other processes too.

        Raises:
            UnknownName: the clip does not wait for review.
        """
        self._waiting_file(clip_id)
        with Journal(self.journal_file(clip_id)).locked():
            yield

    def decision(self, clip_id: str) -> VerdictFile | None:
        """Return the verdict on a clip in its current round of review, taken in or not.

        Raises:
            BadInput: it is broken.
        """
        return self._inbox.current(clip_id)

    def journal_file(self, clip_id: str) -> Path:
        """Return the file of the edits of a clip in its current round of review."""
        return self._of_round("journal", clip_id, ".jsonl")

    def desk_file(self, clip_id: str) -> Path:
        """Return the file of what the reviewer of the current round was asked."""
        return self._of_round("desk", clip_id, ".json")

    def earlier_desk_files(self, clip_id: str) -> list[Path]:
        """Return the files of what reviewers of earlier rounds were asked, newest round first."""
        current = reopenings.current_round(self._root, clip_id)
        return [
            self._of_round("desk", clip_id, ".json", number) for number in range(current - 1, 0, -1)
        ]

    def reopening(self, clip_id: str) -> Reopening | None:
        """Return why a clip is reviewed again; None in the first round.

        Raises:
            BadInput: the file that tells it is broken.
        """
        return reopenings.find(self._root, clip_id)

    def _of_round(self, folder: str, clip_id: str, suffix: str, number: int | None = None) -> Path:
        number = number or reopenings.current_round(self._root, clip_id)
        return self._root / folder / f"{clip_id}{'' if number == 1 else f'.{number}'}{suffix}"

    def task_file(self, clip_id: str) -> Path:
        """Return the file of the labels as they were sent."""
        return self._file(clip_id)

    def reopen(self, label_set: LabelSet, by: str, at: datetime, reason: str) -> Reopening:
        """Begin another round of review of a clip that was decided; doing it twice begins one.

        Args:
            label_set: newest labels of the clip.
            by: who wants it.
            at: the time, UTC.
            reason: why.

        Raises:
            IllegalMove: the verdict of the last round is not taken in yet.
        """
        clip_id = label_set.clip
        if self._inbox.has(clip_id):
            raise IllegalMove(
                f"clip {clip_id} was just decided: oneclick review collect, then again"
            )
        reopening = reopenings.find(self._root, clip_id)
        if reopening is None or self._inbox.is_archived(clip_id):
            reopening = reopenings.begin(
                self._root, clip_id, label_set.revision, by=by, at=at, reason=reason
            )
            if reopening is None:
                return self.reopen(label_set, by, at, reason)
        if not self.has(clip_id):
            files.write_atomic(self._file(clip_id), _encode_task(label_set))
        return reopening

    def task_labels(self, clip_id: str) -> LabelSet:
        """Return the labels as they were sent.

        Raises:
            UnknownName: the clip does not wait for review.
            BadInput: the task is broken, or was changed after it was sent.
        """
        return load_task(self._waiting_file(clip_id))

    def shown_labels(self, clip_id: str) -> LabelSet:
        """Return the labels as a reviewer sees them at first: an error may be in them.

        Raises:
            UnknownName, BadInput: as `task_labels`.
        """
        path = self._waiting_file(clip_id)
        content = bounded_files.read_bytes(path, files.MAX_JSON)
        return seeds.show(decode_task(content, path), self.seeded_error(clip_id, content))

    def seeded_error(self, clip_id: str, content: bytes) -> SeededError | None:
        """Return the error that is put into the labels of a task, or None.

        Args:
            clip_id: the clip.
            content: its task file.

        Raises:
            BadInput: the file of the error is broken.
        """
        return seeds.find(self._root, clip_id, content)

    def record_seeded(self, verdict: Verdict, error: SeededError, caught: bool) -> None:
        """Keep whether the reviewer noticed the error in the labels of a clip."""
        outcome = SeededOutcome(
            clip=verdict.clip, kind=error.kind, by=verdict.by, at=verdict.at, caught=caught
        )
        seeded_outcomes.save(self._root, outcome)

    def record_control(
        self, verdict: Verdict, frames: tuple[int, ...], boxes: int, missed: int
    ) -> None:
        """Keep what pictures of a clip say that were looked at as a whole."""
        outcome = ControlOutcome(
            clip=verdict.clip,
            by=verdict.by,
            at=verdict.at,
            frames=frames,
            boxes=boxes,
            missed=missed,
        )
        control_outcomes.save(self._root, outcome)

    def submit(self, verdict: Verdict) -> bool:
        """Store a verdict; return False if the clip already has one, which stays.

        Raises:
            UnknownName: the clip does not wait for review.
        """
        return self._inbox.put(verdict, self.task_labels(verdict.clip))

    def fetch(self, waiting: Sequence[str], thorough: bool = True) -> None:
        """Do nothing: verdicts are submitted here."""

    def collect(self) -> Iterator[Verdict]:
        """Yield verdicts that were not acknowledged, by clip."""
        return self._inbox.collect()

    def unreadable(self) -> dict[str, str]:
        """Return the clips whose verdict cannot be read, each with its one-line reason."""
        return self._inbox.unreadable()

    def acknowledge(self, verdict: Verdict) -> None:
        """Delete the task, then archive the verdict: after a kill both are done again."""
        self._file(verdict.clip).unlink(missing_ok=True)
        self._inbox.archive(verdict.clip)

    def erase(self, clip: str) -> ErasureReport:
        """Delete task, edits, comments and what reviewers were asked; a verdict on it stays."""
        paths = [self._file(clip)]
        for folder in ("journal", "desk", seeded_outcomes.FOLDER):
            paths += sorted((self._root / folder).glob(f"{clip}.*"))
        deleted = tuple(str(path) for path in paths if path.exists())
        for path in paths:
            with files.guard(path):
                path.unlink(missing_ok=True)
        return ErasureReport(clip, deleted, tuple(f"{path} is not there" for path in paths))

    def _waiting_file(self, clip_id: str) -> Path:
        path = self._file(clip_id)
        if not path.exists():
            raise UnknownName("clip in our own review queue", clip_id, self.pending()[:5])
        return path

    def _file(self, clip_id: str) -> Path:
        return self._tasks / f"{clip_id}.json"


def load_task(path: Path) -> LabelSet:
    """Read the labels of a task.

    Raises:
        BadInput: it is broken, or was changed after it was sent; sending it again writes it anew.
    """
    return decode_task(bounded_files.read_bytes(path, files.MAX_JSON), path)


def decode_task(content: bytes, path: Path) -> LabelSet:
    """Decode the labels of a task; `path` names it in errors. Raises as `load_task`."""
    try:
        sealed_files.check(content, path)
        return labels.decode(content, path)
    except BadInput as error:
        raise BadInput(f"{error}; or oneclick review send {path.stem}") from None


def _encode_task(label_set: LabelSet) -> bytes:
    return sealed_files.add_seal(labels.encode(label_set))


class LocalAdapter(PlatformAdapter):
    """Review in our own queue and pages; everything works with nothing set."""

    name = "local"
    Options = LocalOptions

    def validate_options(self, options: LocalOptions, selected: bool) -> None:
        """Check that the options do not contradict each other."""
        check(options)

    def open(self, setup: PlatformOptions, workspace: Workspace, patient: bool = True) -> Platform:
        """Open the queue in the workspace."""
        return LocalPlatform(workspace.review_dir(), of_section(setup.section).seeded)

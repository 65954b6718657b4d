"""Our own platform: a folder with one JSON file of labels for each clip that waits for review.

tasks/<clip>.json       the labels as they were sent; verdicts lie beside it (verdict_inbox.py)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from oneclick.core.errors import BadInput, OneclickError, Unavailable, UnknownName
from oneclick.core.labels import LabelSet
from oneclick.core.review import Verdict
from oneclick.platforms.base import (
    ErasureReport,
    Offer,
    Platform,
    PlatformAdapter,
    PlatformOptions,
    SendResult,
)
from oneclick.platforms.verdict_inbox import VerdictInbox
from oneclick.storage import bounded_files, files, labels, sealed_files
from oneclick.storage.workspace import Workspace


class LocalPlatform:
    """A review queue in a folder; several processes may use it at once."""

    name = "local"

    def __init__(self, root: Path) -> None:
        self._root, self._tasks, self._inbox = root, root / "tasks", VerdictInbox(root)

    def setup(self) -> list[str]:
        """Create nothing: folders are made with the first task."""
        return [self.check()]

    def check(self) -> str:
        """Return a line about how many clips wait."""
        return f"our own queue in {self._root}: {len(self.pending())} clips wait"

    def send(self, offers: Iterable[Offer]) -> Iterator[SendResult]:
        """Write a task for each clip that was not decided before."""
        for clip, label_set in offers:
            try:
                if not self._inbox.is_archived(clip.id):
                    content = sealed_files.add_seal(labels.encode(label_set))
                    files.write_atomic(self._file(clip.id), content)
            except Unavailable:
                raise
            except OneclickError as error:
                yield SendResult(clip.id, error)
                continue
            yield SendResult(clip.id)

    def pending(self) -> list[str]:
        """List the ids of clips that wait for a verdict, sorted."""
        tasks = {path.stem for path in self._tasks.glob("*.json")}
        return sorted(tasks - {*self._inbox.clip_ids(), *self._inbox.archived_ids()})

    def has(self, clip_id: str) -> bool:
        """Check whether the clip was sent to this queue."""
        return self._file(clip_id).exists()

    def task_labels(self, clip_id: str) -> LabelSet:
        """Return the labels as they were sent.

        Raises:
            UnknownName: the clip does not wait for review.
            BadInput: the task is broken, or was changed after it was sent.
        """
        path = self._file(clip_id)
        if not path.exists():
            raise UnknownName("clip in our own review queue", clip_id, self.pending()[:5])
        return load_task(path)

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
        """Delete the task; a verdict on the clip stays."""
        path = self._file(clip)
        deleted = (str(path),) if path.exists() else ()
        path.unlink(missing_ok=True)
        return ErasureReport(clip, deleted, (f"{path} is not there",))

    def _file(self, clip_id: str) -> Path:
        return self._tasks / f"{clip_id}.json"


def load_task(path: Path) -> LabelSet:
    """Read the labels of a task.

    Raises:
        BadInput: it is broken, or was changed after it was sent; sending it again writes it anew.
    """
    try:
        content = bounded_files.read_bytes(path, files.MAX_JSON)
        sealed_files.check(content, path)
        return labels.decode(content, path)
    except BadInput as error:
        raise BadInput(f"{error}; or oneclick review send {path.stem}") from None


class LocalAdapter(PlatformAdapter):
    """Review in our own queue, which needs no settings."""

    name = "local"

    def open(self, setup: PlatformOptions, workspace: Workspace, patient: bool = True) -> Platform:
        """Open the queue in the workspace."""
        return LocalPlatform(workspace.review_dir())

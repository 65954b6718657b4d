"""Our own platform: a folder with one JSON file of labels for each clip that waits.

tasks/<clip>.json       the labels as they were sent; verdicts lie beside it (spool.py)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from oneclick.core.errors import OneclickError, Unavailable, UnknownName
from oneclick.core.labels import LabelSet
from oneclick.core.review import Verdict
from oneclick.platforms.base import Erased, Offer, Sent
from oneclick.platforms.verdict_inbox import Spool
from oneclick.storage import files, labels


class LocalPlatform:
    """A review queue in a folder; several processes may use it at once."""

    name = "local"

    def __init__(self, root: Path) -> None:
        self._root, self._tasks, self._spool = root, root / "tasks", Spool(root)

    def setup(self) -> list[str]:
        """Nothing is needed: folders are made with the first task."""
        return [self.check()]

    def check(self) -> str:
        """How many clips wait."""
        return f"our own queue in {self._root}: {len(self.pending())} clips wait"

    def send(self, offers: Iterable[Offer]) -> Iterator[Sent]:
        """Write a task for each clip that was not decided before."""
        for clip, sent in offers:
            try:
                if not self._spool.archived(clip.id):
                    files.write_atomic(self._file(clip.id), labels.encode(sent))
            except Unavailable:
                raise
            except OneclickError as error:
                yield Sent(clip.id, error)
                continue
            yield Sent(clip.id)

    def pending(self) -> list[str]:
        """Clips that wait for a verdict, by name."""
        return sorted({path.stem for path in self._tasks.glob("*.json")} - {*self._spool.waiting()})

    def has(self, clip_id: str) -> bool:
        """Whether the clip was sent here."""
        return self._file(clip_id).exists()

    def task(self, clip_id: str) -> LabelSet:
        """The labels as they were sent.

        Raises:
            UnknownName: if the clip does not wait for review.
        """
        path = self._file(clip_id)
        if not path.exists():
            raise UnknownName("clip in our own review queue", clip_id, self.pending()[:5])
        return labels.load(path)

    def give(self, verdict: Verdict) -> bool:
        """Put a verdict in; False if the clip has one already, which stays.

        Raises:
            UnknownName: if the clip does not wait for review.
        """
        return self._spool.put(verdict, self.task(verdict.clip))

    def fetch(self, waiting: Sequence[str], thorough: bool = True) -> None:
        """Verdicts are given here: there is nothing to bring."""

    def collect(self) -> Iterator[Verdict]:
        """Verdicts that are not done yet, by clip."""
        return self._spool.collect()

    def broken(self) -> dict[str, str]:
        """Clips whose verdict cannot be read, each with its one-line reason."""
        return self._spool.broken()

    def done(self, verdict: Verdict) -> None:
        """Move the verdict to the archive; the task ends."""
        self._spool.done(verdict.clip)
        self._file(verdict.clip).unlink(missing_ok=True)

    def erase(self, clip: str) -> Erased:
        """Delete the task; a verdict that was given stays."""
        path = self._file(clip)
        held = (str(path),) if path.exists() else ()
        path.unlink(missing_ok=True)
        return Erased(clip, held, (f"{path} is not there",))

    def _file(self, clip_id: str) -> Path:
        return self._tasks / f"{clip_id}.json"

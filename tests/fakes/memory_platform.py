"""A review platform in memory: behaves like the real ones, forgets everything at the end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from oneclick.core.errors import UnknownName
from oneclick.core.labels import LabelSet
from oneclick.core.review import Verdict
from oneclick.platforms.base import ErasureReport, Offer, SendResult


class MemoryPlatform:
    """Tasks, verdicts and an archive as dicts."""

    name = "memory"

    def __init__(self) -> None:
        self.tasks: dict[str, LabelSet] = {}
        self.verdicts: dict[str, Verdict] = {}
        self.archive: dict[str, Verdict] = {}

    def setup(self) -> list[str]:
        return [self.check()]

    def check(self) -> str:
        return f"{len(self.tasks)} clips in memory"

    def send(self, offers: Iterable[Offer]) -> Iterator[SendResult]:
        for clip, labels in offers:
            if clip.id not in self.archive:
                self.tasks.setdefault(clip.id, labels)
            yield SendResult(clip.id)

    def pending(self) -> list[str]:
        return sorted(set(self.tasks) - set(self.verdicts))

    def submit(self, verdict: Verdict) -> bool:
        if verdict.clip not in self.tasks:
            raise UnknownName("clip in review", verdict.clip, self.pending())
        return self.verdicts.setdefault(verdict.clip, verdict) is verdict

    def fetch(self, waiting: Sequence[str], thorough: bool = True) -> None:
        """Verdicts are given here."""

    def collect(self) -> Iterator[Verdict]:
        yield from [self.verdicts[clip] for clip in sorted(self.verdicts)]

    def unreadable(self) -> dict[str, str]:
        return {}

    def acknowledge(self, verdict: Verdict) -> None:
        self.archive[verdict.clip] = verdict
        self.verdicts.pop(verdict.clip, None)
        self.tasks.pop(verdict.clip, None)

    def erase(self, clip: str) -> ErasureReport:
        task = self.tasks.pop(clip, None)
        return ErasureReport(clip, ("task",) if task else (), ("no task",))

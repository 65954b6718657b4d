"""A review platform in memory: behaves like the real ones, forgets everything at the end."""

from __future__ import annotations

from collections.abc import Iterator

from oneclick.core.clips import Clip
from oneclick.core.errors import UnknownName
from oneclick.core.labels import LabelSet
from oneclick.core.review import Verdict


class MemoryPlatform:
    """Tasks, verdicts and an archive as dicts."""

    name = "memory"

    def __init__(self) -> None:
        self.tasks: dict[str, LabelSet] = {}
        self.verdicts: dict[str, Verdict] = {}
        self.archive: dict[str, Verdict] = {}

    def send(self, clip: Clip, labels: LabelSet) -> None:
        if clip.id not in self.archive:
            self.tasks.setdefault(clip.id, labels)

    def pending(self) -> list[str]:
        return sorted(set(self.tasks) - set(self.verdicts))

    def give(self, verdict: Verdict) -> bool:
        if verdict.clip not in self.tasks:
            raise UnknownName("clip in review", verdict.clip, self.pending())
        return self.verdicts.setdefault(verdict.clip, verdict) is verdict

    def collect(self) -> Iterator[Verdict]:
        yield from [self.verdicts[clip] for clip in sorted(self.verdicts)]

    def broken(self) -> dict[str, str]:
        return {}

    def done(self, verdict: Verdict) -> None:
        self.archive[verdict.clip] = verdict
        self.verdicts.pop(verdict.clip, None)
        self.tasks.pop(verdict.clip, None)

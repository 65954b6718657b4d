"""What every review platform can do: ours, Encord, or another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from oneclick.core.clips import Clip
from oneclick.core.labels import LabelSet
from oneclick.core.review import Verdict


class Platform(Protocol):
    """Clips go out with their labels, verdicts come back; nothing a human did is ever lost."""

    @property
    def name(self) -> str:
        """What the settings call it."""

    def send(self, clip: Clip, labels: LabelSet) -> None:
        """Offer a clip for review; sending it again changes nothing."""

    def collect(self) -> Iterator[Verdict]:
        """Verdicts that are not `done` yet, oldest clip first; a broken one is left out."""

    def broken(self) -> dict[str, str]:
        """Clips whose verdict cannot be read, each with its one-line reason."""

    def done(self, verdict: Verdict) -> None:
        """The verdict is safe with us: never offer it again."""

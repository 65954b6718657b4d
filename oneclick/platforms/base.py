"""What every review platform can do: ours, Encord, or another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from oneclick.core.clips import Clip
from oneclick.core.errors import OneclickError
from oneclick.core.labels import LabelSet
from oneclick.core.review import Verdict

Offer = tuple[Clip, LabelSet]
"""A clip and the labels to review."""


@dataclass(frozen=True)
class Sent:
    """What became of one offer."""

    clip: str
    trouble: OneclickError | None = None
    """None where it waits for review now; BadInput where the clip itself is wrong."""


@dataclass(frozen=True)
class Erased:
    """What a platform held of a clip, and holds no more."""

    clip: str
    held: tuple[str, ...]
    """What was deleted, by its name there; empty where nothing was found."""
    checked: tuple[str, ...]
    """How it was seen afterwards that nothing is left."""


class Platform(Protocol):
    """Clips go out with their labels, verdicts come back; nothing a human did is ever lost.

    All methods but `collect`, `broken` and `done`, which look at what lies here, raise PlatformAway
    where the platform does not answer or lets nobody in.
    """

    @property
    def name(self) -> str:
        """What the settings call it."""

    def setup(self) -> list[str]:
        """Make what is missing there; a line for each thing made or found."""

    def check(self) -> str:
        """One harmless look: a line about what was found."""

    def send(self, offers: Iterable[Offer]) -> Iterator[Sent]:
        """Offer clips for review; sending one again changes nothing."""

    def fetch(self, waiting: Sequence[str], thorough: bool = True) -> None:
        """Bring here what was decided about the clips that wait.

        Args:
            waiting: ids of clips that were sent.
            thorough: look at each of them, in place of those where something happened.
        """

    def collect(self) -> Iterator[Verdict]:
        """Verdicts that are here and not `done` yet, by clip; a broken one is left out."""

    def broken(self) -> dict[str, str]:
        """Clips whose verdict cannot be read, each with its one-line reason."""

    def done(self, verdict: Verdict) -> None:
        """The verdict is safe with us: never offer it again."""

    def erase(self, clip: str) -> Erased:
        """Delete what the platform holds of a clip, and look whether it is gone."""

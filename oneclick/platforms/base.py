"""The interface of every review platform: our own, Encord, or another."""

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
class SendResult:
    """Whether one clip was taken for review."""

    clip: str
    error: OneclickError | None = None
    """None where the clip waits for review now; BadInput where the clip itself is wrong."""


@dataclass(frozen=True)
class ErasureReport:
    """What a platform deleted of a clip."""

    clip: str
    deleted: tuple[str, ...]
    """What was deleted, by its name on the platform; empty where the platform had nothing."""
    checked: tuple[str, ...]
    """How it was verified afterwards that nothing is left."""


class Platform(Protocol):
    """Sends clips with their labels to reviewers, and returns verdicts.

    No work of a human is ever lost. All methods but `collect`, `unreadable` and `acknowledge`,
    which only read what was fetched, raise PlatformAway where the platform does not answer or
    denies access.
    """

    @property
    def name(self) -> str:
        """Return the name of the platform in the settings."""

    def setup(self) -> list[str]:
        """Create what is missing on the platform; return a line for each thing made or found."""

    def check(self) -> str:
        """Check access without changing anything; return a line about what is there."""

    def send(self, offers: Iterable[Offer]) -> Iterator[SendResult]:
        """Offer clips for review; sending one again changes nothing."""

    def fetch(self, waiting: Sequence[str], thorough: bool = True) -> None:
        """Download the verdicts on clips that wait for review.

        Args:
            waiting: ids of clips that were sent.
            thorough: ask about each of them, and not only about those that changed.
        """

    def collect(self) -> Iterator[Verdict]:
        """Yield fetched verdicts that were not acknowledged, by clip; skip unreadable ones."""

    def unreadable(self) -> dict[str, str]:
        """Return the clips whose verdict cannot be read, each with its one-line reason."""

    def acknowledge(self, verdict: Verdict) -> None:
        """Archive a verdict that is safe in the catalog, so that `collect` omits it."""

    def erase(self, clip: str) -> ErasureReport:
        """Delete what the platform holds of a clip, and verify that nothing is left."""

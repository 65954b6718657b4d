"""What every review platform is, and the adapter by which oneclick knows it.

An adapter owns all that is special about its platform: the section `review.<name>` of the settings,
the check of `oneclick doctor`, its webhook and its commands. Other packages add theirs through the
entry point group `oneclick.platforms`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from oneclick.core.clips import Clip
from oneclick.core.errors import OneclickError
from oneclick.core.labels import LabelSet
from oneclick.core.plugins import ContractError
from oneclick.core.review import Verdict
from oneclick.storage.workspace import Workspace

if TYPE_CHECKING:
    import typer

NAME = re.compile(r"[a-z][a-z0-9_]*")
RESERVED = {"accept_auto", "goal", "platform", "places"} | {
    *("archive", "audit", "control", "desk", "journal", "keys", "late", "questions", "receipts"),
    *("reopened", "second", "seeded", "tasks", "verdicts"),
}
"""Names that no platform may have: settings of review, and folders in <home>/review/."""
Offer = tuple[Clip, LabelSet]
"""A clip and the labels to review."""
RequestCheck = Callable[[Mapping[str, str], bytes, float], bool]
"""Takes headers (names in lower case), body and time (seconds since 1970) of a request; returns
whether a clip was decided; raises UntrustedWebhook where it does not come from the platform."""


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

        A platform that knows of corrections of clips that it accepted before downloads them too, as
        verdicts with `is_correction`.

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


class UntrustedWebhook(OneclickError):
    """A request to a webhook that does not come from the platform, or is a replay of an old one."""


@dataclass(frozen=True)
class Webhook:
    """Where a platform tells that a clip was decided.

    A request is only a hint: verdicts are always fetched from the platform.
    """

    address: str
    """host:port to listen on; empty: only where `oneclick review listen --at` asks for it."""
    path: str
    """Path of the URL: /hooks/<name>."""
    open_check: Callable[[], RequestCheck]
    """Returns the check of requests; raises UsageError, for example where its secret is missing."""


@dataclass(frozen=True)
class PlatformOptions:
    """A review platform with its options, and the classes and attributes reviewers may use there.

    Plain values: settings, tasks and other processes carry them.
    """

    name: str = "local"
    classes: tuple[str, ...] = ("person",)
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Values by attribute of a track."""
    section: Any = None
    """Section `review.<name>` of the settings as the adapter's Options; None: the defaults."""
    places: int = 3
    """Most questions about places without a label in one clip."""


@dataclass(frozen=True)
class NoOptions:
    """A section of the settings in which nothing can be set."""


class PlatformAdapter:
    """Base class of the adapter of a platform; an entry point names the class.

    It is made without arguments, once for a process. Only `name` and `open` have no default.
    """

    name: ClassVar[str]
    """What the user types: a-z, 0-9 and _; that of the entry point."""
    Options: ClassVar[type[Any]] = NoOptions
    """Frozen dataclass whose fields, each with a default, are the section `review.<name>`."""

    def open(self, setup: PlatformOptions, workspace: Workspace, patient: bool = True) -> Platform:
        """Open the platform; no request is made yet.

        Args:
            setup: its section is an object of Options.
            workspace: in which <home>/review/<name>/ belongs to the platform. A file
                records/<clip>.json there with the key `title` tells `oneclick clips show` under
                which title the platform has the clip.
            patient: retry for a while where the platform does not answer.
        """
        raise NotImplementedError

    def validate_options(self, options: Any, selected: bool) -> None:
        """Check options that are right one by one but may contradict each other.

        Args:
            options: an object of Options.
            selected: clips are reviewed on this platform, and not on another one.

        Raises:
            ValueError: naming the option and the remedy.
        """

    def webhook(self, options: Any) -> Webhook | None:
        """Return the webhook of the platform, or None where it has none.

        Args:
            options: an object of Options.
        """
        return None

    def commands(self) -> typer.Typer | None:
        """Return further commands, `oneclick review <name> …`, or None."""
        return None


def validate(name: str, kind: object) -> PlatformAdapter:
    """Return an adapter of the class if that keeps the contract.

    Raises:
        ContractError: naming what is wrong.
    """
    if not (isinstance(kind, type) and issubclass(kind, PlatformAdapter)):
        raise ContractError("is not a class derived from PlatformAdapter")
    own_name = getattr(kind, "name", None)
    if own_name != name:
        raise ContractError(f"has name = {own_name!r}; it must be that of its entry point")
    if not NAME.fullmatch(name):
        raise ContractError(f"the name {name!r} may only have a-z, 0-9 and _")
    if name in RESERVED:
        raise ContractError(f"the name {name!r} means something else in the settings or on disk")
    if kind.open is PlatformAdapter.open:
        raise ContractError("has no method open(setup, workspace, patient)")
    options: Any = kind.Options
    if not (isinstance(options, type) and is_dataclass(options)):
        raise ContractError("Options is not a dataclass, whose fields would be its settings")
    if not options.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        raise ContractError("Options is not frozen: write @dataclass(frozen=True)")
    for option in fields(options):
        if option.default is MISSING and option.default_factory is MISSING:
            raise ContractError(f"option {option.name!r} has no default")
    options()
    return kind()

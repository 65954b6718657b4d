"""A platform of another package: whatever is wrong with it is one line, and other work goes on."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TypeVar, get_args

from oneclick.core.errors import NoSpace, OneclickError, PlatformAway, UsageError
from oneclick.core.labels import LabelTrack
from oneclick.core.plugins import ContractError, Plugin, PluginFailure
from oneclick.core.review import Decision, Verdict
from oneclick.platforms.base import ErasureReport, Offer, Platform, SendResult

T = TypeVar("T")
METHODS = ("setup", "check", "send", "fetch", "collect", "unreadable", "acknowledge", "erase")


class IsolatedPlatform:
    """A platform whose methods are checked when it is made, and its answers as they come.

    Raises:
        PluginFailure: from any method, where the platform raises something that is no OneclickError
            or answers something that the Platform protocol does not allow.
    """

    def __init__(self, plugin: Plugin, platform: Platform) -> None:
        self.plugin, self._platform = plugin, platform
        self.name = plugin.name
        self._wrong_verdicts: dict[str, str] = {}
        with plugin.isolated("while it was checked"):
            for method in METHODS:
                if not callable(getattr(platform, method, None)):
                    raise ContractError(f"its platform has no method {method}")
            if platform.name != plugin.name:
                raise ContractError(f"its platform has name = {platform.name!r}")

    def setup(self) -> list[str]:
        """Create what is missing on the platform; see Platform.setup."""
        with self._isolated():
            lines = _checked("setup", self._platform.setup(), list)
            return [_checked("setup", line, str) for line in lines]

    def check(self) -> str:
        """Check access; see Platform.check."""
        with self._isolated():
            return _checked("check", self._platform.check(), str)

    def send(self, offers: Iterable[Offer]) -> Iterator[SendResult]:
        """Offer clips; see Platform.send. What reading `offers` raises is raised as it is."""
        source = _OfferSource(offers)
        try:
            with self._isolated_batch():
                for result in self._platform.send(source):
                    _checked("send", result, SendResult)
                    if result.clip not in source.clip_ids:
                        raise ContractError(f"send answered {result.clip!r}, which is no offer")
                    if not isinstance(result.error, OneclickError | None):
                        raise ContractError("send gave an error that is no OneclickError")
                    yield result
        except OneclickError:
            if source.error is not None:
                raise source.error from None
            raise

    def fetch(self, waiting: Sequence[str], thorough: bool = True) -> None:
        """Download verdicts; see Platform.fetch."""
        with self._isolated_batch():
            self._platform.fetch(waiting, thorough)

    def collect(self) -> Iterator[Verdict]:
        """Yield fetched verdicts; see Platform.collect. A wrong one is skipped as unreadable."""
        self._wrong_verdicts.clear()
        with self._isolated_batch():
            for verdict in self._platform.collect():
                _checked("collect", verdict, Verdict)
                field = _wrong_field(verdict)
                if field is None:
                    yield verdict
                    continue
                reason = f"a verdict has {field} = {getattr(verdict, field)!r}"
                self._wrong_verdicts[str(verdict.clip)] = str(PluginFailure(self.plugin, reason))

    def unreadable(self) -> dict[str, str]:
        """Return the clips whose verdict cannot be read; see Platform.unreadable."""
        with self._isolated_batch():
            reasons = _checked("unreadable", self._platform.unreadable(), dict)
            lines = {str(clip): " ".join(str(text).split()) for clip, text in reasons.items()}
            return lines | self._wrong_verdicts

    def acknowledge(self, verdict: Verdict) -> None:
        """Archive a verdict; see Platform.acknowledge."""
        with self._isolated_batch():
            self._platform.acknowledge(verdict)

    def erase(self, clip: str) -> ErasureReport:
        """Delete what the platform holds of a clip; see Platform.erase."""
        with self._isolated():
            report = _checked("erase", self._platform.erase(clip), ErasureReport)
            if report.clip != clip:
                raise ContractError(f"erase answered for {report.clip!r}, not for {clip!r}")
            return report

    @contextmanager
    def _isolated(self) -> Iterator[None]:
        with self.plugin.isolated(passing=(OneclickError,)):
            yield

    @contextmanager
    def _isolated_batch(self) -> Iterator[None]:
        """Isolate a method that concerns all clips: its errors of ours become PlatformAway.

        They must not keep verdicts of other platforms from being taken in.
        """
        try:
            with self._isolated():
                yield
        except (PluginFailure, PlatformAway, NoSpace, UsageError):
            raise
        except OneclickError as error:
            raise PlatformAway(str(error)) from error


class _OfferSource:
    """Iterates over offers; remembers their clips, and what reading them raised."""

    def __init__(self, offers: Iterable[Offer]) -> None:
        self._offers = iter(offers)
        self.clip_ids: set[str] = set()
        self.error: Exception | None = None

    def __iter__(self) -> Iterator[Offer]:
        return self

    def __next__(self) -> Offer:
        try:
            offer = next(self._offers)
        except StopIteration:
            raise
        except Exception as error:
            self.error = error
            raise
        self.clip_ids.add(offer[0].id)
        return offer


def _checked(method: str, value: object, kind: type[T]) -> T:
    if not isinstance(value, kind):
        raise ContractError(
            f"{method} answered a {type(value).__name__}; it must be a {kind.__name__}"
        )
    return value


def _wrong_field(verdict: Verdict) -> str | None:
    """Return the name of a field whose value is not what Verdict says, or None."""
    offset = verdict.at.utcoffset() if isinstance(verdict.at, datetime) else None
    tracks = () if verdict.tracks is None else verdict.tracks
    is_right = {
        "clip": isinstance(verdict.clip, str) and verdict.clip,
        "decision": verdict.decision in get_args(Decision),
        "by": isinstance(verdict.by, str) and verdict.by.strip(),
        "at": offset is not None and not offset,
        "tracks": isinstance(tracks, tuple) and all(isinstance(t, LabelTrack) for t in tracks),
        "seconds": _is_amount(verdict.seconds),
        "edits": isinstance(verdict.edits, int) and _is_amount(verdict.edits),
        "reason": isinstance(verdict.reason, str),
        "is_correction": isinstance(verdict.is_correction, bool),
    }
    return next((name for name, right in is_right.items() if not right), None)


def _is_amount(value: object) -> bool:
    return isinstance(value, int | float) and 0 <= value < math.inf

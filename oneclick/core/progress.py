"""Progress of long work: stages report, whoever drives them may show it.

The sink is one per process, set by the command line; with none set, reports go nowhere. Flows
listen besides, to write down how far their run is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
Sink = Callable[[str, int, int], None]
"""(what, done, total); total 0 when unknown; done == total ends it."""

_sink: Sink | None = None
_listeners: list[Sink] = []


def set_sink(sink: Sink | None) -> None:
    """Send all reports to `sink` from now on; None silences them."""
    global _sink
    _sink = sink


def listen(listener: Sink) -> None:
    """Tell `listener` of all reports until it is dismissed or another one begins to listen."""
    _listeners.append(listener)


def dismiss(listener: Sink) -> None:
    """Tell it no more; one that never listened may be dismissed."""
    if listener in _listeners:
        _listeners.remove(listener)


def report(what: str, done: int, total: int) -> None:
    """`done` of `total` steps of `what`."""
    if _sink is not None:
        _sink(what, done, total)
    for listener in _listeners[-1:]:
        listener(what, done, total)


def track(what: str, items: Iterable[T], total: int) -> Iterator[T]:
    """Yield the items, reporting after each."""
    report(what, 0, total)
    for done, item in enumerate(items, 1):
        yield item
        report(what, done, total)

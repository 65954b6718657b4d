"""Progress of long work: stages report it, and the program that drives them may show it.

One sink per process, set by the command line, shows reports; without one they are dropped. Flows
add a listener besides, to record how far their run is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from oneclick.core import visible

T = TypeVar("T")
ProgressSink = Callable[[str, int, int], None]
"""(task, count, total); total is 0 when unknown; count == total ends the task."""

_sink: ProgressSink | None = None
_listeners: list[ProgressSink] = []


def set_sink(sink: ProgressSink | None) -> None:
    """Send all reports to `sink` from now on; None drops them."""
    global _sink
    _sink = sink


def add_listener(listener: ProgressSink) -> None:
    """Send all reports to `listener` as well, until it is removed or another one is added."""
    _listeners.append(listener)


def remove_listener(listener: ProgressSink) -> None:
    """Stop sending reports to `listener`; do nothing if it was never added."""
    if listener in _listeners:
        _listeners.remove(listener)


def report(task: str, count: int, total: int) -> None:
    """Report that `count` of `total` steps of `task` are complete."""
    task = visible.line(task)
    if _sink is not None:
        _sink(task, count, total)
    for listener in _listeners[-1:]:
        listener(task, count, total)


def track(task: str, items: Iterable[T], total: int) -> Iterator[T]:
    """Yield the items, and report progress after each."""
    report(task, 0, total)
    for count, item in enumerate(items, 1):
        yield item
        report(task, count, total)

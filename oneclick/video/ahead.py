"""Decoding in a thread of its own, a few frames ahead of whoever looks at them."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterator
from typing import TypeVar

T = TypeVar("T")
AHEAD = 8
"""Frames that wait at most: 50 MB of 1080p."""
WAIT_SECONDS = 0.2
"""After so long a full queue is looked at again, to notice that nobody reads any more."""


def read_ahead(items: Iterator[T]) -> Generator[T, None, None]:
    """Yield items that another thread takes from an iterator, up to AHEAD before they are needed.

    What the iterator raises is raised here, after the items before it. Closing this generator ends
    the thread; until then nobody else may use the iterator.
    """
    waiting: queue.Queue[tuple[T | None, BaseException | None]] = queue.Queue(AHEAD)
    is_closed = threading.Event()

    def put(entry: tuple[T | None, BaseException | None]) -> bool:
        while not is_closed.is_set():
            try:
                waiting.put(entry, timeout=WAIT_SECONDS)
            except queue.Full:
                continue
            return True
        return False

    def read() -> None:
        try:
            for item in items:
                if not put((item, None)):
                    return
            put((None, StopIteration()))
        except BaseException as error:
            put((None, error))

    thread = threading.Thread(target=read, name="read-ahead", daemon=True)
    thread.start()
    try:
        while True:
            item, error = waiting.get()
            if isinstance(error, StopIteration):
                return
            if error is not None:
                raise error
            yield item  # type: ignore[misc]
    finally:
        is_closed.set()
        thread.join()

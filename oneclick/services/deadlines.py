"""Work that has no limit of its own, such as a talk with a server that sends a byte at a time."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def call_within(seconds: float, work: Callable[[], T]) -> T:
    """Return what `work` returns, and raise what it raises.

    Raises:
        TimeoutError: it takes longer; its thread is abandoned.
    """
    results: list[T] = []
    errors: list[BaseException] = []
    # Prefect knows by its context which run something belongs to.
    context = contextvars.copy_context()

    def run() -> None:
        try:
            results.append(context.run(work))
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, name="deadline", daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not results:
        raise TimeoutError(f"it is not done after {seconds:.0f} s")
    return results[0]

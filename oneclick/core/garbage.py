"""Python's collector of garbage, out of the way of large imports."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused() -> Iterator[None]:
    """Let nothing be collected meanwhile; what is there at the end is not looked through again.

    For imports of hundreds of thousands of objects that stay: without it a quarter of their time
    goes into looking through them.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()

"""Waits for a condition, which a busy machine cannot turn into a failure: only a hang ends them."""

from __future__ import annotations

import time
from collections.abc import Callable

HANG_SECONDS = 900.0
"""Far above what the slowest step takes on a loaded machine, and below pytest's own timeout."""
PREFECT_TIMEOUTS = {
    "PREFECT_API_REQUEST_TIMEOUT": str(HANG_SECONDS),
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": f"{HANG_SECONDS:.0f}",
}
"""Variables for a server that shares two cores with other tests, and may take its time."""


def wait_until(
    condition: Callable[[], object],
    describe: Callable[[], object] = lambda: "",
    pause: float = 0.05,
) -> None:
    """Wait until `condition` holds.

    Raises:
        AssertionError: it did not within HANG_SECONDS; the message is what `describe` returns.
    """
    deadline = time.monotonic() + HANG_SECONDS
    while not condition():
        assert time.monotonic() < deadline, describe()
        time.sleep(pause)

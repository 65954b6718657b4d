"""A process of `oneclick up`: started again when it ends, and ended with all that it started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable

RESTART_SECONDS, LONGEST_RESTART = 2.0, 300.0
"""Pause before a process that ended is started again, twice as long each time; one that has run for
longer than the longest pause begins with the first."""
STOP_SECONDS = 20.0


class SupervisedProcess:
    """A process of `up`, and how it is started again.

    Args:
        start: starts the process.
    """

    def __init__(self, start: Callable[[], subprocess.Popen[bytes]]) -> None:
        self._start, self._began = start, time.monotonic()
        self._failures, self._due = 0, 0.0
        self.process = start()

    def pause(self) -> float:
        """Return the seconds until it starts again, now that it has ended or did not start."""
        if time.monotonic() - self._began > LONGEST_RESTART:
            self._failures = 0
        seconds = min(RESTART_SECONDS * 2.0 ** min(self._failures, 10), LONGEST_RESTART)
        self._failures, self._due = self._failures + 1, time.monotonic() + seconds
        return seconds

    @property
    def is_waiting(self) -> bool:
        """Check whether its end was told, and it is to start again."""
        return self._due > 0

    def restart_if_due(self) -> None:
        """Start it again once the pause is over. Raises OSError or OneclickError."""
        if time.monotonic() >= self._due:
            self._began = time.monotonic()
            self.process = self._start()
            self._due = 0.0


def end_group(child: subprocess.Popen[bytes]) -> None:
    """Terminate the child, then the rest of its process group, and kill what does not end."""
    if child.poll() is None:
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(STOP_SECONDS)
    for sign in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + STOP_SECONDS / 4
        alive = signal_group(child.pid, sign)
        while alive and time.monotonic() < deadline:
            time.sleep(0.1)
            child.poll()
            alive = signal_group(child.pid, 0)


def signal_group(group: int, sign: int) -> bool:
    """Send a signal to a process group; return whether it still had a process."""
    try:
        os.killpg(group, sign)
    except ProcessLookupError:
        return False
    return True

"""The process beside the server that turns what arrived into Videos and searches them."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from pathlib import Path

RESTART_SECONDS = 10.0
"""Least time between two starts of a process that ends by itself."""
STOP_SECONDS = 5.0


class WorkerProcess:
    """`oneclick edge work`, started when there is work; it ends with its parent, even a killed one.

    Args:
        home: the workspace folder.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._child: subprocess.Popen[bytes] | None = None
        self._started_at = -RESTART_SECONDS

    def ensure(self) -> None:
        """Start the process unless it runs, or was started a moment ago."""
        is_running = self._child is not None and self._child.poll() is None
        if is_running or time.monotonic() - self._started_at < RESTART_SECONDS:
            return
        self._started_at = time.monotonic()
        arguments = ["edge", "work", "--follow", "--home", str(self._home)]
        # It reads the end of this pipe when its parent is gone.
        self._child = subprocess.Popen(
            [sys.executable, "-m", "oneclick", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        )

    def stop(self) -> None:
        """End the process after the segment that it works on."""
        if self._child is None:
            return
        assert self._child.stdin is not None
        with contextlib.suppress(OSError):
            self._child.stdin.close()
        try:
            self._child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:  # what it does is done again by the next
            self._child.kill()
            self._child.wait()

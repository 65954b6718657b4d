"""What a process that we start does before its program runs."""

from __future__ import annotations

import ctypes
import signal
import sys

_PR_SET_PDEATHSIG = 1


def end_with_parent() -> None:
    """Set up a child process before exec: it obeys SIGINT, and ends when its parent is killed."""
    # Inherited as ignored from a shell's background job, a worker could never be stopped.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

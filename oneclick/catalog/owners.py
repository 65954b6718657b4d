"""Who holds a lease, and whether that process still lives."""

from __future__ import annotations

import os
import platform
from pathlib import Path

PROC = Path("/proc")


def owner_id() -> str:
    """`<host>:<pid>:<process start>` of this process.

    The host carries the pid namespace, so that containers of one name are told apart; the start
    carries the boot, so that a number that was given to a new process is not mistaken for the old.
    """
    return f"{_host()}:{os.getpid()}:{_start(os.getpid())}"


def is_dead(owner: str) -> bool:
    """True only if the owner was a process of this host that is certainly gone."""
    try:
        host, pid, start = owner.rsplit(":", 2)
        number = int(pid)
    except ValueError:
        return False
    if host != _host() or number <= 0:
        return False
    return _start(number) != start if _has_proc() else not _signals(number)


def _has_proc() -> bool:
    return (PROC / "self" / "stat").exists()


def _host() -> str:
    node = platform.node() or "localhost"
    try:
        return f"{node}/{(PROC / 'self' / 'ns' / 'pid').stat().st_ino}"
    except OSError:
        return node


def _start(pid: int) -> str:
    """Boot and clock ticks since; empty for a process that is gone or only waits to be reaped."""
    try:
        # The name in brackets may hold spaces; state is the first field after it, start the 20th.
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        return "" if fields[0] in "ZX" else f"{_boot()}.{fields[19]}"
    except (OSError, IndexError):
        return ""


def _boot() -> str:
    try:
        return (PROC / "sys/kernel/random/boot_id").read_text().strip()[:8]
    except OSError:
        return "0"


def _signals(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True

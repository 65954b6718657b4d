"""Identity of a lease owner, and whether its process is still alive."""

from __future__ import annotations

import os
import platform
from pathlib import Path

PROC = Path("/proc")


def owner_id() -> str:
    """Return `<host>:<pid>:<process start>` of this process.

    The host includes the pid namespace, so that containers of the same host name differ; the start
    includes the boot id, so that a reused pid is not mistaken for the earlier process.
    """
    return f"{_host()}:{os.getpid()}:{_process_start(os.getpid())}"


def is_dead(owner: str) -> bool:
    """Check whether the owner was a process of this host that has certainly ended."""
    try:
        host, pid, start = owner.rsplit(":", 2)
        number = int(pid)
    except ValueError:
        return False
    if host != _host() or number <= 0:
        return False
    if (PROC / "self" / "stat").exists():
        return _process_start(number) != start
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _host() -> str:
    node = platform.node() or "localhost"
    try:
        return f"{node}/{(PROC / 'self' / 'ns' / 'pid').stat().st_ino}"
    except OSError:
        return node


def _process_start(pid: int) -> str:
    """Return `<boot>.<clock ticks>`; empty for a process that has ended or is a zombie."""
    try:
        # The name in brackets may hold spaces; state is the first field after it, start the 20th.
        fields = (PROC / str(pid) / "stat").read_text("latin-1").rpartition(")")[2].split()
        state, ticks = fields[0], fields[19]
    except (OSError, IndexError):
        return ""
    try:
        boot = (PROC / "sys/kernel/random/boot_id").read_text("latin-1").strip()[:8]
    except OSError:
        boot = "0"
    return "" if state in "ZX" else f"{boot}.{ticks}"

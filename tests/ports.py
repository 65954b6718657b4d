"""Ports for servers that are started by number, in processes of their own."""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
from collections.abc import Iterator

_FIRST, _END, _EACH = 20_000, 32_000, 10
_START = _FIRST + os.getpid() * _EACH % (_END - _FIRST)
"""Test processes that run beside each other have ids, and so places, of their own."""
_PORTS: Iterator[int] = itertools.cycle([*range(_START, _END), *range(_FIRST, _START)])


def free_port() -> int:
    """Return a port on which nobody listens, another one at each call.

    It is below those that the system gives to clients. One of them could be given the very port
    before the server is there, and a client that retries meanwhile could connect to itself.
    """
    for port in itertools.islice(_PORTS, _END - _FIRST):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise RuntimeError("no free port")

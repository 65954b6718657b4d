"""Prefect's server for one command: started early, out of reach of Ctrl-C, gone with its process.

Prefect starts one by itself too, but late (after it has imported the server's code here as well),
and in the terminal's process group: Ctrl-C ends it first, and every flow that crashes then waits
minutes for a server that is gone.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path

import httpx

from oneclick.core.errors import Unavailable
from oneclick.storage import files

MARK = "PREFECT__SERVER_EPHEMERAL"
"""Prefect's own name for a server that serves one process."""
STOP_SECONDS = 5.0
_PR_SET_PDEATHSIG = 1


def start(folder: Path, seconds: float) -> None:
    """Start a server with its database in `folder`, and point Prefect to it; ready on return.

    Raises:
        Unavailable, NoSpace: if the folder cannot be made, or the server does not answer in time.
    """
    log = folder / "server.log"
    with files.guard(folder):
        folder.mkdir(parents=True, exist_ok=True)
        log.write_bytes(b"")
    url = f"http://127.0.0.1:{_free_port()}/api"
    os.environ |= {MARK: "1", "PREFECT_API_URL": url}
    child = _spawn(url, log)
    atexit.register(_stop, child)
    # Two seconds of imports that the first flow needs anyway, while the server starts.
    import_module("flows.one_click")
    deadline = time.monotonic() + seconds
    while not answers(url):
        if child.poll() is not None or time.monotonic() > deadline:
            raise Unavailable(f"Prefect's embedded server did not start: see the end of {log}")
        time.sleep(0.05)


def here() -> bool:
    """Whether flows of this process talk to an embedded server."""
    return MARK in os.environ


def answers(url: str) -> bool:
    """Whether a Prefect API is ready at this address."""
    try:
        return httpx.get(f"{url.rstrip('/')}/health", timeout=2).status_code < 500
    except httpx.HTTPError:
        return False


def leashed() -> None:
    """Run in a child before exec: it listens to SIGINT, and ends when its parent is killed."""
    # Inherited as ignored from a shell's background job, a worker could never be stopped.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _spawn(url: str, log: Path) -> subprocess.Popen[bytes]:
    port = url.rsplit(":", 1)[1].removesuffix("/api")
    factory = ["--factory", "prefect.server.api.server:create_app", "--lifespan", "on"]
    where = ["--host", "127.0.0.1", "--port", port, "--log-level", "error"]
    with log.open("wb") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "uvicorn", *factory, *where],
            env=os.environ | {"PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_FINAL": "1"},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            preexec_fn=leashed,
        )


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def _stop(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(STOP_SECONDS)
    child.kill()
    child.wait()

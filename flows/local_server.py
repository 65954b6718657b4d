"""Prefect's server for one command: started early, shielded from Ctrl-C, ended with its process.

Prefect starts one by itself too, but late (after it has imported the server's code here as well),
and in the terminal's process group: Ctrl-C ends it first, and every flow that crashes then waits
minutes for a server that no longer runs.
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
from pathlib import Path

import httpx

from oneclick.core.errors import Unavailable
from oneclick.storage import files

MARK = "PREFECT__SERVER_EPHEMERAL"
"""Prefect's own variable for a server that serves one process."""
STOP_SECONDS = 5.0
_PR_SET_PDEATHSIG = 1


class EmbeddedServer:
    """A Prefect server that ends with this process."""

    def __init__(self, folder: Path) -> None:
        """Start a server with its database in `folder`, and point Prefect to it.

        Raises:
            Unavailable, NoSpace: the folder cannot be created.
        """
        self._log = folder / "server.log"
        with files.guard(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._log.write_bytes(b"")
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        self._url = f"http://127.0.0.1:{port}/api"
        os.environ |= {MARK: "1", "PREFECT_API_URL": self._url}
        factory = ["--factory", "prefect.server.api.server:create_app", "--lifespan", "on"]
        # By default uvicorn imports from the current folder first.
        factory += ["--app-dir", str(folder)]
        options = ["--host", "127.0.0.1", "--port", str(port), "--log-level", "error"]
        with self._log.open("wb") as log_file:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "uvicorn", *factory, *options],
                env=os.environ | {"PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_FINAL": "1"},
                stdin=subprocess.DEVNULL,
                stdout=log_file,
                stderr=log_file,
                start_new_session=True,
                preexec_fn=end_with_parent,
            )
        atexit.register(self.stop)

    def wait_until_ready(self, seconds: float) -> None:
        """Wait until the server answers.

        Raises:
            Unavailable: it ended, or does not answer within `seconds`.
        """
        deadline = time.monotonic() + seconds
        while not is_ready(self._url):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise Unavailable(
                    f"Prefect's embedded server did not start: see the end of {self._log}"
                )
            time.sleep(0.05)

    def stop(self) -> None:
        """End the server, by force after STOP_SECONDS."""
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_SECONDS)
        self._process.kill()
        self._process.wait()


def is_embedded() -> bool:
    """Check whether flows of this process use an embedded server."""
    return MARK in os.environ


def is_ready(url: str) -> bool:
    """Check whether a Prefect API answers at this address."""
    try:
        # Certificates take 0.1 s to load, at each poll; only https needs them.
        secure = url.startswith("https:")
        return httpx.get(f"{url.rstrip('/')}/health", timeout=2, verify=secure).status_code < 500
    except httpx.HTTPError:
        return False


def end_with_parent() -> None:
    """Set up a child process before exec: it obeys SIGINT, and ends when its parent is killed."""
    # Inherited as ignored from a shell's background job, a worker could never be stopped.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

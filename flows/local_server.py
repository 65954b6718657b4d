"""Prefect's server as we start it: nobody gets an answer without its key, on loopback neither.

For one command it is started early, shielded from Ctrl-C, and ends with its process. Prefect starts
one by itself too, but without a key, late (after it has imported the server's code here as well),
and in the terminal's process group: Ctrl-C ends it first, and every flow that crashes then waits
minutes for a server that no longer runs.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from oneclick.core.errors import NoSpace, Unavailable
from oneclick.flows import prefect_database
from oneclick.flows.child_processes import end_with_parent
from oneclick.services import prefect_access
from oneclick.services.origin_guard import origin_of
from oneclick.services.prefect_http import LOOPBACK
from oneclick.storage import files

MARK = "PREFECT__SERVER_EPHEMERAL"
"""Prefect's own variable for a server that serves one process."""
EMBEDDED = {
    "PREFECT_UI_ENABLED": "0",
    # The kinds of blocks are for the user interface; who saves a block adds its kind by itself.
    "PREFECT_API_BLOCKS_REGISTER_ON_START": "false",
    # Otherwise Prefect notes that they are registered, and no later server does it.
    "PREFECT_MEMOIZE_BLOCK_AUTO_REGISTRATION": "false",
}
"""Settings of a server that serves one process."""
STOP_SECONDS = 5.0
LOG_BYTES = 1_000_000
"""Of the end of a log, in which the reason of a failure is looked for."""


class EmbeddedServer:
    """A Prefect server that ends with this process."""

    def __init__(self, folder: Path) -> None:
        """Start a server with its database in `folder`, and point Prefect to it.

        Raises:
            Unavailable, NoSpace: the folder cannot be created, or the database not be upgraded.
        """
        self._log = folder / "server.log"
        prefect_access.make_private(folder)
        with files.guard(folder):
            self._log.write_bytes(b"")
        self._setup = contextlib.ExitStack()  # held until the server answers
        setup = prefect_database.setup(folder, self._log, os.environ)
        self.notice = self._setup.enter_context(setup)
        """A line for the user, mostly empty."""
        # Other processes of this machine may connect: the key is of this one and its children.
        key, listener = prefect_access.new_key(), open_socket("127.0.0.1", 0)
        origin = origin_of("http", "127.0.0.1", listener.getsockname()[1])
        self._url = f"{origin}/api"
        os.environ.pop("PREFECT_API_KEY", None)
        os.environ |= {
            MARK: "1",
            "PREFECT_API_URL": self._url,
            "PREFECT_API_AUTH_STRING": key,
        }
        bypass_proxy(os.environ)
        env = os.environ | EMBEDDED
        self._process = start_server(listener, [origin], key, env, self._log)
        atexit.register(self.stop)

    def wait_until_ready(self, seconds: float) -> None:
        """Wait until the server answers.

        Raises:
            Unavailable: it ended, or does not answer within `seconds`.
            NoSpace: the disk under its database is full.
        """
        deadline = time.monotonic() + seconds
        with self._setup:
            while not is_ready(self._url):
                if self._process.poll() is not None or time.monotonic() > deadline:
                    if is_full(self._log):
                        raise NoSpace(
                            f"no space left in {self._log.parent} for Prefect's database: "
                            "free some, run again"
                        )
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


def open_socket(host: str, port: int) -> socket.socket:
    """Listen on `host:port`, an IP address of this machine; port 0 takes any free port.

    Raises:
        Unavailable: nothing can listen there.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise Unavailable(
            f"cannot listen on {host}:{port}: {error.strerror or error}; choose another --port, "
            "or set PREFECT_API_URL to use the Prefect server that is there"
        ) from None


def start_server(
    listener: socket.socket,
    origins: Sequence[str],
    key: str,
    env: Mapping[str, str],
    log: Path,
) -> subprocess.Popen[bytes]:
    """Start a Prefect server that ends with this process.

    Args:
        listener: the socket to serve, closed here: nobody else can have had its port in between.
        origins: where its pages may be opened; they use the API of the last.
        key: `user:password` of its basic authentication.
        env: environment of the process.
        log: file that what it prints is added to.
    """
    access = {
        "PREFECT_SERVER_API_AUTH_STRING": key,
        "PREFECT_SERVER_CSRF_PROTECTION_ENABLED": "true",
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": ",".join(origins),
        "PREFECT_UI_API_URL": f"{origins[-1]}/api",
        "PREFECT__SERVER_FINAL": "1",
    }
    with listener, log.open("ab") as log_file:
        return subprocess.Popen(
            [sys.executable, "-m", "oneclick.flows.prefect_server", str(listener.fileno())],
            env={**env, **access},
            pass_fds=[listener.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=log_file,
            stderr=log_file,
            start_new_session=True,
            preexec_fn=end_with_parent,
        )


def is_embedded() -> bool:
    """Check whether flows of this process use an embedded server."""
    return MARK in os.environ


@contextlib.contextmanager
def failures() -> Iterator[None]:
    """Tell in one line that Prefect's server failed, around the call of a flow.

    Raises:
        NoSpace: the disk is full under the database of the server that we started.
        Unavailable: the server failed for another reason; the message says where to look.
    """
    from prefect.exceptions import PrefectHTTPStatusError

    try:
        yield
    except PrefectHTTPStatusError as error:
        status = error.response.status_code
        if status < 500:
            raise
        log = f"the log of {os.environ.get('PREFECT_API_URL', 'your server')}"
        if is_embedded():
            path = Path(os.environ["PREFECT_HOME"]) / "server.log"
            if is_full(path):
                raise NoSpace(
                    f"no space left in {path.parent} for Prefect's database: free some, run again"
                ) from error
            log = f"the end of {path}"
        raise Unavailable(
            f"Prefect's server failed (HTTP {status}): see {log}, and run again; "
            "what was done stays"
        ) from error


def is_full(log: Path) -> bool:
    """Check whether the log of a server tells, near its end, of a full disk under its database."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - LOG_BYTES))
            return b"database or disk is full" in file.read(LOG_BYTES)
    except OSError:
        return False


def bypass_proxy(env: MutableMapping[str, str]) -> None:
    """Let programs with this environment reach our server, and send its key, without a proxy."""
    for name in ("NO_PROXY", "no_proxy"):
        hosts = [host for host in env.get(name, "").split(",") if host]
        env[name] = ",".join(dict.fromkeys([*hosts, *LOOPBACK]))


def is_ready(url: str) -> bool:
    """Check whether a Prefect API answers at this address."""
    try:
        # Certificates take 0.1 s to load, at each poll; only https needs them.
        secure, loopback = url.startswith("https:"), urlsplit(url).hostname in LOOPBACK
        with httpx.Client(timeout=2, verify=secure, trust_env=not loopback) as client:
            return client.get(f"{url.rstrip('/')}/health").status_code < 500
    except httpx.HTTPError:
        return False

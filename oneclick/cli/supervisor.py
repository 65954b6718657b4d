"""The processes behind `oneclick up`: started in order, supervised, and ended in reverse."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from oneclick import flows
from oneclick.core.errors import Unavailable
from oneclick.flows import environment, local_server
from oneclick.services import prefect_settings
from oneclick.storage import files

POOL = "oneclick"
# A first start creates the database: 20 s alone on two cores, minutes among other work.
START_SECONDS = 300.0
STOP_SECONDS = 20.0
HEARTBEAT_SECONDS = 30
# Three missed heartbeats mean the process is gone: measured, Crashed 82 s after a kill.
ZOMBIES: dict[str, Any] = {
    "name": "oneclick: runs whose process is gone",
    "trigger": {
        "type": "event",
        "posture": "Proactive",
        "after": ["prefect.flow-run.heartbeat"],
        "expect": ["prefect.flow-run.*"],
        "match": {"prefect.resource.id": ["prefect.flow-run.*"]},
        "for_each": ["prefect.resource.id"],
        "threshold": 1,
        "within": 3 * HEARTBEAT_SECONDS,
    },
    "actions": [
        {
            "type": "change-flow-run-state",
            "state": "CRASHED",
            "message": "The process of this run is gone.",
        }
    ],
}


class Supervisor:
    """The running processes of Prefect; leaving the context ends every one of them.

    Each child leads a process group of its own: Ctrl-C reaches this process alone, which ends the
    worker before the server that the worker talks to.
    """

    def __init__(self, home: Path) -> None:
        self.user_url = prefect_settings.api_url()
        self.env = environment.DEFAULTS | dict(os.environ)
        self.env["ONECLICK_HOME"] = str(home)
        self.env.setdefault("PREFECT_FLOWS_HEARTBEAT_FREQUENCY", str(HEARTBEAT_SECONDS))
        if not self.user_url:
            # Not the folder of `oneclick run`: two servers on one SQLite file lose runs.
            self.env.setdefault("PREFECT_HOME", str(home / ".prefect" / "server"))
        self.children: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        # A closed terminal ends everything too.
        signal.signal(signal.SIGHUP, lambda *_: sys.exit(129))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> bool:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not leave orphans
        for child in reversed(self.children.values()):
            end_group(child)
        return kind is KeyboardInterrupt

    def server(self, host: str, port: int) -> str:
        """Return the API URL of the user's server, or start one on `host:port` and return its URL.

        Raises:
            Unavailable: if the user's does not answer, the port is taken, or it does not start.
        """
        if self.user_url:
            if not local_server.is_ready(self.user_url):
                raise Unavailable(
                    f"PREFECT_API_URL is {self.user_url}, but nothing answers there: "
                    "start that server, or unset it to get one here"
                )
            return self.user_url
        check_port_free(host, port)
        client_host = "127.0.0.1" if host in ("0.0.0.0", "") else host
        self.env["PREFECT_API_URL"] = url = f"http://{client_host}:{port}/api"
        log = Path(self.env["PREFECT_HOME"]) / "server.log"
        with files.guard(log.parent):
            log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as file:
            address = ["--host", host, "--port", str(port)]
            child = self._start("server", ["server", "start", *address], file)
        deadline = time.monotonic() + START_SECONDS
        while not local_server.is_ready(url):
            if child.poll() is not None or time.monotonic() > deadline:
                raise Unavailable(f"the Prefect server did not start: see the end of {log}")
            time.sleep(0.2)
        add_zombie_automation(url)
        return url

    def deploy(self) -> list[str]:
        """Create or update the pool and every deployment of prefect.yaml; return their names."""
        self._call("work-pool", "create", POOL, "--type", "process", "--overwrite")
        text = self._call(
            "--no-prompt", "deploy", "--all", "--prefect-file", str(deployments_file())
        )
        return re.findall(r"Deployment '([^']+)' successfully", text)

    def worker(self) -> None:
        """Start the worker; its output goes to stderr."""
        self._start("worker", ["worker", "start", "--pool", POOL, "--type", "process"], sys.stderr)

    def listener(self) -> None:
        """Start the webhook listener; its output goes to stderr."""
        self._start("listener", ["review", "listen"], sys.stderr, "oneclick")

    def watch(self) -> None:
        """Wait for Ctrl-C.

        Raises:
            Unavailable: as soon as one of the processes ends by itself.
        """
        while True:
            for name, child in self.children.items():
                if child.poll() is not None:
                    raise Unavailable(
                        f"the {name} ended by itself with exit code {child.returncode}; "
                        "start oneclick up again"
                    )
            time.sleep(0.5)

    def _start(
        self, name: str, arguments: list[str], out: Any, program: str = "prefect"
    ) -> subprocess.Popen[bytes]:
        child = subprocess.Popen(
            [sys.executable, "-m", program, *arguments],
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            preexec_fn=local_server.end_with_parent,
        )
        self.children[name] = child
        return child

    def _call(self, *arguments: str) -> str:
        process = subprocess.run(
            [sys.executable, "-m", "prefect", *arguments],
            env=self.env | {"COLUMNS": "200"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if process.returncode:
            lines = (process.stderr + process.stdout).strip().splitlines() or ["no reason given"]
            raise Unavailable(f"prefect {' '.join(arguments)} failed: {lines[-1]}")
        return process.stdout


def deployments_file() -> Path:
    """Return prefect.yaml beside the flows: in a checkout a link to the one at the top."""
    return Path(flows.__file__).with_name("prefect.yaml")


def check_port_free(host: str, port: int) -> None:
    """Raise Unavailable if no server can listen on `host:port`."""
    try:
        with socket.create_server((host, port)):
            return
    except OSError as error:
        raise Unavailable(
            f"cannot listen on {host}:{port}: {error.strerror or error}; choose another --port, "
            "or set PREFECT_API_URL to use the Prefect server that is there"
        ) from None


def add_zombie_automation(url: str) -> None:
    """Add the automation that marks runs whose process was killed as crashed, unless it exists.

    Without it the server shows such runs as running for ever.
    """
    with httpx.Client(base_url=url, timeout=30) as client:
        automations = client.post("/automations/filter", json={}).raise_for_status().json()
        if ZOMBIES["name"] not in [automation["name"] for automation in automations]:
            client.post("/automations/", json=ZOMBIES).raise_for_status()


def end_group(child: subprocess.Popen[bytes]) -> None:
    """Terminate the child, then the rest of its process group, and kill what does not end."""
    if child.poll() is None:
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(STOP_SECONDS)
    for sign in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + STOP_SECONDS / 4
        alive = _signal_group(child.pid, sign)
        while alive and time.monotonic() < deadline:
            time.sleep(0.1)
            child.poll()
            alive = _signal_group(child.pid, 0)


def _signal_group(group: int, sign: int) -> bool:
    """Send a signal to a process group; return whether it still had a process."""
    try:
        os.killpg(group, sign)
    except ProcessLookupError:
        return False
    return True

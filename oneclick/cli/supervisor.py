"""The processes behind `oneclick up`: started in order, watched, and ended in reverse."""

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

import flows
from flows import environment, local_server
from oneclick.core.errors import Unavailable, UsageError
from oneclick.services import prefect_api
from oneclick.storage import files

POOL = "oneclick"
START_SECONDS = 120.0
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
    """Starts Prefect's processes and ends every one of them on the way out.

    Each child leads a process group of its own: Ctrl-C reaches this process alone, which ends the
    worker before the server that the worker talks to.
    """

    def __init__(self, home: Path) -> None:
        self.root = _checkout()
        self.given = prefect_api.api_url()
        self.env = environment.DEFAULTS | dict(os.environ)
        self.env["ONECLICK_HOME"] = str(home)
        self.env.setdefault("PREFECT_FLOWS_HEARTBEAT_FREQUENCY", str(HEARTBEAT_SECONDS))
        if not self.given:
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
            _end(child)
        return kind is KeyboardInterrupt

    def server(self, host: str, port: int) -> str:
        """URL of the user's server, or of a new one.

        Raises:
            Unavailable: if the user's does not answer, the port is taken, or it does not start.
        """
        if self.given:
            if not local_server.answers(self.given):
                raise Unavailable(
                    f"PREFECT_API_URL is {self.given}, but nothing answers there: "
                    "start that server, or unset it to get one here"
                )
            return self.given
        _check_free(host, port)
        seen = "127.0.0.1" if host in ("0.0.0.0", "") else host
        self.env["PREFECT_API_URL"] = url = f"http://{seen}:{port}/api"
        log = Path(self.env["PREFECT_HOME"]) / "server.log"
        with files.guard(log.parent):
            log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as file:
            where = ["--host", host, "--port", str(port)]
            child = self._start("server", ["server", "start", *where], file)
        deadline = time.monotonic() + START_SECONDS
        while not local_server.answers(url):
            if child.poll() is not None or time.monotonic() > deadline:
                raise Unavailable(f"the Prefect server did not start: see the end of {log}")
            time.sleep(0.2)
        _watch_for_zombies(url)
        return url

    def deploy(self) -> list[str]:
        """Create the pool and every deployment of prefect.yaml, or renew them; their names."""
        self._call("work-pool", "create", POOL, "--type", "process", "--overwrite")
        text = self._call("--no-prompt", "deploy", "--all")
        return re.findall(r"Deployment '([^']+)' successfully", text)

    def worker(self) -> None:
        """Start the worker; it talks on stderr."""
        self._start("worker", ["worker", "start", "--pool", POOL, "--type", "process"], sys.stderr)

    def listener(self) -> None:
        """Start to wait for webhooks; it talks on stderr."""
        self._start("listener", ["review", "listen"], sys.stderr, "oneclick")

    def watch(self) -> None:
        """Wait for Ctrl-C.

        Raises:
            Unavailable: if a process ends by itself.
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
            cwd=self.root,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            preexec_fn=local_server.leashed,
        )
        self.children[name] = child
        return child

    def _call(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "prefect", *arguments],
            cwd=self.root,
            env=self.env | {"COLUMNS": "200"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            said = (done.stderr + done.stdout).strip().splitlines() or ["no reason given"]
            raise Unavailable(f"prefect {' '.join(arguments)} failed: {said[-1]}")
        return done.stdout


def _checkout() -> Path:
    root = Path(flows.__file__).parents[1]
    if not (root / "prefect.yaml").exists():
        raise UsageError(f"{root} has no prefect.yaml: run oneclick up from a checkout")
    return root


def _check_free(host: str, port: int) -> None:
    try:
        with socket.create_server((host, port)):
            return
    except OSError as error:
        raise Unavailable(
            f"cannot listen on {host}:{port}: {error.strerror or error}; choose another --port, "
            "or set PREFECT_API_URL to use the Prefect server that is there"
        ) from None


def _watch_for_zombies(url: str) -> None:
    """Let the server mark runs whose process was killed; by itself it never would."""
    with httpx.Client(base_url=url, timeout=30) as client:
        known = client.post("/automations/filter", json={}).raise_for_status().json()
        if ZOMBIES["name"] not in [automation["name"] for automation in known]:
            client.post("/automations/", json=ZOMBIES).raise_for_status()


def _end(child: subprocess.Popen[bytes]) -> None:
    """Ask the leader, then whatever its group still holds, then insist."""
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
    """Whether the group still had anyone to signal."""
    try:
        os.killpg(group, sign)
    except ProcessLookupError:
        return False
    return True

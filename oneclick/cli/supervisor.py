"""The processes behind `oneclick up`: started in order, supervised, and ended in reverse."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from oneclick import flows
from oneclick.cli import output
from oneclick.cli import supervised_process as processes
from oneclick.cli.supervised_process import SupervisedProcess
from oneclick.core import errors
from oneclick.core.errors import OneclickError, Unavailable, UsageError
from oneclick.flows import environment, local_server, prefect_database
from oneclick.flows.child_processes import end_with_parent
from oneclick.services import prefect_access, prefect_settings
from oneclick.services.origin_guard import origin_of
from oneclick.services.prefect_http import PrefectConnection
from oneclick.storage import files, locks
from oneclick.storage.workspace import Workspace

POOL = "oneclick"
WORKER = "worker"
WATCH_SECONDS = 0.5
"""Time between two looks whether a process has ended."""
# A first start creates the database: 20 s alone on two cores, minutes among other work.
START_SECONDS = 300.0
# Other commands look for an instant whether the lock of a killed server is held.
LOCK_ATTEMPTS = 5
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
        self._home = home
        if prefect_access.is_workspace_profile(os.environ):
            # A shell set up by `oneclick flows env`: that is no server of the user's.
            del os.environ["PREFECT_PROFILES_PATH"], os.environ["PREFECT_PROFILE"]
        self.user_url = prefect_settings.api_url()
        self.env = environment.DEFAULTS | dict(os.environ)
        self.env["ONECLICK_HOME"] = str(home)
        self.env.setdefault("PREFECT_FLOWS_HEARTBEAT_FREQUENCY", str(HEARTBEAT_SECONDS))
        if not self.user_url:
            # Not the folder of `oneclick run`: two servers on one SQLite file lose runs.
            self.env.setdefault("PREFECT_HOME", str(prefect_access.server_folder(home)))
        self._children: dict[str, SupervisedProcess] = {}
        self._leftovers: list[subprocess.Popen[bytes]] = []
        """Workers that ended, some of whose flow runs go on."""
        self._at_exit = contextlib.ExitStack()
        self._is_interrupted = False

    def __enter__(self) -> Self:
        for number in (signal.SIGHUP, signal.SIGINT):
            self._at_exit.callback(signal.signal, number, signal.getsignal(number))
        # A closed terminal ends everything too.
        signal.signal(signal.SIGHUP, lambda *_: sys.exit(129))
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # as it is in the background
            signal.signal(signal.SIGINT, self._interrupt)
        return self

    def _interrupt(self, *_: object) -> None:
        # The exception is lost where Python cannot raise it, in a finalizer; `watch` asks too.
        self._is_interrupted = True
        raise KeyboardInterrupt

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> bool:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not leave orphans
        for child in reversed(self._children.values()):
            processes.end_group(child.process)
        for process in self._leftovers:
            processes.end_group(process)
        self._at_exit.close()
        return kind is KeyboardInterrupt

    def server(self, host: str, port: int, public_url: str = "") -> str:
        """Return the API URL of the user's server, or start one on `host:port` and return its URL.

        Args:
            host: this machine's own, such as 127.0.0.1.
            port: port on it.
            public_url: where a reverse proxy with TLS offers the server, if one does.

        Raises:
            UsageError: others could read what is sent to this host or URL.
            Unavailable: the user's does not answer, another `oneclick up` serves this workspace,
                the port is taken, or it does not start.
        """
        if self.user_url:
            if not local_server.is_ready(self.user_url):
                raise Unavailable(
                    f"PREFECT_API_URL is {self.user_url}, but nothing answers there: "
                    "start that server, or unset it to get one here"
                )
            return self.user_url
        address = loopback_address(host)
        origins = [origin_of("http", name, port) for name in ("localhost", address)]
        url = f"{origins[-1]}/api"
        if public_url:
            origins.append(public_origin(public_url))
        self._at_exit.enter_context(only_server(self._home))
        key = prefect_access.load_key(self._home)
        log = Path(self.env["PREFECT_HOME"]) / "server.log"
        with files.guard(log.parent):
            log.parent.mkdir(parents=True, exist_ok=True)
        first_socket: list[socket.socket] = [local_server.open_socket(address, port)]
        record = prefect_access.RunningServer(
            pid=os.getpid(), machine=prefect_access.this_machine(), url=url
        )
        self._at_exit.callback(prefect_access.withdraw, self._home)
        prefect_access.announce(self._home, record, key)
        for name in ("PREFECT_API_KEY", "PREFECT_PROFILE", "PREFECT_PROFILES_PATH"):
            self.env.pop(name, None)
        self.env |= {"PREFECT_API_URL": url, "PREFECT_API_AUTH_STRING": key}
        local_server.bypass_proxy(self.env)
        with prefect_database.setup(log.parent, log, self.env) as notice:
            if notice:
                output.message(notice)
            child = SupervisedProcess(
                lambda: local_server.start_server(
                    first_socket.pop() if first_socket else local_server.open_socket(address, port),
                    origins,
                    key,
                    self.env,
                    log,
                )
            )
            self._children["server"] = child
            deadline = time.monotonic() + START_SECONDS
            while not local_server.is_ready(url):
                if child.process.poll() is not None or time.monotonic() > deadline:
                    raise Unavailable(f"the Prefect server did not start: see the end of {log}")
                time.sleep(0.2)
        add_zombie_automation(url.replace("://", f"://{key}@", 1))
        return url

    def deploy(self) -> list[str]:
        """Create or update the pool and every deployment of prefect.yaml; return their names."""
        template = str(deployments_file().with_name("pool.json"))
        pool = ["--type", "process", "--base-job-template", template, "--overwrite"]
        self._call("work-pool", "create", POOL, *pool)
        text = self._call(
            "--no-prompt", "deploy", "--all", "--prefect-file", str(deployments_file())
        )
        return re.findall(r"Deployment '([^']+)' successfully", text)

    def worker(self) -> None:
        """Start the worker; its output goes to stderr."""
        self._start(WORKER, ["worker", "start", "--pool", POOL, "--type", "process"], sys.stderr)

    def listener(self) -> None:
        """Start the webhook listener; its output goes to stderr."""
        self._start("listener", ["review", "listen"], sys.stderr, "oneclick")

    def review_pages(self, address: str) -> None:
        """Start the server of the review pages, which prints its address on stderr.

        Args:
            address: host:port.
        """
        self._start("review pages", ["review", "serve", "--at", address], sys.stderr, "oneclick")

    def live_cameras(self) -> None:
        """Start the process of the live cameras; what changes goes to stderr."""
        self._start("live cameras", ["live"], sys.stderr, "oneclick")

    def child(self, name: str) -> subprocess.Popen[bytes]:
        """Return the process of a name."""
        return self._children[name].process

    def watch(self) -> None:
        """Wait for Ctrl-C; a process that ends by itself is started again, and ends no other."""
        while True:
            if self._is_interrupted:
                raise KeyboardInterrupt
            for name, child in self._children.items():
                if child.process.poll() is not None:
                    self._revive(name, child)
            self._leftovers = [
                each for each in self._leftovers if processes.signal_group(each.pid, 0)
            ]
            time.sleep(WATCH_SECONDS)

    def _revive(self, name: str, child: SupervisedProcess) -> None:
        """Tell that a process has ended, and start it again after a pause."""
        if not child.is_waiting:
            if name == WORKER:  # a training outlives it
                self._leftovers.append(child.process)
            else:
                processes.end_group(child.process)
            code, pause = child.process.returncode, child.pause()
            output.message(
                f"the {name} ended by itself with exit code {code}; "
                f"it is started again in {pause:.0f} s"
            )
            return
        try:
            child.restart_if_due()
        except (OneclickError, OSError) as error:
            reason = errors.reason(error, f"start the {name}")
            output.message(f"{reason}; it is tried again in {child.pause():.0f} s")

    def _start(self, name: str, arguments: list[str], out: Any, program: str = "prefect") -> None:
        def start() -> subprocess.Popen[bytes]:
            return subprocess.Popen(
                [sys.executable, "-m", program, *arguments],
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                preexec_fn=end_with_parent,
            )

        self._children[name] = SupervisedProcess(start)

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


def loopback_address(host: str) -> str:
    """Return the loopback address that `host` names, without asking a name server.

    Raises:
        UsageError: it is another: passwords and data would cross the network in the clear.
    """
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
        if address.is_loopback:
            return str(address)
    raise UsageError(
        f"--host {host} is not this machine's own 127.0.0.1, and the server has no TLS: put a "
        "reverse proxy with TLS before it, and name its address with --public-url https://…"
    )


def public_origin(url: str) -> str:
    """Return the origin of the address that a reverse proxy offers.

    Raises:
        UsageError: it is not https, or no address of a whole host.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = urlsplit(""), None, None
    extra = parts.path.strip("/") or parts.query or parts.fragment or parts.username
    if parts.scheme != "https" or not host or extra:
        raise UsageError(
            f"--public-url {url!r}: give https://name or https://name:port, as the reverse proxy "
            "before the server is called"
        )
    return origin_of("https", host, port)


@contextlib.contextmanager
def only_server(home: Path) -> Iterator[None]:
    """Hold the lock of the one server of a workspace.

    Raises:
        Unavailable: another `oneclick up` holds it; the message says which.
    """
    with contextlib.ExitStack() as stack:
        for attempt in reversed(range(LOCK_ATTEMPTS)):
            try:
                stack.enter_context(locks.hold(Workspace(home), locks.WriteLock.SERVE, wait=False))
                break
            except Unavailable:
                holder = prefect_access.last_announced(home)
                if attempt:
                    time.sleep(0.2)
                elif holder is None:
                    raise
                else:
                    raise Unavailable(
                        f"another oneclick up serves {home}: process {holder.pid} on "
                        f"{holder.machine.split('/')[0]}, {holder.url}; end it with Ctrl-C first"
                    ) from None
        yield


def add_zombie_automation(url: str) -> None:
    """Add the automation that marks runs whose process was killed as crashed, unless it exists.

    Without it the server shows such runs as running for ever.
    """
    server = PrefectConnection(url)
    automations = server.fetch_all("/automations/filter")
    if ZOMBIES["name"] not in [automation["name"] for automation in automations]:
        server.request("POST", "/automations/", ZOMBIES)

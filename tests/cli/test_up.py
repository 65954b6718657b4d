"""What `oneclick up` refuses before anything starts.

Two of what may run once were looked for: `up`, the review pages, a live camera, a search and the
training of one model are held by locks; names that are looked up on the network were looked for at
every address that we listen on, and only addresses are taken; nothing else was found.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from oneclick.cli import supervised_process, supervisor
from oneclick.cli.supervised_process import SupervisedProcess
from oneclick.core.errors import Unavailable, UsageError
from oneclick.services import prefect_access, review_address
from oneclick.storage import locks
from oneclick.storage.workspace import Workspace
from tests.cli.program import oneclick
from tests.waits import HANG_SECONDS, wait_until


@pytest.mark.parametrize(
    ("host", "address"),
    [("localhost", "127.0.0.1"), ("127.0.0.1", "127.0.0.1"), ("::1", "::1")],
)
def test_the_server_listens_on_this_machine(host: str, address: str) -> None:
    assert supervisor.loopback_address(host) == address


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.168.1.5", "ward.example", "127.1"])
def test_another_host_is_refused_and_not_looked_up(
    host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look_up(*_: object, **__: object) -> None:
        raise AssertionError("a name was looked up, or a port was opened")

    for name in ("PREFECT_API_URL", "PREFECT_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PREFECT_PROFILES_PATH", str(tmp_path / "none.toml"))
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(socket, "create_server", look_up)
    with pytest.raises(UsageError, match="put a reverse proxy with TLS before it"):
        supervisor.Supervisor(tmp_path).server(host, 4200)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://ward.example", "https://ward.example"),
        ("https://Ward.example:443/", "https://ward.example"),
        ("https://ward.example:8443", "https://ward.example:8443"),
        ("http://ward.example", None),
        ("ward.example", None),
        ("https://", None),
        ("https://ward.example/prefect", None),
        ("https://me:secret@ward.example", None),
        ("https://[::1", None),
        ("https://ward.example:port", None),
    ],
)
def test_a_public_url_is_an_https_address(url: str, origin: str | None) -> None:
    if origin is None:
        with pytest.raises(UsageError, match="--public-url"):
            supervisor.public_origin(url)
    else:
        assert supervisor.public_origin(url) == origin


HOLDER = """
import sys
from pathlib import Path
from oneclick.cli import supervised_process, supervisor
from oneclick.cli.supervised_process import SupervisedProcess
with supervisor.only_server(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_one_up_at_a_time_and_a_killed_one_is_no_obstacle(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    with holder.stdin, holder.stdout:
        assert holder.stdout.readline() == b"held\n"
        record = prefect_access.RunningServer(
            pid=holder.pid, machine="ward-pc/4026", url="http://127.0.0.1:4200/api"
        )
        prefect_access.announce(tmp_path, record, prefect_access.load_key(tmp_path))
        message = f"serves {tmp_path}: process {holder.pid} on ward-pc, http://127.0.0.1:4200/api"
        with pytest.raises(Unavailable, match=message), supervisor.only_server(tmp_path):
            pass
        holder.kill()
        holder.wait(HANG_SECONDS)
    with supervisor.only_server(tmp_path):
        assert (Workspace(tmp_path).locks_dir / locks.WriteLock.SERVE.value).exists()


def test_a_shell_set_up_for_a_workspace_starts_its_server_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    key = prefect_access.load_key(tmp_path)
    record = prefect_access.RunningServer(pid=1, machine="", url="http://127.0.0.1:1/api")
    prefect_access.announce(tmp_path, record, key)
    monkeypatch.setenv("PREFECT_PROFILES_PATH", str(prefect_access.profiles_file(tmp_path)))
    monkeypatch.setenv("PREFECT_PROFILE", prefect_access.PROFILE)
    assert supervisor.Supervisor(tmp_path).user_url is None
    assert "PREFECT_PROFILES_PATH" not in os.environ


@pytest.mark.parametrize(
    ("address", "code", "message"),
    [
        ("127.0.0.1:{taken}", 4, "cannot listen on 127.0.0.1:{taken}: Address already in use"),
        ("0.0.0.0:8321", 2, "nobody has a password yet"),
    ],
)
def test_review_pages_that_cannot_be_served_are_told_before_anything_starts(
    address: str, code: int, message: str, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as socket_in_use:
        taken = socket_in_use.getsockname()[1]
        result = oneclick(
            "up", "--review-at", address.format(taken=taken), home=tmp_path, cwd=tmp_path
        )
    assert result.returncode == code
    assert message.format(taken=taken) in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / ".prefect").exists()


@pytest.fixture
def signal_handlers() -> Iterator[None]:
    """Put back what a supervisor leaves: it ignores Ctrl-C, and so would all who start later."""
    handlers = {sign: signal.getsignal(sign) for sign in (signal.SIGINT, signal.SIGHUP)}
    yield
    for sign, handler in handlers.items():
        signal.signal(sign, handler)


@pytest.mark.usefixtures("signal_handlers")
def test_review_pages_are_one_of_the_processes_of_up(tmp_path: Path) -> None:
    workspace, handlers = Workspace(tmp_path), _handlers()
    with supervisor.Supervisor(tmp_path) as running:
        running.review_pages("127.0.0.1:0")
        wait_until(lambda: review_address.find_running(workspace))
        assert running.child("review pages").poll() is None
    assert running.child("review pages").poll() is not None
    assert review_address.find_running(workspace) is None
    assert _handlers() == handlers


@pytest.mark.usefixtures("signal_handlers")
@pytest.mark.parametrize("is_handled", [False, True], ids=["by nobody else", "by others before"])
def test_ctrl_c_that_python_lost_in_a_finalizer_ends_everything_too(
    is_handled: bool, tmp_path: Path
) -> None:
    if is_handled:
        signal.signal(signal.SIGINT, lambda *_: None)
    with supervisor.Supervisor(tmp_path) as running:
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        running.watch()
        raise AssertionError("it waits for ever")


class Starts:
    """Starts processes of `up`: those that end at once for a while, then such as stay."""

    def __init__(self, ends: int, refusals: int = 0) -> None:
        self._ends, self._refusals = ends, refusals
        self.processes: list[subprocess.Popen[bytes]] = []

    def __call__(self) -> subprocess.Popen[bytes]:
        if self.processes and self._refusals:
            self._refusals -= 1
            raise Unavailable("no memory for a process")
        code = "raise SystemExit(7)" if len(self.processes) < self._ends else "input()"
        command = [sys.executable, "-c", code]
        child = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
        self.processes.append(child)
        return child


@pytest.mark.usefixtures("signal_handlers")
def test_a_process_that_ends_is_started_again_and_ends_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(supervised_process, "RESTART_SECONDS", 0.01)
    names = ("server", "worker", "listener", "review pages", "live cameras")
    starts = {name: Starts(ends=2 * (name != "live cameras")) for name in names}
    starts["worker"] = Starts(ends=1, refusals=2)

    def are_all_well() -> bool:
        return all(each.processes[-1].poll() is None for each in starts.values())

    def look(_: float) -> None:
        if starts["worker"].processes[1:] and starts["server"].processes[2:] and are_all_well():
            raise KeyboardInterrupt

    monkeypatch.setattr(supervisor, "time", SimpleNamespace(sleep=look))
    with supervisor.Supervisor(tmp_path) as running:
        for name, start in starts.items():
            running._children[name] = SupervisedProcess(start)
        running.watch()
    counts = [len(start.processes) for start in starts.values()]
    assert (counts[0], counts[1], counts[-1]) == (3, 2, 1)
    assert not any(child.poll() is None for start in starts.values() for child in start.processes)
    talk = capsys.readouterr().err
    assert "the server ended by itself with exit code 7; it is started again in" in talk
    assert talk.count("no memory for a process; it is tried again in") == 2
    for child in (child for start in starts.values() for child in start.processes):
        assert child.stdin is not None
        child.stdin.close()


def test_pauses_grow_while_a_process_ends_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = [100.0]
    clock = SimpleNamespace(monotonic=lambda: seconds[0])
    monkeypatch.setattr(supervised_process, "time", clock)
    start, pauses = Starts(ends=100), list[float]()
    child = SupervisedProcess(start)
    for _ in range(9):
        pauses.append(child.pause())
        child.restart_if_due()
        assert child.is_waiting
        seconds[0] += pauses[-1]
        child.restart_if_due()
        assert not child.is_waiting
    assert pauses == [2, 4, 8, 16, 32, 64, 128, 256, 300]
    seconds[0] += supervised_process.LONGEST_RESTART + 1
    assert child.pause() == 2
    for process in start.processes:
        process.communicate()


def _handlers() -> list[object]:
    return [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGHUP)]

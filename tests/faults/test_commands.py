"""The command line itself, twice at once on one workspace: one does it, the other says so."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from oneclick.catalog import Catalog, verify
from oneclick.core.clips import ClipStage
from oneclick.platforms.local import LocalPlatform
from oneclick.report import flows
from oneclick.services import prefect_access
from oneclick.storage import locks
from oneclick.storage.locks import WriteLock
from oneclick.storage.workspace import Workspace
from tests import ports
from tests.faults import ends, laps
from tests.waits import HANG_SECONDS, PREFECT_TIMEOUTS, wait_until

pytestmark = pytest.mark.e2e

FEW_ROUNDS, ROUNDS = 2, 60
CLIPS = 4
SETTINGS = "[triggers]\nmin_clips = 4\nclip_seconds = 0.6\ngap = 0.3\n"
STARTS, SERVES = "starting the Prefect server", "worker      takes the runs"
COMPARED = ("videos", "predictions", "signals", "hits", "clips", "review", "datasets")
"""Folders of the workspace whose files must be those of one lap."""


def start(root: Path, name: str, *words: str) -> subprocess.Popen[bytes]:
    """Start a command on the workspace in `root`; what it prints goes to `<name>.log`."""
    command = [sys.executable, "-m", "oneclick", *words, "--home", str(root / "home")]
    env = {key: value for key, value in os.environ.items() if not key.startswith("PREFECT_")}
    env |= PREFECT_TIMEOUTS
    with (root / f"{name}.log").open("wb") as log:
        return subprocess.Popen(
            command, cwd=root, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )


def lap_state(home: Path) -> dict[str, Any]:
    """Return the files of a lap and its clips in the catalog, which must be sound."""
    with Catalog.open(home) as catalog:
        assert verify.verify(catalog, deep=True) == []
        clips = sorted((row.clip.id, row.stage) for row in catalog.clips())
    contents = {
        name: content
        for name, content in ends.file_state(home).items()
        if name.split("/")[0] in COMPARED
    }
    return {"clips": clips, "files": contents}


def run_at_once(root: Path, film: Path, database: Path, count: int) -> dict[str, Any]:
    """Run a lap in several programs at once on a fresh workspace; return what is there."""
    (root / "home" / ".prefect").mkdir(parents=True)
    shutil.copy(database, root / "home" / ".prefect")
    (root / "oneclick.toml").write_text(SETTINGS)
    words = ("run", str(film), "--predictor", laps.PREDICTOR)
    programs = [start(root, f"run-{k}", *words) for k in range(count)]
    codes = [program.wait(HANG_SECONDS) for program in programs]
    logs = [(root / f"run-{k}.log").read_text() for k in range(count)]
    assert codes == [0] * count, "\n".join(logs)
    assert not any("Traceback" in log for log in logs), "\n".join(logs)
    state = lap_state(root / "home")
    waiting = LocalPlatform(Workspace(root / "home").review_dir()).pending()
    assert [(clip_id, ClipStage.IN_REVIEW) for clip_id in waiting] == state["clips"]
    assert len(state["clips"]) == CLIPS
    runs = [run.state for run in flows.runs(root / "home") if run.flow == "one-click"]
    assert runs == ["Completed"] * count
    shutil.rmtree(root)
    return state


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "ward_20260105T080000Z.mp4"
    laps.film(path)
    return path


def test_two_runs_at_once_make_one_lap(tmp_path: Path, film: Path, prefect_database: Path) -> None:
    run_at_once(tmp_path / "root", film, prefect_database, 2)


@pytest.mark.slow
def test_sixty_times_two_runs_make_one_lap(
    tmp_path: Path, film: Path, prefect_database: Path
) -> None:
    reference = run_at_once(tmp_path / "root", film, prefect_database, 1)
    for _ in range(ROUNDS):
        assert run_at_once(tmp_path / "root", film, prefect_database, 2) == reference


def living(root: Path) -> list[str]:
    """Return the command lines of processes that belong to a workspace of `start`."""
    command_lines = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            if os.fsencode(root) in words:
                command_lines.append((entry / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return command_lines


def serve_at_once(root: Path, database: Path, until: str) -> None:
    """Start `oneclick up` twice at once: one serves and is ended, the other is told so.

    Args:
        root: folder of the workspace.
        database: Prefect's, with its tables.
        until: what the one that serves says before it is ended.
    """
    home = root / "home"
    folder = prefect_access.server_folder(home)
    folder.mkdir(parents=True, mode=0o700)
    shutil.copy(database, folder)
    numbers = [ports.free_port() for _ in range(2)]
    words = ("up", "--review-at", "", "--port")
    programs = [start(root, f"up-{k}", *words, str(numbers[k])) for k in range(2)]
    logs = [root / f"up-{k}.log" for k in range(2)]

    def is_settled() -> bool:
        ended = [program.poll() is not None for program in programs]
        return all(ended) or (any(ended) and any(until in log.read_text() for log in logs))

    wait_until(is_settled, lambda: [log.read_text() for log in logs])
    loser = next(k for k in range(2) if programs[k].poll() is not None)
    winner = 1 - loser
    assert programs[winner].poll() is None, [log.read_text() for log in logs]
    assert programs[loser].returncode == 4, logs[loser].read_text()
    *_, line = logs[loser].read_text().splitlines()
    assert "another oneclick up serves" in line or "holds the lock 'serve'" in line
    programs[winner].send_signal(signal.SIGINT)
    assert programs[winner].wait(HANG_SECONDS) == 0, logs[winner].read_text()
    assert not any("Traceback" in log.read_text() for log in logs)
    assert prefect_access.last_announced(home) is None
    with locks.hold(Workspace(home), WriteLock.SERVE, wait=False):
        wait_until(lambda: not living(root), lambda: living(root))
    for port in numbers:
        socket.create_server(("127.0.0.1", port)).close()
    shutil.rmtree(root)


def test_of_two_ups_at_once_one_serves(tmp_path: Path, prefect_database: Path) -> None:
    for _ in range(FEW_ROUNDS):
        serve_at_once(tmp_path / "root", prefect_database, STARTS)


@pytest.mark.slow
def test_of_two_ups_at_once_one_serves_sixty_times(tmp_path: Path, prefect_database: Path) -> None:
    serve_at_once(tmp_path / "root", prefect_database, SERVES)
    for _ in range(ROUNDS):
        serve_at_once(tmp_path / "root", prefect_database, STARTS)

"""A flow run whose process was killed is crashed: on the screens at once, then in the catalog.

What a killed process leaves as running was looked for in searches, live cameras, leases, trainings
and locks: each knows its process or is held by the kernel; none was found that stays.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from oneclick.catalog import Catalog, run_owners
from oneclick.report import flows, snapshot_reader

START = datetime(2026, 1, 8, 8, tzinfo=UTC)
KILLED = """
import os, signal, sys
from pathlib import Path
from oneclick.catalog import run_owners
run_owners.add(Path(sys.argv[1]), "killed")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_run_is_shown_as_crashed_and_a_living_one_is_not(tmp_path: Path) -> None:
    with Catalog.open(tmp_path) as catalog:
        for run_id in ("killed", "alive", "elsewhere", "over"):
            ended = START if run_id == "over" else None
            catalog.add_run(run_id, "label", "Running", START, ended)
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    run_owners.add(tmp_path, "alive")
    expected = {"killed": "Crashed", "alive": "Running", "elsewhere": "Running", "over": "Running"}
    assert {run.id: run.state for run in flows.runs(tmp_path)} == expected
    with closing(snapshot_reader.SnapshotReader(tmp_path)) as reader:
        snapshot = reader.read()
    assert snapshot is not None
    assert {run.id: run.state for run in snapshot.runs} == expected

    run_owners.remove(tmp_path, "alive")
    run_owners.remove(tmp_path, "never there")
    assert run_owners.dead_runs(tmp_path) == {"killed"}


def test_a_workspace_without_runs_has_no_killed_ones(tmp_path: Path) -> None:
    assert run_owners.dead_runs(tmp_path) == frozenset()
    (tmp_path / ".prefect" / "runs").mkdir(parents=True)
    for name in ("strange", "a"):
        (tmp_path / ".prefect" / "runs" / name).write_bytes(b"\xff")
    assert run_owners.dead_runs(tmp_path) == frozenset()

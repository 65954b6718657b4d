"""The embedded server ends with its process, however that ends, and answers nobody else."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from oneclick.report import flows
from tests.waits import HANG_SECONDS, PREFECT_TIMEOUTS, wait_until

LONG_FLOW = """
import os, sys, time
from pathlib import Path
from oneclick.flows import environment
environment.prepare(Path(sys.argv[1]))
from prefect import flow
from oneclick.flows import policy
@flow(**policy.FLOW)
def long(home):
    print(os.environ["PREFECT_API_URL"], flush=True)
    time.sleep(3600)
with policy.in_process():
    long(sys.argv[1])
"""


def relatives(home: Path) -> list[str]:
    """Living processes whose Prefect is at home here."""
    command_lines = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if f"PREFECT_HOME={home}".encode() in (entry / "environ").read_bytes():
                command_lines.append((entry / "cmdline").read_bytes().decode().replace("\0", " "))
        except OSError:
            continue
    return command_lines


@pytest.mark.e2e
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds processes in /proc")
@pytest.mark.parametrize(
    ("sign", "code"),
    [
        # Who is killed can do nothing for its server: that is the sample. By .ci/wheel and
        # tests/flows/test_e2e.py `oneclick up` ends in the other two ways each time.
        pytest.param(signal.SIGINT, -2, id="Ctrl-C", marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, 143, id="SIGTERM", marks=pytest.mark.slow),
        pytest.param(signal.SIGKILL, -9, id="SIGKILL"),
    ],
)
def test_a_process_that_is_ended_ends_its_server(
    tmp_path: Path, prefect_database: Path, sign: int, code: int
) -> None:
    (tmp_path / ".prefect").mkdir()
    shutil.copy(prefect_database, tmp_path / ".prefect")
    env = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    env |= PREFECT_TIMEOUTS
    process = subprocess.Popen(
        [sys.executable, "-c", LONG_FLOW, str(tmp_path)],
        env=env,
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert process.stdout is not None
    with process.stdout:
        url = process.stdout.readline().decode().strip()
        assert relatives(tmp_path)
        assert [run.state for run in flows.runs(tmp_path)] == ["Running"]
        # The kinds of blocks are left to the server of `oneclick up`, which does not know them yet.
        assert not (tmp_path / ".prefect" / "memo_store.toml").exists()
        with httpx.Client(base_url=url, timeout=HANG_SECONDS) as client:
            assert client.get("/admin/version").status_code == 401
            assert client.post("/flow_runs/filter", json={}).status_code == 403
            for header, status in (("Host", 400), ("Origin", 403)):
                headers = {header: "evil.example"}
                assert client.get("/health", headers=headers).status_code == status
        os.killpg(process.pid, sign)  # as a terminal does: the whole foreground group
        assert process.wait(HANG_SECONDS) == code
    wait_until(lambda: not relatives(tmp_path), lambda: relatives(tmp_path))
    # A killed run cannot say so itself.
    (run,) = flows.runs(tmp_path)
    assert (run.state, run.progress) == ("Crashed", None)

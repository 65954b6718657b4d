"""A real server, pool, worker and deployments, as `oneclick up` starts them, on ward clips."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from textual.widgets import Input

from oneclick.catalog import Catalog
from oneclick.core.clips import ClipStage
from oneclick.core.errors import OneclickError, UnknownName
from oneclick.report import flows, snapshot_reader
from oneclick.services.prefect_api import PrefectServer
from oneclick.tui.app import Oneclick
from oneclick.tui.screens.flows import DeploymentTable
from tests.tui.samples import drive, press
from tests.waits import HANG_SECONDS, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("small")]

ROOT = Path(__file__).parents[2]
CLASSES = ("person",)
MOTION = "opencv:motion"


def standing(home: Path, stage: ClipStage) -> list[str]:
    with Catalog.open(home) as catalog:
        return [row.clip.id for row in catalog.clips(stage=stage)]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, ward_film: Path) -> Path:
    """A workspace whose ward clips wait for labels."""
    from oneclick.stages import cut, extract, fetch, predict, trigger

    home = tmp_path_factory.mktemp("e2e") / "workspace"
    videos = fetch.fetch(home, [str(ward_film)]).done
    predict.predict(home, videos, MOTION, CLASSES)
    trigger.trigger(
        home, MOTION, None, trigger.TriggerOptions(min_clips=4, clip_seconds=1.0, gap=0.5)
    )
    cut.cut(home, "test")
    extract.extract(home, standing(home, ClipStage.CUT))
    assert len(standing(home, ClipStage.EXTRACTED)) >= 4
    return home


@pytest.fixture(scope="module")
def api(home: Path, prefect_database: Path, small: None) -> Iterator[str]:
    """`oneclick up` on a free port; the address of its API."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    env = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}
    (home / ".prefect").mkdir()
    shutil.copy(prefect_database, home / ".prefect")
    log = home.parent / "up.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "oneclick", "up", "--home", str(home), "--port", str(port)],
            cwd=ROOT,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
    try:
        wait_until(lambda: "started!" in log.read_text() or process.poll() is not None)
        assert process.poll() is None, log.read_text()
        yield f"http://127.0.0.1:{port}/api"
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(HANG_SECONDS)
    assert code == 143, log.read_text()
    wait_until(lambda: not relatives(home), lambda: relatives(home))


def relatives(home: Path) -> list[str]:
    """Living processes that work for this workspace; whoever has no /proc sees none."""
    command_lines = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if f"ONECLICK_HOME={home}".encode() in (entry / "environ").read_bytes():
                command_lines.append((entry / "cmdline").read_bytes().decode().replace("\0", " "))
        except OSError:
            continue
    return command_lines


def ask(api: str, path: str, method: str = "POST", **body: Any) -> Any:
    """The server's answer; while its database is busy it says 503, and is asked again."""
    deadline = time.monotonic() + HANG_SECONDS
    while True:
        answer = httpx.request(method, f"{api}/{path}", json=body, timeout=HANG_SECONDS)
        if answer.status_code != 503 or time.monotonic() > deadline:
            break
        time.sleep(0.5)
    answer.raise_for_status()
    return answer.json() if answer.content else None


def run_and_watch(api: str, home: Path, deployment: str) -> None:
    process = subprocess.run(
        [sys.executable, "-m", "prefect", "deployment", "run", deployment, "--watch"],
        cwd=ROOT,
        env=os.environ | {"PREFECT_API_URL": api, "PREFECT_LOGGING_LEVEL": "INFO"},
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )
    assert process.returncode == 0, process.stdout + process.stderr


def artifact(api: str, key: str) -> Any:
    artifacts = ask(api, "artifacts/filter", artifacts={"key": {"any_": [key]}})
    assert artifacts, f"no artifact {key}"
    return max(artifacts, key=lambda row: row["created"])


@pytest.fixture(scope="module")
def scheduled(api: str) -> dict[str, list[datetime]]:
    """Start times by deployment, as scheduled; then the schedules sleep, for this test's sake."""
    names = {deployment["id"]: deployment["name"] for deployment in ask(api, "deployments/filter")}
    state = {"state": {"type": {"any_": ["SCHEDULED"]}}}

    def runs() -> list[Any]:
        rows: list[Any] = ask(api, "flow_runs/filter", flow_runs=state)
        return rows

    wait_until(lambda: len({run["deployment_id"] for run in runs()}) == 6, pause=0.3)
    starts: dict[str, list[datetime]] = {}
    for run in runs():
        start = datetime.fromisoformat(run["expected_start_time"])
        starts.setdefault(names[run["deployment_id"]], []).append(start)
    for key in names:
        ask(api, f"deployments/{key}", "PATCH", paused=True)
    busy = {"state": {"type": {"any_": ["PENDING", "RUNNING"]}}}
    wait_until(lambda: not ask(api, "flow_runs/filter", flow_runs=busy), pause=0.3)
    return starts


def test_the_schedules_create_runs_and_training_is_weekly(
    scheduled: dict[str, list[datetime]],
) -> None:
    assert set(scheduled) == {"collect", "label", "review", "publish", "maintain", "train-weekly"}
    assert {(f"{t:%A}", t.hour) for t in scheduled["train-weekly"]} == {("Sunday", 2)}


def test_the_server_marks_runs_whose_process_was_killed(api: str) -> None:
    names = [automation["name"] for automation in ask(api, "automations/filter")]
    assert any("gone" in name for name in names)


@pytest.fixture(scope="module")
def labelled(api: str, home: Path, scheduled: dict[str, list[datetime]]) -> list[str]:
    run_and_watch(api, home, "label/label")
    return standing(home, ClipStage.LABELLED)


def test_the_label_deployment_labels_the_ward_clips(
    api: str, home: Path, labelled: list[str]
) -> None:
    assert len(labelled) >= 4
    assert standing(home, ClipStage.EXTRACTED) == []
    table = artifact(api, "funnel")
    assert f'"clips": {len(labelled)}' in re.sub(r'"clips":\s*', '"clips": ', table["data"])


def test_the_weekly_training_trains_and_leaves_its_result(
    api: str, home: Path, labelled: list[str]
) -> None:
    from oneclick.stages import publish, review

    review.send(home, labelled)
    review.accept_auto(home, labelled)
    review.collect(home)
    accepted = standing(home, ClipStage.ACCEPTED)
    version = publish.publish(home, accepted, str(home / "training-server"), CLASSES).version
    run_and_watch(api, home, "train/train-weekly")
    with Catalog.open(home) as catalog:
        (model,) = catalog.models()
        flows = {run.flow: run.state for run in catalog.runs()}
    assert model.dataset == version
    page = artifact(api, "training")["data"]
    assert model.id in page
    assert "mAP" in page
    assert flows["label"] == flows["train"] == "Completed"


def test_runs_are_started_watched_and_listed_without_prefect(
    api: str, home: Path, labelled: list[str]
) -> None:
    server = PrefectServer(api, seconds=HANG_SECONDS)
    deployments = {deployment.label: deployment for deployment in server.deployments()}
    assert deployments["train/train-weekly"].schedules == ("0 2 * * 0",)
    assert "sources" in deployments["one-click/one-click"].schema["properties"]
    with pytest.raises(UnknownName, match="no deployment is called 'maintenance'"):
        server.start("maintenance")
    with pytest.raises(UnknownName, match="colour"):
        server.start("maintain", {"colour": "red"})
    started = server.start("maintain/maintain", {"home": str(home)})

    def state() -> str:
        return next((run.state for run in server.runs() if run.id == started), "")

    wait_until(lambda: state() == "Completed", pause=0.3)
    # The log arrives a little later than the state.
    wait_until(
        lambda: [line for line in server.logs(started) if "Completed" in line.text], pause=0.3
    )
    last = server.logs(started)[-1].at
    assert server.logs(started, last) == []
    with pytest.raises(OneclickError):
        server.cancel(started)
    merged = {run.id: run for run in flows.runs(home, server)}
    assert merged[started].state == "Completed"
    assert {run.flow for run in merged.values()} >= {"label", "maintain"}
    with pytest.raises(UnknownName):
        server.cancel("00000000-0000-0000-0000-000000000000")


def test_the_command_line_lists_runs_and_loads_no_prefect(
    api: str, home: Path, labelled: list[str]
) -> None:
    code = (
        "import sys; from oneclick.cli.main import app; "
        "app(['flows', 'list', '--json'], standalone_mode=False); "
        "assert not {'prefect', 'torch', 'cv2', 'wandb'} & sys.modules.keys()"
    )
    env = os.environ | {"PREFECT_API_URL": api, "ONECLICK_HOME": str(home)}
    process = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    assert {run["flow"] for run in json.loads(process.stdout)} >= {"label"}


def test_a_deployment_is_started_with_parameters_from_the_terminal_ui(
    api: str, home: Path, labelled: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", api)
    tui_app = Oneclick(snapshot_reader.SnapshotReader(home), home, every=3600)

    async def act(pilot: Any) -> None:
        await press(pilot, "5")
        table = tui_app.screen.query_one(DeploymentTable)
        tui_app.screen.set_focus(table)
        table.move_cursor(table.keys().index("maintain/maintain"))
        await press(pilot, "n")
        tui_app.screen.query_one(Input).value = f"home={home}"
        await press(pilot, "enter", "y")

    text = "\n".join(drive(tui_app, act))
    assert "train/train-weekly" in text
    runs = ask(api, "flow_runs/filter", sort="EXPECTED_START_TIME_DESC")
    started = max(runs, key=lambda run: run["created"])
    assert started["parameters"] == {"home": str(home)}
    assert started["name"]

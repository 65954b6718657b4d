"""A real server, pool, worker and deployments, as `oneclick up` starts them, on ward clips.

Trust in loopback was looked for at every socket that we open: Prefect's server of `up` and of one
command, the review pages with intake, live pictures and metrics, and the listener of webhooks each
ask for a key, a session, a token or a signature; none was found that does not, but Dask and Ray,
which a user may choose as runner, open ports of their own that ask for nothing.
"""

import base64
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from textual.widgets import Input
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from oneclick.catalog import Catalog
from oneclick.core.clips import ClipStage
from oneclick.core.errors import OneclickError, UnknownName
from oneclick.report import flows, snapshot_reader
from oneclick.services import prefect_access
from oneclick.services.prefect_api import PrefectServer
from oneclick.tui.app import Oneclick
from oneclick.tui.screens.flows import DeploymentTable
from tests import ports
from tests.flows.running import (
    ROOT,
    artifact,
    ask,
    csrf_headers,
    relatives,
    run_and_watch,
    standing,
    without_key,
)
from tests.tui.samples import drive, press
from tests.waits import HANG_SECONDS, PREFECT_TIMEOUTS, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("small")]

CLASSES = ("person",)
MOTION = "opencv:motion"
PREFECT = Subprotocol("prefect")


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
    """`oneclick up` on a free port; the address of its API, with the key."""
    port = ports.free_port()
    env = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")} | PREFECT_TIMEOUTS
    folder = prefect_access.server_folder(home)
    folder.mkdir(mode=0o700, parents=True)
    shutil.copy(prefect_database, folder)
    log = home.parent / "up.log"
    addresses = ["--port", str(port), "--review-at", "127.0.0.1:0"]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "oneclick", "up", "--home", str(home), *addresses],
            cwd=ROOT,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
    try:
        wait_until(lambda: "started!" in log.read_text() or process.poll() is not None)
        assert process.poll() is None, log.read_text()
        yield f"http://{prefect_access.load_key(home)}@127.0.0.1:{port}/api"
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(HANG_SECONDS)
    assert code == 143, log.read_text()
    wait_until(lambda: not relatives(home), lambda: relatives(home))


@pytest.fixture(scope="module")
def scheduled(api: str) -> dict[str, list[datetime]]:
    """Start times by deployment, as scheduled; then the schedules sleep, for this test's sake."""
    names = {deployment["id"]: deployment["name"] for deployment in ask(api, "deployments/filter")}
    state = {"state": {"type": {"any_": ["SCHEDULED"]}}}

    def runs() -> list[Any]:
        rows: list[Any] = ask(api, "flow_runs/filter", flow_runs=state)
        return rows

    wait_until(lambda: len({run["deployment_id"] for run in runs()}) == 7, pause=0.3)
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
    rare = {"publish", "maintain", "train-weekly"}
    assert set(scheduled) == {"collect", "label", "review", "watch"} | rare
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
    server = PrefectServer(api, seconds=HANG_SECONDS)
    training = server.start("train/train-weekly")
    wait_until(lambda: server.run(training).over, pause=1.0)
    assert server.run(training).state == "Completed", server.logs(training)
    with Catalog.open(home) as catalog:
        (model,) = catalog.models()
        flows = {run.flow: run.state for run in catalog.runs()}
    assert model.dataset == version
    page = artifact(api, "training")["data"]
    assert model.id in page
    assert "mAP" in page
    assert flows["label"] == flows["train"] == "Completed"


@pytest.fixture(scope="module")
def started(api: str, home: Path, labelled: list[str]) -> str:
    """Start a run with parameters from the terminal UI; its id."""
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
    run = max(runs, key=lambda run: run["created"])
    assert run["parameters"] == {"home": str(home)}
    assert run["name"]
    return str(run["id"])


def test_a_run_of_the_terminal_ui_is_watched_and_listed_without_prefect(
    api: str, home: Path, started: str
) -> None:
    server = PrefectServer(api, seconds=HANG_SECONDS)
    deployments = {deployment.label: deployment for deployment in server.deployments()}
    assert deployments["train/train-weekly"].schedules == ("0 2 * * 0",)
    assert "sources" in deployments["one-click/one-click"].schema["properties"]
    with pytest.raises(UnknownName, match="no deployment is called 'maintenance'"):
        server.start("maintenance")
    with pytest.raises(UnknownName, match="colour"):
        server.start("maintain", {"colour": "red"})

    def state() -> str:
        return next((run.state for run in server.runs() if run.id == started), "")

    wait_until(lambda: state() == "Completed", pause=0.3)
    # The log arrives a little later than the state.
    wait_until(
        lambda: [line for line in server.logs(started) if "Finished in state" in line.text],
        pause=0.3,
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
    env = os.environ | {"ONECLICK_HOME": str(home)}
    process = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    assert {run["flow"] for run in json.loads(process.stdout)} >= {"label"}


def attack(api: str, **parts: Any) -> httpx.Response:
    """Answer to the start of a run whose job variables name a command."""
    variables = parts.pop("variables", {"command": "touch stolen"})
    deployment = next(row for row in ask(api, "deployments/filter") if row["name"] == "maintain")
    assert deployment["enforce_parameter_schema"]
    address = without_key(api) if parts.pop("no_key", False) else api
    headers = {} if parts.pop("no_token", False) else csrf_headers(api)
    return httpx.post(
        f"{address}/deployments/{deployment['id']}/create_flow_run",
        json={"job_variables": variables},
        headers=headers | parts.pop("headers", {}),
        timeout=HANG_SECONDS,
    )


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ({"no_key": True}, 401),
        ({"no_key": True, "no_token": True}, 403),
        ({"no_token": True}, 403),
        ({"headers": {"Origin": "http://evil.example"}}, 403),
        ({"headers": {"Origin": "null"}}, 403),
        ({"headers": {"Origin": "http://127.0.0.1:1"}}, 403),
        ({"headers": {"Host": "evil.example"}}, 400),
        ({}, 422),
        ({"variables": {"env": {"PYTHONPATH": "/tmp"}}}, 422),
        ({"variables": {"env.PYTHONPATH": "/tmp"}}, 422),
        ({"variables": {"working_dir": "/"}}, 422),
    ],
    ids=str,
)
def test_nobody_starts_a_command(api: str, parts: dict[str, Any], status: int) -> None:
    runs = {run["id"] for run in ask(api, "flow_runs/filter")}
    assert attack(api, **parts).status_code == status
    started = [run for run in ask(api, "flow_runs/filter") if run["id"] not in runs]
    assert not [run for run in started if run["job_variables"]]


def get(address: str) -> httpx.Response:
    return httpx.get(address, timeout=HANG_SECONDS)


def test_without_the_key_nothing_is_read(api: str) -> None:
    address = without_key(api)
    assert get(f"{address}/health").json() is True  # the only thing anybody is told
    for path in ("version", "admin/version", "admin/settings", "openapi.json", "/admin/settings"):
        assert get(f"{address}/{path}").status_code == 401, path
    settings = get(f"{address.removesuffix('/api')}/ui-settings").json()
    assert (settings["auth"], settings["csrf_enabled"]) == ("BASIC", True)


@pytest.mark.parametrize(
    "path",
    [
        "events/out",
        "events/in",
        "logs/out",
        "task_runs/subscriptions/scheduled",
        "work_pools/oneclick/workers/connect",
    ],
)
def test_web_sockets_want_the_key_and_our_pages(api: str, home: Path, path: str) -> None:
    address = f"{without_key(api).replace('http:', 'ws:')}/{path}"
    foreign: list[dict[str, Any]] = [
        {"origin": "http://evil.example"},
        {"additional_headers": {"Host": "evil.example"}},
    ]
    for parts in foreign:
        with pytest.raises(InvalidStatus), connect(address, subprotocols=[PREFECT], **parts):
            pass
    with pytest.raises(InvalidStatus), connect(address):
        pass
    answers = []
    for token in ("oneclick:wrong", prefect_access.load_key(home)):
        with connect(address, subprotocols=[PREFECT]) as socket:
            socket.send(json.dumps({"type": "auth", "token": token}))
            try:
                answers.append(json.loads(socket.recv(HANG_SECONDS))["type"])
            except ConnectionClosedError as error:
                answers.append(str(error.rcvd and error.rcvd.code))
    assert answers == ["1008", "auth_success"]


@pytest.mark.parametrize(
    ("origin", "status"),
    [("http://evil.example", 403), ("http://localhost:{port}", 200), ("http://127.0.0.1:1", 403)],
)
def test_only_our_pages_may_ask(api: str, origin: str, status: int) -> None:
    port = httpx.URL(api).port
    headers = {"Origin": origin.format(port=port), "Access-Control-Request-Method": "POST"}
    answer = httpx.options(f"{without_key(api)}/flows/filter", headers=headers)
    assert answer.status_code == status
    allowed = answer.headers.get("access-control-allow-origin")
    assert allowed == (headers["Origin"] if status == 200 else None)


def test_a_browser_is_signed_in_and_the_key_stays_in_private_files(api: str, home: Path) -> None:
    key = prefect_access.load_key(home)
    token = base64.b64encode(key.encode()).decode()
    site = without_key(api).removesuffix("/api")
    assert f'"{site}/sign-in#{token}"' in prefect_access.sign_in_file(home).read_text()
    answer = get(f"{site}/sign-in")
    script = re.search("<script>(.*)</script>", answer.text, re.S)
    assert script is not None
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in answer.headers["content-security-policy"]
    assert 'localStorage.setItem("prefect-password", token)' in script[1]

    secret = key.partition(":")[2].encode()
    holders = []
    for path in [home.parent / "up.log", *home.rglob("*")]:
        if path.is_file() and (secret in path.read_bytes() or token.encode() in path.read_bytes()):
            holders.append(path.name)
            assert path.stat().st_mode & 0o077 == 0
            assert path.parent.stat().st_mode & 0o077 == 0
    assert sorted(holders) == ["key", "profiles.toml", "sign-in.html"]
    if Path("/proc/self/cmdline").exists():
        assert len(relatives(home)) >= 2
        assert not [line for line in relatives(home) if secret.decode() in line]


def test_a_second_up_is_told_who_serves_the_workspace(api: str, home: Path) -> None:
    command = [sys.executable, "-m", "oneclick", "up", "--home", str(home), "--port", "1"]
    process = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=HANG_SECONDS, check=False
    )
    assert process.returncode == 4
    message = process.stderr.splitlines()[-1]
    assert f"another oneclick up serves {home}: process " in message
    assert without_key(api) in message

"""What a real Prefect server answers, asked without Prefect; no worker takes the runs."""

from __future__ import annotations

import functools
import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from prefect import flow
from typer.testing import CliRunner

from oneclick.catalog import Catalog
from oneclick.cli import flows as command
from oneclick.core.errors import OneclickError, UnknownName, UsageError
from oneclick.report import flows
from oneclick.services import prefect_http
from oneclick.services.prefect_api import PrefectServer
from oneclick.services.prefect_http import PAGE
from tests.waits import HANG_SECONDS

NOBODY = "00000000-0000-0000-0000-000000000000"


@flow(name="count-sheep")
def count_sheep(most: int = 3, word: str = "sheep") -> None:
    """Never run: there is no worker."""


@pytest.fixture(scope="module")
def api(prefect_server: None) -> str:
    """Address of a server that holds one deployment."""
    from prefect.settings import PREFECT_API_URL

    deployment: Any = count_sheep.to_deployment(
        "nightly", cron="0 2 * * *", parameters={"most": 5}, description="To fall asleep."
    )
    deployment.apply()
    return str(PREFECT_API_URL.value())


@pytest.fixture
def server(api: str, monkeypatch: pytest.MonkeyPatch) -> PrefectServer:
    monkeypatch.setenv("PREFECT_API_URL", api)
    return PrefectServer(api, seconds=HANG_SECONDS)


def invoke(*arguments: object) -> Any:
    result = CliRunner().invoke(command.app, list(map(str, arguments)))
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def put(server: PrefectServer, run: str, kind: str, name: str) -> None:
    """Bring a run into a state, as its worker would."""
    body = {"state": {"type": kind, "name": name, "message": f"{name} by hand"}, "force": True}
    url = f"{server.url}/flow_runs/{run}/set_state"
    httpx.post(url, json=body, timeout=HANG_SECONDS).raise_for_status()


def say(server: PrefectServer, run: str, number: int) -> list[str]:
    """Log lines as a run would send them: three at every moment."""
    begin = datetime.now(UTC)
    lines = [
        {
            "name": "test",
            "level": 40 if k == number - 1 else 20,
            "message": f"sheep {k}",
            "timestamp": (begin + timedelta(milliseconds=k // 3)).isoformat(),
            "flow_run_id": run,
        }
        for k in range(number)
    ]
    httpx.post(f"{server.url}/logs/", json=lines, timeout=HANG_SECONDS).raise_for_status()
    return [str(line["message"]) for line in lines]


def test_a_deployment_tells_its_schedule_and_parameters(server: PrefectServer) -> None:
    deployment = server.deployment("count-sheep/nightly")
    assert deployment == server.deployment("nightly") == server.deployment(deployment.id)
    assert deployment.schedules == ("0 2 * * *",)
    assert deployment.parameters == {"most": 5}
    assert list(deployment.schema["properties"]) == ["most", "word"]
    assert (deployment.paused, deployment.description) == (False, "To fall asleep.")
    assert server.version().startswith("3.")


def test_a_run_starts_with_its_parameters_and_can_be_cancelled(server: PrefectServer) -> None:
    run = server.start("nightly", {"word": "lamb"})
    answer = httpx.get(f"{server.url}/flow_runs/{run}", timeout=HANG_SECONDS)
    assert answer.json()["parameters"] == {"most": 5, "word": "lamb"}
    assert not server.run(run).over
    put(server, run, "RUNNING", "Running")
    assert server.cancel(run) == "Cancelling"
    put(server, run, "CANCELLED", "Cancelled")
    assert server.run(run).over
    with pytest.raises(OneclickError, match=f"run {run} was not cancelled"):
        server.cancel(run)


@pytest.mark.parametrize(
    ("parameters", "kind", "reason"),
    [
        ({"colour": "red"}, UnknownName, "parameter of count-sheep/nightly is called 'colour'"),
        ({"most": "many"}, UsageError, "refuses these parameters: .*'many' is not of type"),
    ],
)
def test_parameters_that_do_not_fit_are_named(
    server: PrefectServer, parameters: dict[str, Any], kind: type[Exception], reason: str
) -> None:
    with pytest.raises(kind, match=reason) as excinfo:
        server.start("nightly", parameters)
    assert "\n" not in str(excinfo.value)


@pytest.mark.parametrize("run", [NOBODY, "none", "../deployments", "a b/ü"])
def test_a_run_nobody_knows_is_named(server: PrefectServer, run: str) -> None:
    for ask in (server.run, server.cancel):
        with pytest.raises(UnknownName, match="no flow run is called") as excinfo:
            ask(run)
        assert repr(run) in str(excinfo.value)


def test_runs_are_found_by_flow_and_state(server: PrefectServer) -> None:
    run = server.start("nightly")
    put(server, run, "FAILED", "Failed")
    runs = server.runs(state="Failed")
    assert [(run.id, run.flow, run.message, run.over) for run in runs] == [
        (run, "count-sheep", "Failed by hand", True)
    ]
    assert server.runs(flow="count-sheep", state="Failed") == runs
    assert server.runs(flow="another") == []


def test_more_runs_than_a_page_holds_are_listed(
    server: PrefectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(7):
        put(server, server.start("nightly"), "PENDING", "Pending")
    monkeypatch.setattr(prefect_http, "PAGE", 3)
    for limit, expected in ((5, 5), (6, 6), (7, 7), (8, 7), (PAGE, 7)):
        runs = server.runs(limit, state="Pending")
        assert len({run.id for run in runs}) == len(runs) == expected


def test_a_log_longer_than_a_page_is_whole_and_in_order(server: PrefectServer) -> None:
    run = server.start("nightly")
    texts = say(server, run, 2 * PAGE + 7)
    lines = server.logs(run)
    assert sorted(line.text for line in lines) == sorted(texts)
    assert [line.at for line in lines] == sorted(line.at for line in lines)
    assert len(server.logs(run, lines[-3].at)) == 2
    assert server.logs(run, lines[-1].at) == []
    last = server.logs(run, limit=10)
    assert [line.at for line in last] == [line.at for line in lines[-10:]]


def test_the_commands_start_follow_and_cancel(
    server: PrefectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = invoke("run", "nightly", "--set", "most=7", "--set", "word=ewe").stdout.strip()
    put(server, run, "RUNNING", "Running")
    say(server, run, 3)
    ends = functools.partial(put, server, run, "COMPLETED", "Completed")
    monkeypatch.setattr(time, "sleep", lambda seconds: ends() if seconds == 1.0 else None)
    lines = invoke("logs", run, "--follow").stdout.splitlines()
    assert [line[21:] for line in lines] == ["sheep 0", "sheep 1", "error: sheep 2"]
    with pytest.raises(OneclickError, match="was not cancelled"):
        invoke("cancel", run)
    with pytest.raises(UnknownName):
        invoke("logs", NOBODY, "--follow")


@pytest.mark.parametrize(("state", "code"), [("Completed", 0), ("Failed", 1)])
def test_waiting_ends_with_what_became_of_the_run(
    server: PrefectServer, monkeypatch: pytest.MonkeyPatch, state: str, code: int
) -> None:
    started: list[str] = []
    begin = PrefectServer.start

    def start(server: PrefectServer, *arguments: Any) -> str:
        started.append(begin(server, *arguments))
        return started[-1]

    def end_runs(seconds: float) -> None:
        for run in started:  # none while the server is busy and the request is sent again
            put(server, run, state.upper(), state)

    monkeypatch.setattr(PrefectServer, "start", start)
    monkeypatch.setattr(time, "sleep", end_runs)
    result = invoke("run", "nightly", "--wait")
    assert result.exit_code == code
    assert result.stderr == f"count-sheep {state.lower()}: {state} by hand\n"


def test_what_the_server_says_of_a_run_wins_over_the_catalog(
    server: PrefectServer, tmp_path: Path
) -> None:
    run = server.start("nightly")
    with Catalog.open(tmp_path) as catalog:
        catalog.add_run(run, "count-sheep", "Running", datetime.now(UTC), None)
        catalog.add_run("before", "label", "Completed", datetime.now(UTC), datetime.now(UTC))
    put(server, run, "CRASHED", "Crashed")
    runs = {run.id: run for run in flows.runs(tmp_path, server)}
    assert (runs[run].state, runs["before"].state) == ("Crashed", "Completed")
    rows = json.loads(invoke("list", "--json", "--home", tmp_path, "--limit", 500).stdout)
    assert list(rows[0]) == ["id", "flow", "state", "started", "ended", "detail", "progress"]
    assert {row["id"] for row in rows} >= {run, "before"}
    keys = list(json.loads(invoke("deployments", "--json").stdout)[0])
    assert keys == [
        "id", "name", "flow", "schedules", "paused", "parameters", "schema", "description", "next",
    ]  # fmt: skip


def test_with_the_server_away_the_catalog_s_runs_are_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://me:secret@127.0.0.1:1/api")
    with Catalog.open(tmp_path) as catalog:
        catalog.add_run("before", "label", "Completed", datetime.now(UTC), datetime.now(UTC))
    result = invoke("list", "--home", tmp_path)
    assert "before" in result.stdout
    assert result.stderr.startswith("oneclick: the Prefect server at http://127.0.0.1:1/api does")
    assert "secret" not in result.stderr

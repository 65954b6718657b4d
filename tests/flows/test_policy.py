"""Retries, runners and the choice of models, without a server."""

import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from prefect.client.schemas.objects import FlowRun, State
from prefect.exceptions import PrefectHTTPStatusError
from prefect.states import Completed, Failed
from prefect.task_engine import TaskRunTimeoutError
from prefect.task_runners import ProcessPoolTaskRunner, ThreadPoolTaskRunner

from oneclick import settings
from oneclick.catalog import Catalog, owner_id, run_owners
from oneclick.core.errors import BadVideo, NoSpace, Unavailable, UsageError
from oneclick.flows import collect, local_server, models, policy
from oneclick.flows import publish as publish_flow
from oneclick.stages import exclude, publish
from oneclick.storage import cards, files, model_registry
from oneclick.storage.workspace import Workspace
from tests.catalog import samples
from tests.stages import accepted


def failed(error: BaseException) -> Any:
    return Failed(data=error, message=str(error))


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (Unavailable("server away"), True),
        (ConnectionError("reset"), True),
        (TimeoutError("no answer"), True),
        (TaskRunTimeoutError("6 hours"), False),
        (NoSpace("disk full"), False),
        (BadVideo("broken"), False),
        (UsageError("wrong name"), False),
        (ValueError("a bug"), False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_only_what_may_heal_by_itself_is_retried(error: Exception, again: bool) -> None:
    assert policy.is_transient(None, None, failed(error)) is again  # type: ignore[arg-type]


def test_at_a_terminal_nothing_is_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(local_server.MARK, "1")
    assert not policy.is_transient(None, None, failed(Unavailable("away")))  # type: ignore[arg-type]


LOG = {
    "full": b"sqlite3.OperationalError: database or disk is full\n" + b"  at a line\n" * 50_000,
    "broken": b"sqlite3.DatabaseError: database disk image is malformed\n",
}


@pytest.mark.parametrize(
    ("log", "error", "reason"),
    [
        ("full", NoSpace, "no space left in .* for Prefect's database"),
        (
            "broken",
            Unavailable,
            r"server failed \(HTTP 500\): see the end of .*server.log",
        ),
    ],
    ids=LOG,
)
def test_a_server_that_fails_is_one_line(
    log: str, error: type[Exception], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(local_server.MARK, "1")
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path))
    (tmp_path / "server.log").write_bytes(LOG[log])
    request = httpx.Request("POST", "http://127.0.0.1/api/flow_runs/")
    response = httpx.Response(500, request=request, json={"exception_message": "Internal"})
    with pytest.raises(error, match=reason) as failure, local_server.failures():
        raise PrefectHTTPStatusError.from_httpx_error(
            httpx.HTTPStatusError("500", request=request, response=response)
        )
    assert "\n" not in str(failure.value)


def test_runners_are_chosen_by_name() -> None:
    assert isinstance(policy.make_runner("thread"), ThreadPoolTaskRunner)
    assert isinstance(policy.make_runner("process"), ProcessPoolTaskRunner)


def test_a_runner_that_is_not_installed_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "prefect_dask", None)
    with pytest.raises(UsageError, match=r"install oneclick\[dask\]"):
        policy.make_runner("dask")


def test_the_champion_predicts_once_there_is_one(tmp_path: Path) -> None:
    conf = settings.load(home=tmp_path)
    assert models.predictor(conf) == "opencv:hog"
    assert models.labellers(conf) == ["opencv:hog", "opencv:motion"]
    crown = Workspace(tmp_path).champion_file
    crown.parent.mkdir(parents=True)
    crown.touch()
    assert models.predictor(conf) == "model:champion"
    assert models.labellers(conf) == ["model:champion", "opencv:motion"]


def test_a_champion_that_is_lost_is_not_replaced_by_a_bootstrap_detector(tmp_path: Path) -> None:
    workspace, conf = Workspace(tmp_path), settings.load(home=tmp_path)
    files.write_atomic(workspace.model_dir("a") / "card.json", "{}")
    model_registry.promote(workspace, "a", "first")
    workspace.champion_file.unlink()
    assert models.predictor(conf) == "model:champion"


def test_a_video_whose_signals_are_lost_is_searched_again(tmp_path: Path) -> None:
    workspace, conf = Workspace(tmp_path), settings.load(home=tmp_path)
    with Catalog.open(tmp_path) as catalog:
        for number in range(2):
            video = samples.video(number)
            catalog.add_video(video)
            catalog.mark(video.id, cards.MEASURE_STEP, "stir")
            for path in (workspace.video_file(video), workspace.hits(video.id)):
                files.write_atomic(path, "there")
    files.write_atomic(workspace.signals(samples.video(1).id, "stir"), "there")
    assert collect.videos_to_search(conf) == [samples.video(0).id]


def test_a_model_named_in_the_settings_predicts(tmp_path: Path) -> None:
    conf = settings.load(home=tmp_path, detect={"predictor": "onnx:big.onnx", "rival": ""})
    assert models.predictor(conf) == "onnx:big.onnx"
    assert models.labellers(conf) == ["onnx:big.onnx"]


@pytest.mark.parametrize(
    ("labellers", "rival", "expected"),
    [
        ([], "auto", "opencv:hog"),
        (["torchvision:retinanet_resnet50_fpn", "onnx:a.onnx"], "auto", "onnx:a.onnx"),
        (["onnx:a.onnx", "onnx:b.onnx"], "onnx:a.onnx", "onnx:b.onnx"),
        (["torchvision:retinanet_resnet50_fpn", "opencv:motion"], "auto", "opencv:hog"),
    ],
)
def test_before_a_champion_a_quick_labeller_predicts_in_place_of_hog(
    tmp_path: Path, labellers: list[str], rival: str, expected: str
) -> None:
    conf = settings.load(home=tmp_path, detect={"labellers": labellers, "rival": rival})
    assert models.predictor(conf) == expected
    assert models.rival(conf) != expected


@pytest.mark.parametrize(("count", "sizes"), [(0, []), (1, [1]), (3, [3]), (7, [3, 3, 1])], ids=str)
def test_batches_hold_at_most_their_size(count: int, sizes: list[int]) -> None:
    assert [len(part) for part in policy.split_batches([str(k) for k in range(count)], 3)] == sizes


def test_the_next_run_closes_those_that_were_killed(tmp_path: Path) -> None:
    start = datetime(2026, 1, 8, 8, tzinfo=UTC)
    run_owners.add(tmp_path, "alive")
    (tmp_path / ".prefect" / "runs" / "killed").write_text(
        owner_id().rpartition(":")[0] + ":another start"
    )
    with Catalog.open(tmp_path) as catalog:
        for run_id in ("killed", "alive"):
            catalog.add_run(run_id, "label", "Running", start, None)
        policy.close_dead_runs(catalog, tmp_path)
        runs = {run.id: run for run in catalog.runs()}
    assert (runs["killed"].state, runs["killed"].detail) == ("Crashed", "its process is gone")
    assert runs["killed"].ended is not None
    assert (runs["alive"].state, runs["alive"].ended) == ("Running", None)
    assert [path.name for path in (tmp_path / ".prefect" / "runs").iterdir()] == ["alive"]


def test_a_flow_that_runs_often_is_recorded_when_it_ends_otherwise(tmp_path: Path) -> None:
    from oneclick.flows.watch import watch

    Catalog.open(tmp_path).close()
    endings: tuple[State[Any], ...] = (
        Completed(),
        Completed(),
        Failed(),
        Failed(),
        Completed(),
        Completed(),
    )
    for second, state in enumerate(endings):
        start = datetime(2026, 11, 28, 12, 0, second, tzinfo=UTC)
        run = FlowRun(
            id=uuid.UUID(int=second),
            flow_id=uuid.UUID(int=9),
            parameters={"home": tmp_path},
            start_time=start,
        )
        policy.record_change(watch, run, state)
    with Catalog.open(tmp_path) as catalog:
        rows = [(row.state, row.started.second) for row in catalog.runs() if row.started]
    assert rows == [("Completed", 4), ("Failed", 2), ("Completed", 0)]


def test_the_flow_publishes_where_only_something_was_taken_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy, "add_markdown", lambda *_: None)
    monkeypatch.setattr(publish_flow, "publish_clips", publish.publish)
    publish.publish(tmp_path, accepted.accept(tmp_path, accepted.SIDES), "", accepted.CLASSES)
    assert publish_flow.publish.fn(tmp_path)["version"] is None
    exclude.exclude(tmp_path, ["cam-1-a"], "face visible")
    assert publish_flow.publish.fn(tmp_path)["version"].startswith("v0002-")

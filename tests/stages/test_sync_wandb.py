"""Runs of Weights & Biases: written without a network, sent when there is one, never in the way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from oneclick.stages import sync_wandb
from tests.fakes.wandb_server import KEY, WandbServer
from tests.waits import HANG_SECONDS

pytestmark = pytest.mark.e2e

RUN = """
import sys
from pathlib import Path
from oneclick.services import run_log
folder = Path(sys.argv[1])
run_log.FINISH_SECONDS = 5
with run_log.opened(folder / "metrics.jsonl", "m1", {"seed": 3, "dataset_digest": "d" * 64}) as log:
    for step in range(4):
        log.log(step, loss=1 / (step + 1))
    print("half", flush=True)
    sys.stdin.readline()
    for step in range(4, 8):
        log.log(step, loss=1 / (step + 1))
    log.model("m1", {"dataset_digest": "d" * 64, "map": 0.5})
print("ended", flush=True)
"""


@pytest.fixture
def server() -> Iterator[WandbServer]:
    wandb_server = WandbServer()
    yield wandb_server
    wandb_server.cut()


def environment(server: WandbServer, tmp_path: Path, **more: str) -> dict[str, str]:
    variables = {name: value for name, value in os.environ.items() if not name.startswith("WANDB")}
    return variables | {
        "WANDB_BASE_URL": server.url,
        "WANDB_API_KEY": KEY,
        "HOME": str(tmp_path),
        **more,
    }


def train(folder: Path, env: dict[str, str], halfway: Any = None) -> None:
    """Run the script to its end; call `halfway` in its middle."""
    folder.mkdir(parents=True)
    command = [sys.executable, "-c", RUN, str(folder)]
    with subprocess.Popen(
        command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == "half\n"
        if halfway:
            halfway()
        # By itself W&B would wait for ever where there is no network.
        output, _ = process.communicate("\n", timeout=HANG_SECONDS)
        assert output == "ended\n"
        assert process.returncode == 0


def records(run: Path) -> list[dict[str, Any]]:
    """What W&B's own reader finds in a run folder."""
    (file,) = run.glob("run-*.wandb")
    process = subprocess.run(
        [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(file)],
        capture_output=True,
        text=True,
        check=True,
        timeout=HANG_SECONDS,
    )
    return [json.loads(line) for line in process.stdout.splitlines()]


def test_a_run_is_read_back_and_sent_once_there_is_a_network(
    server: WandbServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = environment(server, tmp_path)
    train(tmp_path / "models" / "m1", env)
    assert server.history == []
    (run,) = sync_wandb.unsent_runs(tmp_path)
    text = json.dumps(records(run))
    for word_in_log in ("seed", "dataset_digest", "d" * 64, "loss", "artifact", "m1", "metadata"):
        assert word_in_log in text
    monkeypatch.delenv(sync_wandb.KEY, raising=False)
    assert sync_wandb.mirror(tmp_path).done == []
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert sync_wandb.mirror(tmp_path).done == ["m1"]
    assert [row["loss"] for row in server.history if "loss" in row] == pytest.approx(
        [1 / (step + 1) for step in range(8)]
    )
    (artifact,) = server.artifacts
    assert artifact["artifactCollectionName"] == "m1"
    assert json.loads(artifact["metadata"]) == {"dataset_digest": "d" * 64, "map": 0.5}
    assert sync_wandb.unsent_runs(tmp_path) == []


def test_a_network_cut_in_the_middle_of_a_training_holds_nothing_up(
    server: WandbServer, tmp_path: Path
) -> None:
    env = environment(server, tmp_path, WANDB_MODE="online")
    train(tmp_path / "models" / "m1", env, server.cut)
    lines = (tmp_path / "models" / "m1" / "metrics.jsonl").read_text().splitlines()
    assert len(lines) == 8
    assert [run.parents[1].name for run in sync_wandb.unsent_runs(tmp_path)] == ["m1"]


def test_a_run_that_cannot_be_sent_waits_for_the_next_time(
    server: WandbServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = environment(server, tmp_path)
    train(tmp_path / "models" / "m1", env)
    server.cut()
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert "did not take it" in sync_wandb.mirror(tmp_path, seconds=6).failed["m1"]
    assert len(sync_wandb.unsent_runs(tmp_path)) == 1

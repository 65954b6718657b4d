from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from oneclick.services import run_log

MODES = [
    ("auto", {}, "disabled"),
    ("auto", {"WANDB_API_KEY": "k"}, "offline"),
    ("auto", {"WANDB_MODE": "online", "WANDB_API_KEY": "k"}, "online"),
    ("auto", {"WANDB_MODE": "offline"}, "offline"),
    ("auto", {"WANDB_MODE": "offline", "WANDB_API_KEY": "k"}, "offline"),
    ("auto", {"WANDB_MODE": "online"}, "disabled"),
    ("auto", {"WANDB_MODE": "disabled", "WANDB_API_KEY": "k"}, "disabled"),
    ("online", {}, "disabled"),
    ("offline", {}, "offline"),
    ("disabled", {"WANDB_API_KEY": "k"}, "disabled"),
]


@pytest.mark.parametrize(("setting", "environment", "mode"), MODES)
def test_a_run_is_online_only_with_a_key(
    setting: str, environment: dict[str, str], mode: str
) -> None:
    assert run_log.resolve(setting, environment) == mode


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_silent_run_still_writes_its_numbers(tmp_path: Path) -> None:
    with run_log.opened(tmp_path / "m.jsonl", "run", {}, "disabled") as log:
        log.log(0, loss=1.5)
        log.log(1, loss=0.5, lr=0.1)
    assert lines(tmp_path / "m.jsonl") == [
        {"step": 0, "loss": 1.5},
        {"step": 1, "loss": 0.5, "lr": 0.1},
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["m.jsonl"]


def test_a_log_starts_anew_for_a_training_that_starts_anew(tmp_path: Path) -> None:
    for _ in range(2):
        with run_log.opened(tmp_path / "m.jsonl", "run", {}, "disabled") as log:
            log.log(0, loss=1.5)
    assert len(lines(tmp_path / "m.jsonl")) == 1


class Service:
    """A Weights & Biases that fails where it is told to."""

    Settings = staticmethod(lambda **settings: settings)

    def __init__(self, *failures: str) -> None:
        self.failures = failures
        self.modes: list[str] = []
        self.ended: list[int] = []
        self.summary = types.SimpleNamespace(update=lambda values: self._meet("summary"))

    def init(self, **options: Any) -> Service:
        self.modes.append(options["mode"])
        self._meet(options["mode"])
        return self

    def log(self, numbers: dict[str, float], step: int) -> None:
        self._meet("log")

    def finish(self, exit_code: int) -> None:
        self.ended.append(exit_code)
        self._meet("finish")

    def _meet(self, method: str) -> None:
        if method in self.failures:
            raise RuntimeError(f"{method} is broken")


OUTAGES = {
    "no outage": ([], ["online"], [0], ""),
    "away at start": (["online"], ["online", "offline"], [0], "kept offline"),
    "disk refuses too": (["online", "offline"], ["online", "offline"], [], "unreachable"),
    "dies while logging": (["log"], ["online"], [0], "nothing more is sent"),
    "dies at the end": (["finish"], ["online"], [0], "nothing more is sent"),
}


@pytest.mark.parametrize("case", OUTAGES)
def test_an_outage_never_reaches_the_training(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures, modes, ended, problem = OUTAGES[case]
    service = Service(*failures)
    monkeypatch.setitem(sys.modules, "wandb", service)
    monkeypatch.setenv("WANDB_API_KEY", "k")
    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.setenv("WANDB_DATA_DIR", str(tmp_path))
    with run_log.opened(tmp_path / "m.jsonl", "run", {}) as log:
        log.log(0, loss=1.0)
        log.summary(map=0.5)
    assert (service.modes, service.ended) == (modes, ended)
    assert problem in log.problem
    assert len(lines(tmp_path / "m.jsonl")) == 1


def test_a_failed_training_ends_its_run_as_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Service()
    monkeypatch.setitem(sys.modules, "wandb", service)
    monkeypatch.setenv("WANDB_DATA_DIR", str(tmp_path))
    with (
        pytest.raises(ValueError, match="boom"),
        run_log.opened(tmp_path / "m", "r", {}, "offline"),
    ):
        raise ValueError("boom")
    assert service.ended == [1]


OFFLINE = """
import sys
from pathlib import Path
from oneclick.services import run_log
with run_log.opened(Path(sys.argv[1]) / "m.jsonl", "run", {"seed": 3}, "offline") as log:
    log.log(0, loss=1.0)
    log.summary(map=0.5)
print(log.problem)
"""


def test_an_offline_run_can_be_read_back(tmp_path: Path) -> None:
    process = subprocess.run(
        [sys.executable, "-c", OFFLINE, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert process.stdout.strip() == ""
    (run,) = tmp_path.glob("wandb/offline-run-*/run-run.wandb")
    content = run.read_bytes()
    assert b"seed" in content
    assert b"loss" in content
    assert b"map" in content


PRIVATE = """
import sys
from pathlib import Path
from oneclick.services import run_log
folder = Path(sys.argv[1])
with run_log.opened(folder / "m.jsonl", "run", {"seed": 3}, "offline") as log:
    log.log(0, loss=1.0)
    log.model("model", {"weights_sha256": "d" * 64})
print(log.problem)
"""


def test_a_run_holds_no_path_command_line_host_or_user(tmp_path: Path) -> None:
    folder = tmp_path / "Anna Schmidt" / "home"
    folder.mkdir(parents=True)
    program = tmp_path / "secretive.py"
    program.write_text(PRIVATE)
    # A host and a user whose names cannot be part of anything else.
    command = [sys.executable, str(program), str(folder), "--camera", "corridor_nine"]
    process = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"USER": "user_nine", "LOGNAME": "user_nine", "WANDB_HOST": ""},
    )
    assert process.stdout.strip() == ""
    (run,) = folder.glob("wandb/offline-run-*/run-run.wandb")
    content = run.read_bytes()
    assert b"weights_sha256" in content
    private = ("Schmidt", str(tmp_path), "secretive", "corridor_nine", "user_nine", sys.executable)
    for text in (*private, str(Path.home()), f'"{socket.gethostname()}"'):
        assert text.encode() not in content, text
    assert socket.gethostname().encode() not in content or len(socket.gethostname()) < 4
    assert [p for p in run.parent.rglob("*") if p.name == "wandb-metadata.json"] == []

"""The log of one training run: always `metrics.jsonl`, and Weights & Biases where configured.

Weights & Biases is optional for the training: the mode is resolved here (its own resolution may
ask on the terminal), every wait has a time limit, and an error there is noted and never reaches the
training. Runs are written to disk and sent later, by `stages.mirror`, unless WANDB_MODE=online.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from oneclick.storage import bounded_documents, files
from oneclick.storage.bounded_documents import BrokenJson

WandbMode = Literal["online", "offline", "disabled"]
PROJECT = "oneclick"
HIDDEN = "oneclick"
"""Stands for host, user and program in a run."""
INIT_SECONDS, FINISH_SECONDS = 30, 60


def resolve(mode: str = "auto", environment: Mapping[str, str] | None = None) -> WandbMode:
    """Resolve a mode that may be "auto", which asks WANDB_MODE, then WANDB_API_KEY.

    Without WANDB_API_KEY a run is never online, and offline only where that is asked for.

    Args:
        mode: "auto", "online", "offline" or "disabled".
        environment: variables in place of `os.environ`.
    """
    env = os.environ if environment is None else environment
    requested = env.get("WANDB_MODE", "") if mode == "auto" else mode
    has_key = bool(env.get("WANDB_API_KEY"))
    if requested == "disabled" or (requested != "offline" and not has_key):
        return "disabled"
    return "online" if requested == "online" else "offline"


class _LogEntry(msgspec.Struct):
    step: int


def _step(line: bytes) -> float:
    """Return the step of a line; infinity where it cannot be read."""
    try:
        entry: _LogEntry = bounded_documents.parse_json(line, _LogEntry)
    except BrokenJson:
        return math.inf
    return entry.step


class TrainingLog:
    """Metrics by step of one training run; open one with `opened`.

    Args:
        path: file of JSON lines.
        run: a run of Weights & Biases, or None.
        problem: why Weights & Biases is not used as configured.
        start: step from which the training continues; later lines of the file are dropped.
    """

    def __init__(self, path: Path, run: Any = None, problem: str = "", start: int = 0) -> None:
        self.path = path
        self._silent = run is None
        self.problem = problem
        """Why Weights & Biases is not used as configured; empty otherwise."""
        self._run = run
        with files.guard(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        lines = path.read_bytes().splitlines(keepends=True) if start and path.exists() else []
        files.write_atomic(
            path,
            b"".join(line for line in lines if line.endswith(b"\n") and _step(line) < start),
        )

    def log(self, step: int, **metrics: float) -> None:
        """Append the metrics of one step; a step must not be lower than the one before."""
        line = msgspec.json.encode({"step": step, **metrics})
        with files.guard(self.path), self.path.open("ab") as file:
            file.write(line + b"\n")
        self._send(lambda run: run.log(metrics, step=step))

    def model(self, name: str, metadata: Mapping[str, Any]) -> None:
        """Record a model's metadata, with the checksum of its weights; these are not uploaded."""
        # Online, an artifact makes requests without a time limit.
        if self._run is not None and self._run.settings._offline:
            self._send(lambda run: run.log_artifact(_model_artifact(name, metadata)))
        self.summary(**metadata)

    def summary(self, **values: Any) -> None:
        """Set summary values of the run, beside its last metrics."""
        self._send(lambda run: run.summary.update(values))

    def close(self, exit_code: int = 0) -> None:
        """End the run, in bounded time even without a network."""
        self._silent = self._run is None
        self._send(lambda run: run.finish(exit_code=exit_code))
        self._run = None

    def _send(self, call: Callable[[Any], object]) -> None:
        """Call with the run; after the first error, send nothing more."""
        if self._silent:
            return
        try:
            call(self._run)
        except Exception as error:  # wandb may raise anything
            self._silent = True
            self.problem = f"Weights & Biases failed, nothing more is sent to it: {error}"


@contextlib.contextmanager
def opened(
    path: Path,
    name: str,
    config: Mapping[str, Any],
    mode: str = "auto",
    group: str = "",
    start: int = 0,
) -> Iterator[TrainingLog]:
    """Open the log of a training run, and end the run with the block.

    Args:
        path: file of JSON lines; Weights & Biases keeps its files in the folder `wandb` beside it.
        name: id of the run.
        config: hyperparameters.
        mode: as in `resolve`.
        group: group of runs in Weights & Biases.
        start: step from which the training continues; what was logged from there on is dropped.
    """
    run, problem = _start(path.parent, name, config, resolve(mode), group)
    log = TrainingLog(path, run, problem, start)
    try:
        yield log
    except BaseException:
        log.close(exit_code=1)
        raise
    log.close()


def _model_artifact(name: str, metadata: Mapping[str, Any]) -> Any:
    """Return an artifact without files: a reference would hold the path of the weights."""
    import wandb

    return wandb.Artifact(name, type="model", metadata=dict(metadata))


def _start(
    folder: Path, name: str, config: Mapping[str, Any], mode: WandbMode, group: str
) -> tuple[Any, str]:
    """Start a run; return it, or None, and the problem. An online run falls back to offline."""
    if mode == "disabled":
        return None, ""
    try:
        return _init_wandb(folder, name, config, mode, group), ""
    except Exception as error:
        if mode == "online":
            run, _ = _start(folder, name, config, "offline", group)
            return run, f"Weights & Biases is unreachable, the run is kept offline: {error}"
        return None, f"Weights & Biases could not start: {error}"


def _init_wandb(
    folder: Path, name: str, config: Mapping[str, Any], mode: WandbMode, group: str
) -> Any:
    folder.mkdir(parents=True, exist_ok=True)
    # Artifacts are staged here instead of in the user's home; read when wandb is first imported.
    os.environ.setdefault("WANDB_DATA_DIR", str(folder))
    import wandb

    settings = wandb.Settings(
        silent=True,
        console="off",
        x_disable_stats=True,
        disable_git=True,
        disable_code=True,
        x_save_requirements=False,
        # Command line, program, paths, host, user and address of the machine stay here.
        x_disable_meta=True,
        x_disable_machine_info=True,
        disable_job_creation=True,
        host=HIDDEN,
        username=HIDDEN,
        email=HIDDEN,
        program=HIDDEN,
        program_abspath=HIDDEN,
        program_relpath=HIDDEN,
        init_timeout=INIT_SECONDS,
        finish_timeout=FINISH_SECONDS,  # the default waits for ever without a network
    )
    return wandb.init(
        project=os.environ.get("WANDB_PROJECT", PROJECT),
        id=name,
        name=name,
        group=group or None,
        job_type="train",
        config=dict(config),
        dir=str(folder),
        mode=mode,
        resume="allow",
        settings=settings,
    )

"""The log of one training run: always `metrics.jsonl`, and Weights & Biases where it is wanted.

Weights & Biases is a guest: the mode is resolved here (its own resolution may ask on the terminal),
every wait has an end, and whatever goes wrong there is noted and never reaches the training. Runs
are written to disk and sent later, by `stages.mirror`, unless WANDB_MODE=online asks for more.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from oneclick.storage import files

Mode = Literal["online", "offline", "disabled"]
PROJECT = "oneclick"
INIT_SECONDS, FINISH_SECONDS = 30, 60


def resolve(wish: str = "auto", environment: Mapping[str, str] | None = None) -> Mode:
    """`wish` is auto, online, offline or disabled; auto asks WANDB_MODE, then WANDB_API_KEY."""
    env = os.environ if environment is None else environment
    asked = env.get("WANDB_MODE", "") if wish == "auto" else wish
    keyed = bool(env.get("WANDB_API_KEY"))
    if asked == "disabled" or (asked != "offline" and not keyed):
        return "disabled"
    return "online" if asked == "online" else "offline"


class RunLog:
    """Numbers by step; use `opened`."""

    def __init__(self, path: Path, run: Any = None, problem: str = "", start: int = 0) -> None:
        self.path = path
        self._silent = run is None
        self.problem = problem
        """Why Weights & Biases fell silent; empty while all is well."""
        self._run = run
        with files.guard(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        files.write_atomic(path, _before(path, start))

    def log(self, step: int, **numbers: float) -> None:
        """Append one line; a step must not be lower than the one before."""
        line = msgspec.json.encode({"step": step, **numbers})
        with files.guard(self.path), self.path.open("ab") as file:
            file.write(line + b"\n")
        self._tell(lambda run: run.log(numbers, step=step))

    def model(self, name: str, weights: Path, metadata: Mapping[str, Any]) -> None:
        """Record a model: its checksum and what it testifies; the file itself stays here."""
        # Online, an artifact asks the network questions without an end.
        if self._run is not None and self._run.settings._offline:
            self._tell(lambda run: run.log_artifact(_artifact(name, weights, metadata)))
        self.summary(**metadata)

    def summary(self, **values: Any) -> None:
        """What the run came to; kept beside the run's last numbers."""
        self._tell(lambda run: run.summary.update(values))

    def close(self, exit_code: int = 0) -> None:
        """End the run, in bounded time even when the network is gone."""
        self._silent = self._run is None
        self._tell(lambda run: run.finish(exit_code=exit_code))
        self._run = None

    def _tell(self, call: Callable[[Any], object]) -> None:
        if self._silent:
            return
        try:
            call(self._run)
        except Exception as error:  # the guest may fail in any way
            self._silent = True
            self.problem = f"Weights & Biases fell silent: {error}"


@contextlib.contextmanager
def opened(
    path: Path,
    name: str,
    config: Mapping[str, Any],
    wish: str = "auto",
    group: str = "",
    start: int = 0,
) -> Iterator[RunLog]:
    """A log writing to `path`; Weights & Biases keeps its files in the folder `wandb` beside it.

    Args:
        start: a training that is taken up here; what was logged from this step on is forgotten.
    """
    run, problem = _start(path.parent, name, config, resolve(wish), group)
    log = RunLog(path, run, problem, start)
    try:
        yield log
    except BaseException:
        log.close(exit_code=1)
        raise
    log.close()


def _before(path: Path, start: int) -> bytes:
    """The whole lines of an earlier process, up to the step where it is taken up."""
    if not start or not path.exists():
        return b""
    lines = path.read_bytes().splitlines(keepends=True)
    return b"".join(line for line in lines if line.endswith(b"\n") and _step(line) < start)


def _step(line: bytes) -> int:
    return msgspec.json.decode(line, type=_Line).step


class _Line(msgspec.Struct):
    step: int


def _artifact(name: str, weights: Path, metadata: Mapping[str, Any]) -> Any:
    import wandb

    made = wandb.Artifact(name, type="model", metadata=dict(metadata))
    made.add_reference(weights.absolute().as_uri())
    return made


def _start(
    folder: Path, name: str, config: Mapping[str, Any], mode: Mode, group: str
) -> tuple[Any, str]:
    if mode == "disabled":
        return None, ""
    try:
        return _init(folder, name, config, mode, group), ""
    except Exception as error:
        if mode == "online":
            run, _ = _start(folder, name, config, "offline", group)
            return run, f"Weights & Biases is away, the run is kept offline: {error}"
        return None, f"Weights & Biases could not start: {error}"


def _init(folder: Path, name: str, config: Mapping[str, Any], mode: Mode, group: str) -> Any:
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
        init_timeout=INIT_SECONDS,
        finish_timeout=FINISH_SECONDS,  # the default waits for ever when the network is cut
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

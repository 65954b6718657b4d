"""Processes forked from one that has imported torch, and ranks of a training as torchrun starts."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from oneclick.storage import files
from oneclick.training import train
from oneclick.training.config import TrainingJob
from oneclick.training.evaluation import model_profile
from tests import ports
from tests.training import toy
from tests.waits import HANG_SECONDS

IMPORTED = ["oneclick.training.train", "torchvision.models.detection", "faster_coco_eval"]
"""What a training imports, some of it late."""


def start(function: Callable[..., None], *arguments: object) -> ForkServerProcess:
    """Start a function of a module in a process of its own, without the imports."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(IMPORTED)
    process = context.Process(target=function, args=arguments)
    process.start()
    return process


def start_training(file: Path, ranks: int, log: str = os.devnull) -> list[ForkServerProcess]:
    """Start the processes of the job in a file; they append what they print to a log."""
    port = ports.free_port()
    processes = []
    for rank in range(ranks):
        numbers = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": ranks, "MASTER_PORT": port}
        variables = {name: str(number) for name, number in numbers.items()}
        variables["MASTER_ADDR"] = "127.0.0.1"
        processes.append(start(_train, variables if ranks > 1 else {}, str(file), log))
    return processes


def exit_codes(processes: list[ForkServerProcess]) -> list[int | None]:
    """Wait for processes to end; one that hangs is killed."""
    for process in processes:
        process.join(HANG_SECONDS)
        process.kill()
        process.join()
    return [process.exitcode for process in processes]


def train_together(job: TrainingJob, ranks: int) -> Path:
    """Train in `ranks` processes and return the folder of the model; each has to end with 0."""
    file = Path(job.models).parent / "job.json"
    files.write_json(file, job)
    assert exit_codes(start_training(file, ranks)) == [0] * ranks
    (folder,) = Path(job.models).iterdir()
    return folder


def _train(variables: dict[str, str], file: str, log: str) -> None:
    os.environ |= variables
    output = os.open(log, os.O_WRONLY | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    model_profile.WARM_UP, model_profile.RUNS = toy.TIMED
    sys.exit(train.main(["--config", file]))

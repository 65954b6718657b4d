"""Ranks of one training as torchrun starts them, forked from a process that has imported torch."""

from __future__ import annotations

import multiprocessing
import os
import socket
import sys
from pathlib import Path

from oneclick.storage import files
from oneclick.training import train
from oneclick.training.config import TrainingJob
from oneclick.training.evaluation import model_profile
from tests.training import toy
from tests.waits import HANG_SECONDS

IMPORTED = ["oneclick.training.train", "torchvision.models.detection", "faster_coco_eval"]
"""What a training imports, some of it late."""


def train_together(job: TrainingJob, ranks: int) -> Path:
    """Train in `ranks` processes and return the folder of the model; each has to end with 0."""
    file = Path(job.models).parent / "job.json"
    files.write_json(file, job)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(IMPORTED)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    processes = []
    for rank in range(ranks):
        numbers = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": ranks, "MASTER_PORT": port}
        variables = {name: str(number) for name, number in numbers.items()}
        variables["MASTER_ADDR"] = "127.0.0.1"
        processes.append(context.Process(target=_train, args=(variables, str(file)), daemon=True))
        processes[-1].start()
    for process in processes:
        process.join(HANG_SECONDS)
    assert [process.exitcode for process in processes] == [0] * ranks
    (folder,) = Path(job.models).iterdir()
    return folder


def _train(variables: dict[str, str], file: str) -> None:
    os.environ |= variables
    model_profile.WARM_UP, model_profile.RUNS = toy.TIMED
    sys.exit(train.main(["--config", file]))

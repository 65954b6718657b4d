"""Start a training: in this process, or by torchrun in one process for each GPU."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from oneclick.core.errors import OneclickError
from oneclick.storage import files
from oneclick.training import distributed, model, train
from oneclick.training.config import Config, Equipment, Places, model_id

JOB = "job.json"
TOLD = 4000
"""Bytes of what a failed training said that are read for its reason."""


def run(
    config: Config, version: str, places: Places, equipment: Equipment, processes: int = 0
) -> train.Trained:
    """The trained model.

    Args:
        processes: on this computer; 0 is one for each GPU.

    Raises:
        As `train.train`; OneclickError also where a process died.
    """
    count = processes or distributed.processes(equipment.device)
    done = model.read_card(places.models / model_id(config, version))
    if count == 1 or done:
        trained = train.train(config, version, places, equipment)
        assert trained, "alone is first"
        return trained
    return _together(train.Job.of(config, version, places, equipment), count)


def _together(job: train.Job, count: int) -> train.Trained:
    folder = Path(job.models) / model_id(job.config, job.version)
    files.write_json(folder / JOB, job)
    said = folder / "torchrun.log"
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += [f"--nproc-per-node={count}", "-m", "oneclick.training.train"]
    with said.open("wb") as log:
        code = subprocess.run(
            [*command, "--config", str(folder / JOB)], stdout=log, stderr=log, check=False
        ).returncode
    card = model.read_card(folder)
    if code or not card:
        raise OneclickError(_reason(said, code))
    return train.Trained(card, None)


def _reason(said: Path, code: int) -> str:
    """What the first process that failed said of itself, else where to look."""
    lines = said.read_text(errors="replace")[-TOLD:].splitlines()
    own = [line.removeprefix(train.FAILED) for line in lines if line.startswith(train.FAILED)]
    return own[0] if own else f"a training process ended with {code}: see {said}"

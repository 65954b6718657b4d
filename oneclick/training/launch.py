"""Start a training: in this process, or by torchrun with one process per GPU."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from oneclick.core.errors import OneclickError
from oneclick.storage import files, model_cards
from oneclick.training import distributed, train
from oneclick.training.config import Equipment, TrainingConfig, TrainingJob, TrainingPaths, model_id

JOB_FILE = "job.json"


def run(
    config: TrainingConfig,
    version: str,
    paths: TrainingPaths,
    equipment: Equipment,
    processes: int = 0,
) -> train.TrainedModel:
    """Train in one process or several and return the complete model.

    Args:
        processes: number on this computer; 0 means one per GPU, as far as they can share a batch.

    Raises:
        As `train.train`; OneclickError also where a process died.
    """
    count = processes or distributed.process_count(config.batch, equipment.device)
    if count == 1 or model_cards.read(paths.models / model_id(config, version)):
        trained = train.train(config, version, paths, equipment)
        assert trained, "a single process is rank 0"
        return trained
    return run_distributed(TrainingJob.create(config, version, paths, equipment), count)


def run_distributed(job: TrainingJob, processes: int) -> train.TrainedModel:
    """Train under torchrun with that many processes on this computer.

    Raises:
        OneclickError: a process failed; the message is its own, or says where the log lies.
    """
    folder = Path(job.models) / model_id(job.config, job.version)
    files.write_json(folder / JOB_FILE, job)
    log_path = folder / "torchrun.log"
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += [f"--nproc-per-node={processes}", "-m", "oneclick.training.train"]
    command += ["--config", str(folder / JOB_FILE)]
    with log_path.open("wb") as log:
        exit_code = subprocess.run(command, stdout=log, stderr=log, check=False).returncode
    card = model_cards.read(folder)
    if exit_code == 0 and card:
        return train.TrainedModel(card, None)
    reason = failure_reason(log_path)
    raise OneclickError(reason or f"a training process ended with {exit_code}: see {log_path}")


def failure_reason(log_path: Path) -> str:
    """Return the reason that a process gave in torchrun's log; empty where none did.

    Ranks that lose their peer by it, and torchrun itself, write long tracebacks below.
    """
    with log_path.open(encoding="utf-8", errors="replace") as log:
        lines = (line.rstrip("\n") for line in log if line.startswith(train.FAILURE_PREFIX))
        return next(lines, "").removeprefix(train.FAILURE_PREFIX)

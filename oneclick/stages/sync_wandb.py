"""Mirror: training runs that were logged to disk → Weights & Biases, if there is a key."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from oneclick.core import errors, progress
from oneclick.core.results import BatchResult

SECONDS = 300.0
"""Timeout of one run; the rest is sent next time."""
KEY = "WANDB_API_KEY"


def unsent_runs(home: Path) -> list[Path]:
    """Return the folders of runs that were not sent yet, oldest first."""
    runs = [path for path in home.glob("models/*/wandb/*run-*/run-*.wandb") if path.parent.is_dir()]
    unsent = [path.parent for path in runs if not path.with_name(path.name + ".synced").exists()]
    return sorted({path.resolve() for path in unsent}, key=lambda path: path.name)


def mirror(home: Path, seconds: float = SECONDS) -> BatchResult:
    """Send the runs that wait; a run that cannot be sent now is tried again next time.

    Without a key nothing is sent and nothing is wrong.
    """
    result = BatchResult()
    runs = unsent_runs(home) if os.environ.get(KEY) else []
    for run in progress.track("mirror", runs, len(runs)):
        name = run.parents[1].name
        if problem := send_run(run, seconds):
            result.failed[name] = problem
            break  # the next would most likely wait for the same network
        result.done.append(name)
    return result


def send_run(run: Path, seconds: float) -> str:
    """Send the folder of one run; return the one-line reason if that failed, else nothing."""
    command = [sys.executable, "-m", "wandb", "sync", "--yes", str(run)]
    try:
        process = subprocess.run(
            command, capture_output=True, text=True, timeout=seconds, check=False, cwd=run.parent
        )
    except subprocess.TimeoutExpired:
        return f"Weights & Biases did not take it within {seconds:.0f} s; it is tried again"
    except OSError as error:
        return errors.reason(error, "start wandb")
    if any(run.glob("*.wandb.synced")):
        return ""
    lines = (process.stderr or process.stdout).strip().splitlines()
    return f"Weights & Biases did not take it: {lines[-1] if lines else process.returncode}"

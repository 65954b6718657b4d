"""Mirror: training runs that were logged to disk → Weights & Biases, if there is a key."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from oneclick.core import errors, progress
from oneclick.core.results import BatchResult

SECONDS = 300.0
"""For one run; the rest is sent next time."""
KEY = "WANDB_API_KEY"


def waiting(home: Path) -> list[Path]:
    """Folders of runs that were not sent yet, oldest first."""
    runs = [path for path in home.glob("models/*/wandb/*run-*/run-*.wandb") if path.parent.is_dir()]
    unsent = [path.parent for path in runs if not path.with_name(path.name + ".synced").exists()]
    return sorted({path.resolve() for path in unsent}, key=lambda path: path.name)


def mirror(home: Path, seconds: float = SECONDS) -> BatchResult:
    """Send what waits; a run that cannot be sent now is tried again next time.

    Without a key nothing is sent and nothing is wrong.
    """
    result = BatchResult()
    runs = waiting(home) if os.environ.get(KEY) else []
    for run in progress.track("mirror", runs, len(runs)):
        name = run.parents[1].name
        if problem := _send(run, seconds):
            result.failed[name] = problem
            break  # the next would most likely wait for the same network
        result.done.append(name)
    return result


def _send(run: Path, seconds: float) -> str:
    """Why it could not be sent; empty where it was."""
    command = [sys.executable, "-m", "wandb", "sync", "--yes", str(run)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=seconds, check=False, cwd=run.parent
        )
    except subprocess.TimeoutExpired:
        return f"Weights & Biases did not take it within {seconds:.0f} s; it is tried again"
    except OSError as error:
        return errors.reason(error, "start wandb")
    sent = any(run.glob("*.wandb.synced"))
    said = (done.stderr or done.stdout).strip().splitlines()
    return (
        "" if sent else f"Weights & Biases did not take it: {said[-1] if said else done.returncode}"
    )

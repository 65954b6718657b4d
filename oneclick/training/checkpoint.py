"""Checkpoints: a training that was killed resumes and ends with the same weights."""

from __future__ import annotations

import io
import pickle
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from oneclick.storage import files

FILE_NAME = "checkpoint.pt"
INTERVAL_SECONDS = 60.0
"""Time between checkpoints: the most work that a killed process loses."""


@dataclass(frozen=True)
class Checkpoint:
    """The state of a training between two steps."""

    step: int
    """The next step, 0-based."""
    parent: str | None
    """Champion whose weights the training started from."""
    state: dict[str, Any]
    """What `loop.Trainer.state` returned."""


class CheckpointWriter:
    """Writes `checkpoint.pt` at intervals.

    Args:
        folder: the model's folder.
        parent: champion whose weights the training started from.
        seconds: time between two checkpoints.
    """

    def __init__(self, folder: Path, parent: str | None, seconds: float = INTERVAL_SECONDS) -> None:
        self.path = folder / FILE_NAME
        self.parent, self.seconds = parent, seconds
        self._last_time = time.monotonic()

    def save_if_due(self, step: int, state: Callable[[], dict[str, Any]]) -> None:
        """Write the state before `step` if the last checkpoint is older than the interval.

        Raises:
            NoSpace: the device is full. Unavailable: the folder cannot be written.
        """
        if time.monotonic() - self._last_time < self.seconds:
            return
        content = io.BytesIO()
        torch.save({"step": step, "parent": self.parent, "state": state()}, content)
        files.write_atomic(self.path, content.getvalue())
        self._last_time = time.monotonic()


def load(folder: Path) -> Checkpoint | None:
    """Read the checkpoint in a model's folder; None where there is none or it is damaged.

    A damaged one may be ignored: training from the start ends with the same weights.
    """
    try:
        document = torch.load(folder / FILE_NAME, map_location="cpu", weights_only=True)
        return Checkpoint(document["step"], document["parent"], document["state"])
    except (OSError, RuntimeError, KeyError, EOFError, pickle.UnpicklingError):
        return None


def delete(folder: Path) -> None:
    """Remove the checkpoint of a training that is complete."""
    (folder / FILE_NAME).unlink(missing_ok=True)

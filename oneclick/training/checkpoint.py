"""Checkpoints: a training that was killed resumes and ends with the same weights."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import msgspec
import torch

from oneclick.core.errors import BadInput
from oneclick.detectors.networks import NetworkPlan, StartingWeights
from oneclick.storage import files, sealed_archives

FILE_NAME = "checkpoint.pt"
INTERVAL_SECONDS = 60.0
"""Time between checkpoints: the most work that a killed process loses."""


@dataclass(frozen=True, kw_only=True)
class NetworkOrigin:
    """What a network in training is built from, and where its first weights came from."""

    plan: NetworkPlan
    parent: str | None = None
    """Champion whose weights the training started from."""
    start: StartingWeights | None = None
    """Published weights that it started from otherwise."""


@dataclass(frozen=True)
class Checkpoint:
    """The state of a training between two steps."""

    step: int
    """The next step, 0-based."""
    origin: NetworkOrigin
    state: dict[str, Any]
    """What `loop.Trainer.state` returned."""


class CheckpointWriter:
    """Writes `checkpoint.pt` at intervals.

    Args:
        folder: the model's folder.
        origin: of the network.
        seconds: time between two checkpoints.
    """

    def __init__(
        self, folder: Path, origin: NetworkOrigin, seconds: float = INTERVAL_SECONDS
    ) -> None:
        self.path = folder / FILE_NAME
        self.origin, self.seconds = msgspec.to_builtins(origin), seconds
        self._last_time = time.monotonic()

    def save_if_due(self, step: int, state: Callable[[], dict[str, Any]]) -> None:
        """Write the state before `step` if the last checkpoint is older than the interval.

        Raises:
            NoSpace: the device is full.
            Unavailable: the folder cannot be written.
        """
        if time.monotonic() - self._last_time < self.seconds:
            return
        content = io.BytesIO()
        torch.save({"step": step, "origin": self.origin, "state": state()}, content)
        files.write_atomic(self.path, sealed_archives.add_seal(content.getvalue()))
        self._last_time = time.monotonic()


def load(folder: Path) -> Checkpoint | None:
    """Read the checkpoint in a model's folder; None where there is none or one bit was changed.

    A damaged one may be ignored: training from the start ends with the same weights.
    """
    path = folder / FILE_NAME
    try:
        content = sealed_archives.read(path, path.stat().st_size)
        document = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        origin = msgspec.convert(document["origin"], NetworkOrigin)
        return Checkpoint(document["step"], origin, document["state"])
    except (BadInput, OSError, RuntimeError, KeyError, ValueError, EOFError, UnpicklingError):
        return None


def delete(folder: Path) -> None:
    """Remove the checkpoint of a training that is complete."""
    (folder / FILE_NAME).unlink(missing_ok=True)

"""What a killed training needs to end as if it had not been killed."""

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

NAME = "checkpoint.pt"
SECONDS = 60.0
"""At most so much work is lost."""


@dataclass(frozen=True)
class Kept:
    """A moment between two steps."""

    step: int
    """The next one."""
    parent: str | None
    """Champion that the training started from."""
    state: dict[str, Any]
    """loop.Training.state()."""


class Keeper:
    """Writes a checkpoint now and then."""

    def __init__(self, folder: Path, parent: str | None, seconds: float = SECONDS) -> None:
        self.path = folder / NAME
        self.parent, self.seconds = parent, seconds
        self._last = time.monotonic()

    def offer(self, step: int, state: Callable[[], dict[str, Any]]) -> None:
        """Keep the state before `step` if the last one is old enough."""
        if time.monotonic() - self._last < self.seconds:
            return
        content = io.BytesIO()
        torch.save({"step": step, "parent": self.parent, "state": state()}, content)
        files.write_atomic(self.path, content.getvalue())
        self._last = time.monotonic()


def forget(folder: Path) -> None:
    """The training has ended well."""
    (folder / NAME).unlink(missing_ok=True)


def load(folder: Path) -> Kept | None:
    """The checkpoint of a training; None where there is none that can be read.

    A damaged one is as good as none: training from the start ends with the same weights.
    """
    try:
        found = torch.load(folder / NAME, map_location="cpu", weights_only=True)
        return Kept(found["step"], found["parent"], found["state"])
    except (OSError, RuntimeError, KeyError, EOFError, pickle.UnpicklingError):
        return None

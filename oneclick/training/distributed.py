"""Where a training runs: one process or, under torchrun, many; on a CPU or on GPUs."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

import torch
from torch import distributed

from oneclick.core.errors import UsageError
from oneclick.detectors import base

Precision = Literal["auto", "float32", "bfloat16", "float16"]
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
PATIENCE = timedelta(minutes=10)
"""How long a process waits for the others: a rank that died must not hang the rest for ever."""


@dataclass(frozen=True)
class Machine:
    """This process's part."""

    device: torch.device
    dtype: torch.dtype = torch.float32
    """What the network computes in; weights stay float32."""
    rank: int = 0
    ranks: int = 1

    @property
    def first(self) -> bool:
        """Whether it is the one that writes and speaks."""
        return self.rank == 0

    def mean(self, values: torch.Tensor) -> torch.Tensor:
        """Mean over all ranks, everywhere the same."""
        if self.ranks > 1:
            distributed.all_reduce(values)
            values /= self.ranks
        return values


@contextlib.contextmanager
def joined(device: str = "auto", precision: Precision = "auto") -> Iterator[Machine]:
    """This process among those that torchrun started; alone where it started none.

    Raises:
        UsageError: there is no such device.
    """
    ranks = int(os.environ.get("WORLD_SIZE", 1))
    chosen = _device(device, int(os.environ.get("LOCAL_RANK", 0)))
    machine = Machine(chosen, _dtype(precision, chosen), int(os.environ.get("RANK", 0)), ranks)
    if ranks == 1:
        yield machine
        return
    backend = "nccl" if chosen.type == "cuda" else "gloo"
    distributed.init_process_group(backend, timeout=PATIENCE)
    try:
        yield machine
    finally:
        distributed.destroy_process_group()


def _device(wish: str, local: int) -> torch.device:
    found: torch.device = base.torch_device(wish)
    if found.type != "cuda":
        return found
    torch.cuda.set_device(local)
    return torch.device("cuda", local)


def _dtype(wish: Precision, device: torch.device) -> torch.dtype:
    if wish not in ("auto", *DTYPES):
        raise UsageError(f"precision {wish!r} is none of auto, {', '.join(DTYPES)}")
    if wish != "auto":
        return DTYPES[wish]
    # On a CPU without matrix units bfloat16 is twice slower.
    fast = device.type == "cuda" and torch.cuda.is_bf16_supported()
    return torch.bfloat16 if fast else torch.float32


def processes(device: str = "auto") -> int:
    """How many processes use this computer well: one for each GPU."""
    chosen: Any = base.torch_device(device)
    return torch.cuda.device_count() if chosen.type == "cuda" else 1

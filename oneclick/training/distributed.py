"""Processes of a training: a single one or, under torchrun, several; on a CPU or on GPUs."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, TypeVar

import torch
from torch import distributed

from oneclick.core.errors import UsageError
from oneclick.detectors import base

T = TypeVar("T")
Precision = Literal["auto", "float32", "bfloat16", "float16"]
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
TIMEOUT = timedelta(minutes=10)
"""Longest wait for the other ranks: one that died must not block the rest for ever."""


@dataclass(frozen=True)
class ProcessContext:
    """Device, precision and rank of this process."""

    device: torch.device
    dtype: torch.dtype = torch.float32
    """Type that the network computes in; weights stay float32."""
    rank: int = 0
    ranks: int = 1

    @property
    def is_main(self) -> bool:
        """Check whether this is rank 0, the one that writes files and logs."""
        return self.rank == 0

    def mean(self, values: torch.Tensor) -> torch.Tensor:
        """Return the mean over all ranks, in place; equal on every rank."""
        if self.ranks > 1:
            distributed.all_reduce(values)
            values /= self.ranks
        return values

    def gather(self, value: T) -> list[T]:
        """Return the values of all ranks, which all call this; equal on every rank."""
        values: list[T] = [value] * self.ranks
        if self.ranks > 1:
            distributed.all_gather_object(values, value)
        return values


@contextlib.contextmanager
def process_group(device: str = "auto", precision: Precision = "auto") -> Iterator[ProcessContext]:
    """Join the processes that torchrun started; without torchrun this process is the only rank.

    Raises:
        UsageError: there is no such device or precision.
    """
    ranks = int(os.environ.get("WORLD_SIZE", 1))
    torch_device: torch.device = base.torch_device(device)
    if torch_device.type == "cuda":
        torch_device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
        torch.cuda.set_device(torch_device)
    rank = int(os.environ.get("RANK", 0))
    context = ProcessContext(torch_device, choose_dtype(precision, torch_device), rank, ranks)
    if ranks == 1:
        yield context
        return
    backend = "nccl" if torch_device.type == "cuda" else "gloo"
    distributed.init_process_group(backend, timeout=TIMEOUT)
    try:
        yield context
    finally:
        distributed.destroy_process_group()


def choose_dtype(precision: Precision, device: torch.device) -> torch.dtype:
    """Return the type to compute in; `auto` is bfloat16 on GPUs that have it, else float32.

    Raises:
        UsageError: there is no such precision.
    """
    if precision not in ("auto", *DTYPES):
        raise UsageError(f"precision {precision!r} is none of auto, {', '.join(DTYPES)}")
    if precision != "auto":
        return DTYPES[precision]
    # On a CPU without matrix units bfloat16 is twice slower.
    has_bfloat16 = device.type == "cuda" and torch.cuda.is_bf16_supported()
    return torch.bfloat16 if has_bfloat16 else torch.float32


def process_count(batch: int, device: str = "auto") -> int:
    """Return how many processes use this computer well: one on a CPU, else one per GPU.

    Args:
        batch: images a step, which all of them share evenly.
        device: that they train on.
    """
    torch_device: Any = base.torch_device(device)
    most = torch.cuda.device_count() if torch_device.type == "cuda" else 1
    return next(count for count in range(max(1, min(most, batch)), 0, -1) if batch % count == 0)

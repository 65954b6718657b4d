"""Latency and size of a network."""

from __future__ import annotations

import io
import platform
import statistics
import time
from dataclasses import dataclass

import torch
from torch import nn

WARM_UP, RUNS = 3, 15


@dataclass(frozen=True, kw_only=True)
class ModelProfile:
    """Latency per image and size of a network."""

    ms: float
    """Median milliseconds per image, one at a time, after warming up."""
    device: str
    """Name of the device it was measured on, and the threads of a CPU."""
    runs: int
    """Images timed."""
    parameters: int
    megabytes: float
    """Size of model.pt, 10⁶ bytes."""


def measure(network: nn.Module, image_size: tuple[int, int], runs: int = 0) -> ModelProfile:
    """Measure a network on its device with noise images of `image_size` (height, width).

    Args:
        runs: images timed; 0 means RUNS.
    """
    runs = runs or RUNS
    device = next(network.parameters()).device
    noise = torch.rand(3, *image_size, generator=torch.Generator().manual_seed(0)).to(device)
    was_training = network.training
    network.eval()
    milliseconds = []
    with torch.inference_mode():
        for _ in range(WARM_UP + runs):
            start = time.perf_counter()
            network([noise])
            if device.type == "cuda":  # kernels run asynchronously
                torch.cuda.synchronize(device)
            milliseconds.append(1e3 * (time.perf_counter() - start))
    network.train(was_training)
    content = io.BytesIO()
    torch.save(dict(network.state_dict()), content)
    return ModelProfile(
        ms=round(statistics.median(milliseconds[WARM_UP:]), 3),
        device=device_name(device),
        runs=runs,
        parameters=sum(weight.numel() for weight in network.parameters()),
        megabytes=round(content.tell() / 1e6, 3),
    )


def device_name(device: torch.device) -> str:
    """Return the name of a GPU, or the architecture and the threads of a CPU."""
    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    threads = torch.get_num_threads()
    return f"{device.type} ({platform.machine()}, {threads} thread{'s' * (threads != 1)})"

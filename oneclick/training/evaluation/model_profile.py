"""What a model costs to run."""

from __future__ import annotations

import io
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import nn

WARM_UP, RUNS = 3, 15


@dataclass(frozen=True)
class Cost:
    """Time for one image and size."""

    ms: float
    """Median milliseconds an image, one at a time, after warming up."""
    device: str
    """On which: its name, and the threads of a CPU."""
    runs: int
    """Images timed."""
    parameters: int
    megabytes: float
    """Of model.pt, 10⁶ bytes."""


def cost(network: nn.Module, image_size: tuple[int, int], runs: int = RUNS) -> Cost:
    """Time a network where it is, on images of noise (height, width), and weigh it."""
    import torch

    device = next(network.parameters()).device
    noise = torch.rand(3, *image_size, generator=torch.Generator().manual_seed(0)).to(device)
    training = network.training
    network.eval()
    with torch.inference_mode():
        times = [_milliseconds(lambda: network([noise]), device) for _ in range(WARM_UP + runs)]
    network.train(training)
    return Cost(
        round(statistics.median(times[WARM_UP:]), 3),
        _name(device),
        runs,
        sum(weight.numel() for weight in network.parameters()),
        round(_bytes(network) / 1e6, 3),
    )


def _milliseconds(call: Callable[[], Any], device: torch.device) -> float:
    import torch

    began = time.perf_counter()
    call()
    if device.type == "cuda":  # which answers before it is done
        torch.cuda.synchronize(device)
    return 1e3 * (time.perf_counter() - began)


def _name(device: torch.device) -> str:
    import torch

    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    threads = torch.get_num_threads()
    return f"{device.type} ({platform.machine()}, {threads} thread{'s' * (threads != 1)})"


def _bytes(network: nn.Module) -> int:
    import torch

    content = io.BytesIO()
    torch.save(dict(network.state_dict()), content)
    return content.tell()

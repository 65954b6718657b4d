"""What a GPU makes of training, inference and decoding; run it where there is one, in 8 minutes.

    python -m tests.bench.gpu           # on a GPU
    python -m tests.bench.gpu --cpu     # tiny sizes: shows that the script works, measures nothing

Training: images a second of our loop beside torchvision's reference recipe, as in
tests/bench/training.py, and of a D-FINE with random weights, with the utilisation that the driver
reports meanwhile.
Inference: frames a second of the D-FINE in torch and as an ONNX graph in onnxruntime, by batch.
Decoding: frames a second of PyAV on the CPU, of PyAV on NVDEC, and of PyNvVideoCodec where it is
installed. The table comes last; a row that could not be measured says why.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import importlib.util
import io
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from oneclick.detectors import networks
from oneclick.detectors.architectures.transformers_network import TransformersNetwork
from oneclick.training import data, distributed, loop, sample
from tests.bench import training
from tests.detectors import tiny_transformers


@dataclass
class Table:
    """Rows of the result, printed at the end."""

    rows: list[tuple[str, str, str]] = field(default_factory=list)

    def add(self, name: str, measure: Callable[[], tuple[str, str]]) -> None:
        """Measure and note a row; what cannot be measured says why, and the rest goes on."""
        try:
            value, remark = measure()
        except Exception as error:
            value, remark = "–", f"{type(error).__name__}: {' '.join(str(error).split())[:90]}"
        self.rows.append((name, value, remark))
        print(f"{name}: {value} ({remark})", flush=True)

    def print(self) -> None:
        """Print all rows as columns."""
        widths = [max(len(row[k]) for row in self.rows) for k in range(2)]
        for name, value, remark in self.rows:
            print(f"{name:<{widths[0]}}  {value:>{widths[1]}}  {remark}")


@contextlib.contextmanager
def utilisation() -> Iterator[list[float]]:
    """Collect what the driver says of the GPU, in percent, five times a second."""
    samples: list[float] = []
    done = threading.Event()

    def poll() -> None:
        while not done.wait(0.2):
            text = training.utilisation().split("\n")[0].removesuffix("%").strip()
            if text.isdigit():
                samples.append(float(text))

    thread = threading.Thread(target=poll)
    if torch.cuda.is_available():
        thread.start()
    try:
        yield samples
    finally:
        done.set()
        if thread.is_alive():
            thread.join()


def train_side(side: training.Side, steps: int, warm_up: int) -> tuple[float, str]:
    """Return images a second of one side after a few steps of warming up, and the utilisation."""
    side.turn(0, warm_up)
    with utilisation() as samples:
        side.turn(warm_up, steps)
    used = f"GPU {np.mean(samples):.0f}% busy" if samples else "no utilisation read"
    return steps * training.BATCH / side.seconds[-1], used


def beside_torchvision(
    arch: str, root: Path, version: str, process: Any, steps: int
) -> tuple[str, str]:
    """Measure our loop and torchvision's recipe on the same images."""
    images = data.ClipImages(root, version, "train", data.ImageOptions(arch, ("person",)))
    warm_up = max(2, steps // 5)
    sides: tuple[training.Side, ...] = (
        training.Ours(arch, images, steps + warm_up, process),
        training.Theirs(arch, images, steps + warm_up, process),
    )
    (ours, used), (theirs, their_use) = (train_side(side, steps, warm_up) for side in sides)
    return f"{ours:.1f} images/s", f"{used}; recipe {theirs:.1f}, {their_use}: ×{ours / theirs:.2f}"


def d_fine(large: bool, folder: Path) -> TransformersNetwork:
    """Build a D-FINE with random weights: the family's default, or a tiny one."""
    name = "d_fine" if large else str(tiny_transformers.save(folder / "tiny-d-fine"))
    torch.manual_seed(0)
    network = networks.build(f"transformers:{name}", ("person",))
    assert isinstance(network, TransformersNetwork)
    return network


def train_d_fine(
    network: TransformersNetwork, root: Path, version: str, process: Any, steps: int
) -> tuple[str, str]:
    """Measure our loop on a D-FINE."""
    size, warm_up = network.plan.size, max(2, steps // 5)
    options = data.ImageOptions(network.plan.arch, ("person",), size=size)
    on_gpu = process.device.type == "cuda"
    workers = 8 if on_gpu else 0
    images = data.ClipImages(root, version, "train", options, workers)
    plan = sample.SamplingPlan(steps=steps + warm_up, batch=training.BATCH)
    batches = iter(data.training_batches(images, images.visits({}), plan, workers))
    schedule = loop.Schedule(steps=steps, lr=1e-4, warmup=0, weight_decay=1e-4, clip=0.1, ema=0.99)
    trainer = loop.Trainer(network, schedule, process)
    for number, batch in enumerate(islice(batches, warm_up)):
        trainer.step(number, [batch])
    start = time.perf_counter()
    with utilisation() as samples:
        for number, batch in enumerate(islice(batches, steps), warm_up):
            trainer.step(number, [batch])
    seconds = time.perf_counter() - start
    used = f"GPU {np.mean(samples):.0f}% busy, " if samples else ""
    memory = f"{torch.cuda.max_memory_allocated() / 2**30:.1f} GiB, " if on_gpu else ""
    weights = sum(p.numel() for p in network.parameters()) / 1e6
    remark = f"{used}{memory}{weights:.1f} M weights, {size[1]}×{size[0]}, {process.dtype}"
    return f"{steps * training.BATCH / seconds:.1f} images/s", remark


def infer_in_torch(network: TransformersNetwork, batch: int, runs: int) -> tuple[str, str]:
    """Measure batches of normalised pictures in torch."""
    device = next(network.parameters()).device
    network.eval()
    pictures = torch.rand(batch, 3, *network.plan.size, device=device)
    half = torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda")

    def run() -> None:
        with torch.inference_mode(), half:
            network.detect(pictures)
        if device.type == "cuda":
            torch.cuda.synchronize()

    dtype = "bfloat16" if device.type == "cuda" else "float32"
    return f"{batch * runs / timed(run, runs):.1f} frames/s", f"torch, {dtype}"


def timed(run: Callable[[], None], runs: int) -> float:
    """Return the seconds that so many runs take, after two to warm up."""
    for _ in range(2):
        run()
    start = time.perf_counter()
    for _ in range(runs):
        run()
    return time.perf_counter() - start


class _Pictures(torch.nn.Module):
    """The part of a network between normalised pictures and boxes."""

    def __init__(self, network: TransformersNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return self.network.detect(pixels)


def graph(network: TransformersNetwork, batch: int) -> bytes:
    """Export a network for batches of that size."""
    content: Any = io.BytesIO()
    pictures = torch.rand(batch, 3, *network.plan.size)
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _Pictures(network.cpu().eval()),
            (pictures,),
            content,
            dynamo=False,
            opset_version=18,
            input_names=["pictures"],
        )
    exported: bytes = content.getvalue()
    return exported


def infer_as_graph(network: TransformersNetwork, batch: int, runs: int) -> tuple[str, str]:
    """Measure batches of normalised pictures in onnxruntime, on CUDA where it has that."""
    import onnxruntime

    wanted = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    there = onnxruntime.get_available_providers()
    providers = [name for name in wanted if name in there]
    session = onnxruntime.InferenceSession(graph(network, batch), providers=providers)
    pictures = np.random.default_rng(0).random((batch, 3, *network.plan.size), np.float32)

    def run() -> None:
        session.run(None, {"pictures": pictures})

    used = session.get_providers()[0].removesuffix("ExecutionProvider")
    return f"{batch * runs / timed(run, runs):.1f} frames/s", f"onnxruntime on {used}, float32"


def video(path: Path, frames: int, width: int, height: int) -> Path:
    """Write an H.264 video of moving noise."""
    import av

    tile = np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"preset": "ultrafast"}
        for number in range(frames):
            picture = np.roll(tile // 2 + 64, 7 * number, axis=1)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode())
    return path


def decode_with_pyav(path: Path, on_gpu: bool) -> tuple[str, str]:
    """Measure PyAV, on all cores or on NVDEC."""
    import av

    options: dict[str, Any] = {}
    if on_gpu:
        from av.codec.hwaccel import HWAccel

        options["hwaccel"] = HWAccel(device_type="cuda", allow_software_fallback=False)
    start, count = time.perf_counter(), 0
    with av.open(str(path), **options) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        for _ in container.decode(stream):
            count += 1
    seconds = time.perf_counter() - start
    return f"{count / seconds:.0f} frames/s", "PyAV on NVDEC" if on_gpu else "PyAV on the CPU"


def decode_with_nvcodec(path: Path) -> tuple[str, str]:
    """Measure PyNvVideoCodec."""
    codec: Any = importlib.import_module("PyNvVideoCodec")
    start = time.perf_counter()
    count = sum(1 for _ in codec.SimpleDecoder(str(path), use_device_memory=True))
    return f"{count / (time.perf_counter() - start):.0f} frames/s", "PyNvVideoCodec on NVDEC"


def measure(table: Table, folder: Path, on_gpu: bool) -> None:
    """Fill the table; sizes are tiny without a GPU."""
    steps, runs = (60, 30) if on_gpu else (4, 3)
    version = training.server(folder)
    with distributed.process_group("cuda" if on_gpu else "cpu") as process:
        for arch in ("fcos-tiny", "fcos_resnet50_fpn") if on_gpu else ("fcos-tiny",):
            table.add(
                f"train {arch}",
                functools.partial(beside_torchvision, arch, folder, version, process, steps),
            )
        network = d_fine(on_gpu, folder)
        table.add("train D-FINE", lambda: train_d_fine(network, folder, version, process, steps))
        batches = (1, 8, 32) if on_gpu else (1, 2)
        for batch in batches:
            table.add(
                f"infer, batch {batch}", functools.partial(infer_in_torch, network, batch, runs)
            )
        for batch in batches:
            measure_graph = functools.partial(infer_as_graph, network, batch, runs)
            table.add(f"infer graph, batch {batch}", measure_graph)
    size = (1920, 1080) if on_gpu else (320, 180)
    path = video(folder / "noise.mp4", 500 if on_gpu else 50, *size)
    name = f"decode {size[0]}×{size[1]}"
    table.add(name, lambda: decode_with_pyav(path, on_gpu=False))
    table.add(name, lambda: decode_with_pyav(path, on_gpu=True))
    if importlib.util.find_spec("PyNvVideoCodec"):
        table.add(name, lambda: decode_with_nvcodec(path))
    else:
        table.rows.append((name, "–", "PyNvVideoCodec is not installed"))


def main() -> int:
    """Measure and print the table; 2 where there is no GPU and --cpu was not given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cpu", action="store_true", help="tiny sizes, to see that it works")
    on_gpu = not parser.parse_args().cpu
    if on_gpu and not torch.cuda.is_available():
        print("not run on a GPU: torch finds none here; --cpu shows that the script works")
        return 2
    if not on_gpu:
        torch.set_num_threads(1)  # threads that wait by spinning are slow on a busy machine
    start, table = time.monotonic(), Table()
    with tempfile.TemporaryDirectory() as folder:
        measure(table, Path(folder), on_gpu)
    print()
    device = torch.cuda.get_device_name() if on_gpu else "no GPU"
    print(f"{device}, torch {torch.__version__}, {time.monotonic() - start:.0f} s")
    table.print()
    if not on_gpu:
        print("not run on a GPU: tiny sizes on the CPU, no figure here says anything about one")
    return 0


if __name__ == "__main__":
    sys.exit(main())

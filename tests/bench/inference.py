"""Inference on a CPU: runtimes, exported graphs beside torch, and the CPU seconds of a lap.

    python -m tests.bench.inference runtime
    python -m tests.bench.inference export [STEPS] [ARCHITECTURE …]
    python -m tests.bench.inference lap [TREE] [PREDICTOR]

`export` trains each network for STEPS steps (RT-DETR for twice as many) on the first half of
vtest.avi and compares its graphs with torch on the second half, against the true people. Printed
are the largest and the 99th percentile of how far boxes move, how many move further than half a
pixel, and in how many of these torch had the box of the graph, too, before it suppressed
overlaps: of two with nearly the same score another one remained.

`lap` runs `oneclick run vtest.avi` with the code in TREE (default: this one; a worktree of an
earlier commit is the "before") in a new workspace, and prints CPU seconds of all its processes and
F1 of the labels against the truth. Its bytecode is compiled first, as in an installation.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from oneclick.core import association
from oneclick.core.labels import to_tracks
from oneclick.detectors import graph_card, onnx
from oneclick.detectors.pytorch import TorchDetector
from oneclick.storage import cards, labels
from oneclick.storage.workspace import Workspace
from oneclick.training.export import exporter, graph, parity, precision
from oneclick.training.export.parity import LabelledFrame
from tests.bench.inference_networks import HALF, RT_DETR, measure_moves, train
from tests.detectors import footage

YOLOX = footage.DATA / "weights" / "yolox_nano.onnx"
ARCHITECTURES = ("fcos-tiny", "ssdlite320_mobilenet_v3_large", RT_DETR)


def cpu_seconds(who: int = resource.RUSAGE_SELF) -> float:
    """User and system seconds so far."""
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


def measure(call: Callable[[Any], object], items: Sequence[Any]) -> tuple[float, float]:
    """Wall and CPU milliseconds of a call on an item, after two to warm up."""
    for item in items[:2]:
        call(item)
    wall, cpu = time.perf_counter(), cpu_seconds()
    for item in items:
        call(item)
    count = len(items) / 1e3
    return (time.perf_counter() - wall) / count, (cpu_seconds() - cpu) / count


def runtime() -> None:
    """YOLOX-nano through onnxruntime beside OpenCV's own runtime."""
    detector = onnx.load(str(YOLOX))
    assert isinstance(detector, onnx.OnnxDetector)
    frames = list(footage.frames(20, 10))
    pictures = [detector._graph.picture.picture(frame)[0] for frame in frames]
    network = cv2.dnn.readNetFromONNX(str(YOLOX))

    def forward(picture: Any) -> object:
        network.setInput(picture[None])
        return network.forward()

    rows = {
        "cv2.dnn, the network alone": measure(forward, pictures),
        "onnxruntime, with pre- and post-processing": measure(
            lambda frame: detector.detect([frame]), frames
        ),
    }
    for name, (wall, cpu) in rows.items():
        print(f"{name:45} {wall:7.1f} ms {cpu:7.1f} CPU-ms a picture")


def export_table(steps: int, archs: Sequence[str]) -> None:
    """Parity, AP, milliseconds and megabytes of the graphs of each architecture."""
    truth = footage.truth()
    frames = []
    for number, frame in enumerate(footage.frames(footage.FRAMES // 8, 8)):
        if (place := 8 * number) >= HALF:
            boxes = truth.boxes[truth.rows(place)]
            frames.append(LabelledFrame(frame, (boxes, np.zeros(len(boxes), np.int64))))
    check, calibration = frames[::2], [frame.picture for frame in frames[1::2]]
    head = ("graph", "MB", "px", "px 99%", "> 0.5 px", "of these tied", "no partner", "AP torch",
            "AP graph", "CPU-ms", "torch CPU-ms")  # fmt: skip
    print(("{:40}" + "{:>14}" * 10).format(*head))
    for arch in archs:
        with tempfile.TemporaryDirectory() as folder:
            network = train(arch, Path(folder), steps)
        reference = TorchDetector(
            name=arch,
            model_id="torch",
            names=("person",),
            threshold=0.4,
            network=network,
            device=torch.device("cpu"),
            first_label=1,
        )
        card = graph_card.GraphCard(
            model=arch, arch=arch, weights="", classes=("person",), threshold=0.4
        )
        whole = graph.build(network, card)
        int8, excluded = exporter.quantize(whole, reference, check, calibration)
        pictures = [[frame.picture] for frame in check[:12]]
        torch_ms = measure(reference.detect, pictures)[1]
        graphs = {
            "fp32": whole,
            "fp16": precision.to_half(whole),
            f"int8 but {', '.join(excluded)}" if excluded else "int8": int8,
        }
        for name, model in graphs.items():
            content = model.SerializeToString()
            detector = onnx.from_bytes(content, arch)
            report = parity.measure(reference, detector, check)
            moves = measure_moves(reference, detector, check)
            ms = measure(detector.detect, pictures)[1]
            row = (
                f"{len(content) / 1e6:.2f}", f"{report.px:.5f}",
                f"{np.percentile(moves.px, 99):.5f}", f"{moves.far}/{report.boxes}",
                moves.ties, report.unmatched, f"{report.ap_torch:.4f}", f"{report.ap_graph:.4f}",
                f"{ms:.1f}", f"{torch_ms:.1f}",
            )  # fmt: skip
            print(("{:40}" + "{:>14}" * 10).format(f"{arch[:14]} {name}", *row), flush=True)


def lap(tree: str, predictor: str) -> None:
    """One lap over vtest.avi, up to review, with the code of a tree."""
    with tempfile.TemporaryDirectory(prefix="oneclick-lap-") as home:
        environment = {
            **os.environ,
            "PYTHONPATH": tree,
            "ONECLICK_HOME": home,
            "ONECLICK_DETECT__PREDICTOR": predictor,
        }
        compilation = [sys.executable, "-m", "compileall", "-q", f"{tree}/oneclick"]
        subprocess.run(compilation, env=environment, check=True)
        command = [sys.executable, "-m", "oneclick", "run", str(footage.VIDEO.resolve())]
        before, start = cpu_seconds(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(command, cwd=home, env=environment, check=True, capture_output=True)
        cpu, wall = cpu_seconds(resource.RUSAGE_CHILDREN) - before, time.perf_counter() - start
        clips, scores = label_scores(Workspace(Path(home)))
        text = ", ".join(f"{value:.4f} at IoU {iou}" for iou, value in scores.items())
        print(f"{tree}: {cpu:.1f} CPU seconds, {wall:.1f} s; {clips} clips, F1 of labels {text}")


def label_scores(workspace: Workspace) -> tuple[int, dict[float, float]]:
    """Number of clips, and F1 of their labels by IoU."""
    truth, counts = footage.truth(), {0.5: [0, 0, 0], 0.75: [0, 0, 0]}
    clip_cards = sorted(workspace.home.glob("clips/*/*/clip.json"))
    for path in clip_cards:
        clip = cards.load_clip_card(path)
        revision = labels.latest(workspace, clip.id)
        assert revision is not None
        detections = to_tracks(revision, clip.fps).detections
        for frame in range(len(clip.span)):
            boxes = detections.boxes[detections.rows(frame)]
            people = truth.boxes[truth.rows(clip.span.start + frame)]
            for iou, sums in counts.items():
                sums[0] += len(association.match(boxes, people, iou)[0])
                sums[1] += len(boxes)
                sums[2] += len(people)
    return len(clip_cards), {iou: 2 * a / max(b + c, 1) for iou, (a, b, c) in counts.items()}


def main() -> None:
    """Run one of the three."""
    if not footage.VIDEO.exists():
        sys.exit("no ../shared/data beside the repository")
    what, *rest = sys.argv[1:] or ["runtime"]
    if what == "runtime":
        runtime()
    elif what == "export":
        export_table(int(rest[0]) if rest else 120, rest[1:] or ARCHITECTURES)
    elif what == "lap":
        tree = rest[0] if rest else str(Path(__file__).parents[2])
        lap(tree, rest[1] if len(rest) > 1 else f"onnx:{YOLOX.resolve()}")
    else:
        sys.exit(f"{what} is none of runtime, export, lap")


if __name__ == "__main__":
    main()

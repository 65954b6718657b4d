"""How the loader behaves as a dataset grows, beside torchvision's CocoDetection.

    python -m tests.bench.loader

Manifests of 10 thousand to 10 million images are generated over a pool of real JPEG files (1280×720
px, 90 frames a clip, three people). For each size eight spawned workers take the pickled dataset:
its size, the time until it is ready (the imports left out), until its first batch, and the memory
that each worker holds for itself. Then images a second of the whole `Dataset`, beside the same
images only decoded, resized and augmented. The peer needs pycocotools (uv sync --group bench).
"""

from __future__ import annotations

import importlib.util
import json
import pickle
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from oneclick.core.datasets import DatasetClip
from oneclick.detectors import networks
from oneclick.storage import datasets
from oneclick.training import data, sample
from oneclick.training.augment import augment
from tests.training import toy

IMAGES = (10_000, 170_000, 1_700_000, 10_000_000)
PEER = (10_000, 170_000)
"""Its memory at 1.7 million would be beyond 6 GB a worker."""
FRAMES, POOL, WORKERS, BATCH = 90, 12, 8, 8
HEIGHT, WIDTH = 720, 1280
RATE, REPEATS = 1024, 5


def pool(root: Path) -> list[DatasetClip]:
    """A few clips with all their files."""
    lines = []
    for number in range(POOL):
        clip = f"pool-{number:02d}"
        pictures, tracks = toy.scene(number, FRAMES, 3)
        folder = root / "clips" / clip
        (folder / "frames").mkdir(parents=True)
        for k, picture in enumerate(pictures):
            large = cv2.resize(picture[..., ::-1], (WIDTH, HEIGHT))
            cv2.imwrite(str(folder / "frames" / f"{k:06d}.jpg"), large)
        label_set = toy.label_set(clip, tracks)
        line = toy.freeze(root, label_set, "train")
        lines.append(replace(line, height=HEIGHT, width=WIDTH))
    return lines


def publish(root: Path, lines: list[DatasetClip], images: int) -> str:
    """A version of so many images; clips beyond the pool are links to it."""
    clips = []
    for number in range(-(-images // FRAMES)):
        line = lines[number % POOL]
        name = f"clip-{number:06d}"
        link = root / "clips" / name
        if not link.is_symlink():
            link.symlink_to(root / "clips" / line.clip)
        clips.append(replace(line, clip=name))
    version = datasets.build(images, None, ("person",), clips)
    folder = root / "datasets" / version.name
    folder.mkdir(parents=True)
    for name, content in datasets.documents(version, datetime(2026, 1, 1, tzinfo=UTC)).items():
        (folder / name).write_bytes(content)
    return version.name


def own(root: Path, version: str) -> data.ClipImages:
    """What a training loads from."""
    return data.ClipImages(
        root, version, "train", data.ImageOptions("fcos-tiny", ("person",)), WORKERS
    )


def private() -> float:
    """MB that this process holds for itself."""
    text = Path("/proc/self/smaps_rollup").read_text()
    return sum(int(row.split()[1]) for row in text.splitlines() if row.startswith("Private")) / 1024


def worker(content: bytes, draws: list[Any], answers: Any) -> None:
    """Become ready, fetch a batch, tell the times and the memory."""
    import torchvision  # noqa: F401

    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    base, start = private(), time.perf_counter()
    dataset = pickle.loads(content)
    ready = time.perf_counter()
    for draw in draws:
        dataset[draw]
    first = time.perf_counter()
    answers.put((ready - start, first - ready, private() - base, private()))


def workers(dataset: Any, draws: list[Any]) -> tuple[float, list[float]]:
    """MB of the pickle; means over the workers: s to be ready, s to the first batch, MB, MB."""
    content = pickle.dumps(dataset)
    context = get_context("spawn")
    answers = context.Queue()
    started = [
        context.Process(target=worker, args=(content, draws, answers)) for _ in range(WORKERS)
    ]
    for process in started:
        process.start()
    rows = [answers.get() for _ in started]
    for process in started:
        process.join()
    return len(content) / 1e6, [float(value) for value in np.median(rows, 0)]


def coco(root: Path, lines: list[DatasetClip], images: int) -> Path:
    """The same images and boxes as one file."""
    image_rows: list[dict[str, Any]] = []
    boxes: list[dict[str, Any]] = []
    table = [toy.scene(number, FRAMES, 3)[1] for number in range(POOL)]
    for number in range(images):
        clip, frame = divmod(number, FRAMES)
        tracks = table[clip % POOL]
        name = f"clip-{clip:06d}/frames/{frame:06d}.jpg"
        image_rows.append({"id": number, "file_name": name, "height": HEIGHT, "width": WIDTH})
        for x1, y1, x2, y2 in tracks.boxes[tracks.frames == frame].tolist():
            box = {"id": len(boxes), "image_id": number, "category_id": 1, "iscrowd": 0}
            boxes.append(box | {"bbox": [x1, y1, x2 - x1, y2 - y1], "area": (x2 - x1) * (y2 - y1)})
    path = root / f"coco-{images}.json"
    categories = [{"id": 1, "name": "person"}]
    path.write_text(
        json.dumps({"images": image_rows, "annotations": boxes, "categories": categories})
    )
    return path


def report(name: str, images: int, figures: tuple[float, list[float]]) -> None:
    """One row."""
    size, (ready, first, grown, total) = figures
    print(
        f"{name:14} {images:>10,} {1e3 * size:9.1f} kB {1e3 * ready:9.1f} ms {1e3 * first:9.1f} ms "
        f"{grown:9.1f} MB {total:9.1f} MB"
    )


def rate(dataset: data.ClipImages) -> None:
    """Print images a second of the dataset and of nothing but decoding and augmenting."""
    draws = list(
        sample.TrainingSampler(
            dataset.visits({}), sample.SamplingPlan(steps=RATE // BATCH, batch=BATCH)
        )
    )
    paths = [_path(dataset, draw) for draw in draws]
    boxes = np.array([[100, 50, 150, 150]] * 3, np.float32)

    def bare(some: slice) -> None:
        for path, draw in zip(paths[some], draws[some], strict=True):
            image, _ = data.read_image(path, networks.TINY_SIZE, (HEIGHT, WIDTH))
            image, _, _ = augment(image, boxes, np.random.default_rng(draw.seed))
            torch.from_numpy(image).permute(2, 0, 1)

    def whole(some: slice) -> None:
        for draw in draws[some]:
            dataset[draw]

    ratios, mine, their_seconds = [], np.inf, np.inf
    for _ in range(REPEATS):
        both = _turns([whole, bare], len(draws))
        ratios.append(both[1] / both[0])
        mine, their_seconds = min(mine, both[0]), min(their_seconds, both[1])
    ratios.sort()
    print(
        f"{len(dataset):>10,} images: {len(draws) / mine:4.0f} images/s, bare "
        f"{len(draws) / their_seconds:4.0f}: ratio {ratios[len(ratios) // 2]:.3f} (of {REPEATS}: "
        f"{ratios[0]:.3f} … {ratios[-1]:.3f})"
    )


def _path(dataset: data.ClipImages, draw: sample.ImageSample) -> str:
    clip = dataset.index.clip(draw.clip).clip
    return f"{dataset.root}/clips/{clip}/frames/{draw.frame:06d}.jpg"


def _turns(works: list[Callable[[slice], None]], count: int) -> list[float]:
    """Processor time of each, by turns on a few images: the machine's mood meets both alike."""
    spent = [0.0] * len(works)
    for low in range(0, count, 8):
        for which, work in sorted(enumerate(works), reverse=low % 16 == 0):
            start = time.process_time()
            work(slice(low, low + 8))
            spent[which] += time.process_time() - start
    return spent


def main() -> None:
    """Print the tables."""
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        lines = pool(root)
        versions = {images: publish(root, lines, images) for images in IMAGES}
        names = f"{'pickle':>12} {'ready':>12} {'first batch':>12} {'grown':>12} {'in all':>12}"
        print(f"{'workers: 8':14} {'images':>10} {names}")
        for images, version in versions.items():
            dataset = own(root, version)
            start = list(
                sample.TrainingSampler(
                    dataset.visits({}), sample.SamplingPlan(steps=1, batch=BATCH)
                )
            )
            report("oneclick", images, workers(dataset, start))
        if importlib.util.find_spec("pycocotools"):
            from torchvision.datasets import CocoDetection

            for images in PEER:
                peer = CocoDetection(str(root / "clips"), str(coco(root, lines, images)))
                report("CocoDetection", images, workers(peer, list(range(BATCH))))
        print()
        for version in versions.values():
            rate(own(root, version))


if __name__ == "__main__":
    main()

"""Our training beside torchvision's reference recipe: same network, same images, same machine.

    python -m tests.bench.training [--epochs 8] [--arch fcos-tiny]

The recipe is that of torchvision's detection reference: images decoded by PIL at full size,
mirrored at random, resized inside the network; SGD with momentum, linear warm-up, two falls of the
learning rate, no averaging of weights. Both train by turns, ten steps each, on drawn people in
1280×720 px JPEG files; then both are scored on rooms that neither has seen. Where there is a GPU
both use it, and its utilisation is printed.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision.models.detection.transform import GeneralizedRCNNTransform
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional

from oneclick.core.evaluation import DetectionMetrics
from oneclick.detectors import networks
from oneclick.training import data, distributed, loop, sample
from oneclick.training.config import TrainingConfig
from oneclick.training.evaluation import evaluate
from tests.training import toy

TRAIN, TEST, FRAMES = 8, 6, 40
HEIGHT, WIDTH = 720, 1280
BATCH, TURN = 8, 10


def server(root: Path) -> str:
    """Clips of large pictures on a training server; the version."""
    lines = []
    for number in range(TRAIN + TEST):
        clip = f"clip-{number:02d}"
        pictures, tracks = toy.scene(number, FRAMES, 1 + number % 4)
        folder = root / "clips" / clip / "frames"
        folder.mkdir(parents=True)
        for k, picture in enumerate(pictures):
            large = cv2.resize(picture[..., ::-1], (WIDTH, HEIGHT))
            cv2.imwrite(str(folder / f"{k:06d}.jpg"), large)
        wide = replace(tracks, boxes=tracks.boxes * (WIDTH / toy.WIDTH))
        label_set = replace(toy.label_set(clip, wide), width=WIDTH, height=HEIGHT)
        line = toy.freeze(root, label_set, "train" if number < TRAIN else "test")
        lines.append(replace(line, width=WIDTH, height=HEIGHT))
    return toy.publish(root, lines).name


class Reference(Dataset[Any]):
    """The same images as the reference recipe reads them."""

    def __init__(self, images: data.ClipImages) -> None:
        self.images = images
        self.draws = sample.plain_samples(images.walk())
        self.mirror = v2.RandomHorizontalFlip(0.5)

    def __len__(self) -> int:
        return len(self.draws)

    def __getitem__(self, number: int) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        from torchvision import tv_tensors

        draw = self.draws[number]
        line, annotation = self.images.load_clip(draw.clip)
        path = self.images.root / "clips" / line.clip / "frames" / f"{draw.frame:06d}.jpg"
        with Image.open(path) as opened:
            image = functional.pil_to_tensor(opened.convert("RGB"))
        corners = annotation.at(draw.frame).boxes
        keep = (corners[:, 2:] - corners[:, :2] >= 1).all(1)
        boxes = tv_tensors.BoundingBoxes(
            torch.from_numpy(corners[keep]), format="XYXY", canvas_size=(HEIGHT, WIDTH)
        )
        image, boxes = self.mirror(image, boxes)
        labels = torch.ones(len(boxes), dtype=torch.int64)
        target = {"boxes": torch.as_tensor(boxes), "labels": labels}
        return functional.to_dtype(image, torch.float32, scale=True), target


@dataclass
class Side:
    """One of the two, and the time it took."""

    network: Any
    batches: Iterator[Any]
    seconds: list[float] = field(default_factory=list)

    def turn(self, first: int, steps: int) -> None:
        """Train for a few steps."""
        start = time.perf_counter()
        for number, batch in enumerate(islice(self.batches, steps), first):
            self.step(number, batch)
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.seconds.append(time.perf_counter() - start)

    def step(self, number: int, batch: Any) -> None:
        """One step of the optimizer."""
        raise NotImplementedError


class Ours(Side):
    """`oneclick train`."""

    def __init__(self, arch: str, images: data.ClipImages, steps: int, process: Any) -> None:
        config = TrainingConfig(arch=arch, steps=steps, batch=BATCH, pretrained=False)
        torch.manual_seed(0)
        network = networks.build(arch, ("person",))
        schedule = loop.Schedule(
            steps=steps,
            lr=config.lr,
            warmup=config.warmup,
            weight_decay=config.weight_decay,
            clip=config.clip,
            ema=config.ema,
        )
        self.training = loop.Trainer(network, schedule, process)
        plan = sample.SamplingPlan(steps=steps, batch=BATCH)
        workers = 8 if process.device.type == "cuda" else 0
        batches = data.training_batches(images, images.visits({}), plan, workers)
        super().__init__(network, iter(batches))

    def step(self, number: int, batch: Any) -> None:
        """As the loop does it."""
        self.training.step(number, [batch])


class Theirs(Side):
    """The reference recipe."""

    def __init__(self, arch: str, images: data.ClipImages, steps: int, process: Any) -> None:
        torch.manual_seed(0)
        network = networks.build(arch, ("person",))
        short, long = networks.input_size(arch)
        old = network.get_submodule("transform")
        assert isinstance(old, GeneralizedRCNNTransform)
        network.transform = GeneralizedRCNNTransform(short, long, old.image_mean, old.image_std)
        network.to(process.device).train()
        self.device, self.steps = process.device, steps
        self.optimizer = torch.optim.SGD(
            [p for p in network.parameters() if p.requires_grad],
            lr=0.02 * BATCH / 16,
            momentum=0.9,
            weight_decay=1e-4,
        )
        self.full = self.optimizer.param_groups[0]["lr"]
        loader = DataLoader(
            Reference(images),
            BATCH,
            shuffle=True,
            drop_last=True,
            collate_fn=lambda items: tuple(zip(*items, strict=True)),
            num_workers=0 if process.device.type == "cpu" else 8,
        )
        super().__init__(network, (batch for _ in range(10**6) for batch in loader))

    def step(self, number: int, batch: Any) -> None:
        """Warm up over the first epoch, fall at 16 and 22 of 26 epochs."""
        warm = min(1.0, (number + 1) / min(1000, self.steps // 10 + 1))
        falls = sum(number >= self.steps * part / 26 for part in (16, 22))
        for group in self.optimizer.param_groups:
            group["lr"] = self.full * warm * 0.1**falls
        images = [image.to(self.device) for image in batch[0]]
        targets = [{k: v.to(self.device) for k, v in target.items()} for target in batch[1]]
        half = torch.autocast("cuda", enabled=self.device.type == "cuda", dtype=torch.bfloat16)
        with half:
            loss = sum(self.network(images, targets).values())
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()


def score(network: Any, root: Path, version: str, arch: str) -> DetectionMetrics:
    """On the rooms that nobody trained on."""
    images = data.ClipImages(root, version, "test", data.ImageOptions(arch, ("person",), 2))
    return evaluate.evaluate(network.cpu(), data.plain_batches(images, BATCH), 0.3).metrics


def utilisation() -> str:
    """What the driver says of the GPU just now."""
    command = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def main() -> None:
    """Print images a second by epoch, the ratio, and both accuracies."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--arch", default="fcos-tiny")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, distributed.process_group() as process:
        root = Path(folder)
        version = server(root)
        view = data.ImageOptions(args.arch, ("person",))
        images = data.ClipImages(root, version, "train", view)
        epoch = len(images) // BATCH
        steps = epoch * args.epochs
        own_side = Ours(args.arch, images, steps, process)
        sides: tuple[Ours, Theirs] = (own_side, Theirs(args.arch, images, steps, process))
        used = []
        for first in range(0, steps, TURN):
            for side in sides:
                side.turn(first, min(TURN, steps - first))
                used.append(utilisation() if process.device.type == "cuda" else "")
        our_seconds, their_seconds = (np.array(side.seconds) for side in sides)
        early = epoch // TURN
        rates = [steps * BATCH / part.sum() for part in (our_seconds, their_seconds)]
        before = their_seconds[:early].sum() / our_seconds[:early].sum()
        after = their_seconds[early:].sum() / our_seconds[early:].sum()
        print(f"{args.arch}, {len(images)} images, {args.epochs} epochs of {epoch} steps")
        print(f"images/s: {rates[0]:.1f} beside {rates[1]:.1f}, ratio {rates[0] / rates[1]:.2f}")
        print(
            f"first epoch {before:.2f}, later {after:.2f} "
            "(the images are kept decoded where all of them fit)"
        )
        if process.device.type == "cuda":
            print(f"utilisation: oneclick {used[0::2]}, reference {used[1::2]}")
        own_side.training.average.copy_to(own_side.network)
        networks_by_name = {"oneclick": own_side.network, "reference": sides[1].network}
        for name, network in networks_by_name.items():
            metrics = score(network, root, version, args.arch)
            print(f"{name}: mAP {metrics.map:.3f}, AP50 {metrics.ap50:.3f} on unseen rooms")


if __name__ == "__main__":
    main()

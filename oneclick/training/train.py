"""Train one model: config → data → model → loop → evaluate → save.

The same file serves `oneclick train` and `python -m oneclick.training.train --config FILE`. The
result depends on the config and the data only: killed and started again, it ends with the same
weights.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import importlib.metadata
import json
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from oneclick.core.datasets import DatasetVersion, Split
from oneclick.core.errors import OneclickError, UsageError
from oneclick.detectors import networks
from oneclick.io import datasets, files, runlog
from oneclick.training import data, evaluate, loop, model, sample

CALIBRATION = 200
"""Training images that the operating score is read off."""


@dataclass(frozen=True)
class Config:
    """Everything that shapes a model besides its data."""

    arch: str = "fcos-tiny"
    classes: tuple[str, ...] = ("person",)
    steps: int = 300
    batch: int = 4
    stride: int = 2
    """Train on every n-th frame of a clip."""
    origins: dict[str, float] = field(default_factory=dict)
    """How much boxes count by the letter of their origin, 0 … 1; 1 where it is silent."""
    draw: dict[str, float] = field(default_factory=dict)
    """How often clips are drawn, by what led to them or by the origin of their boxes."""
    seed: int = 0
    lr: float = 3e-3
    tuning_lr: float = 3e-3
    """Learning rate when training starts from the champion."""
    warmup: int = 20
    weight_decay: float = 0.05
    clip: float = 1.0
    """Largest norm of the gradient."""
    ema: float = 0.95
    workers: int = 0
    """Loader processes; worth it where decoding is slow beside a step."""

    def key(self) -> str:
        """Six letters that differ when the config does."""
        return hashlib.sha256(msgspec.json.encode(self, order="deterministic")).hexdigest()[:6]


@dataclass(frozen=True)
class Places:
    """Where a training reads and writes."""

    root: Path
    """The training server's folder: `datasets/` and `clips/`."""
    models: Path
    """Folder that gets `<model id>/`."""
    parent: Path | None = None
    """Model folder of the champion to start from."""


def model_id(config: Config, version: str) -> str:
    """`<arch>-<dataset version>-<config>`: the same training has the same name."""
    return f"{config.arch}-{version}-{config.key()}"


@dataclass(frozen=True)
class Trained:
    """A complete model."""

    card: model.Card
    tested: evaluate.Evaluation | None
    """None where the model was trained before."""


def train(config: Config, version: str, places: Places) -> Trained:
    """Train unless it was done before.

    Raises:
        UsageError: the dataset has no training image.
        BadInput: its manifest, a label file or an image is broken.
        OneclickError: the loss is not finite.
    """
    name = model_id(config, version)
    folder = places.models / name
    if done := model.read_card(folder):
        return Trained(done, None)
    began = time.monotonic()
    dataset = datasets.load(places.root / "datasets" / version)
    seed_everything(config.seed)
    images = _images(config, dataset, places, "train")
    if not len(images):
        raise UsageError(f"dataset {version} has no training clip: review and publish more clips")
    network, tuned = model.start(config.arch, config.classes, places.parent)
    parent = places.parent.name if places.parent and tuned else None

    with runlog.opened(folder / "metrics.jsonl", name, _testimony(config, dataset, parent)) as log:
        plan = sample.Plan(config.steps, config.batch, config.seed)
        batches = data.training_batches(images, images.walk(config.draw), plan, config.workers)
        network = loop.fit(network, batches, _schedule(config, tuned), log)
        threshold = _threshold(network, images, config)
        tested = examine(network, config, dataset, places, threshold)
        metrics = dataclasses.asdict(tested.metrics)
        log.log(config.steps, **{f"test_{name}": value for name, value in metrics.items()})
        log.summary(**metrics)

    card = model.Card(
        id=name,
        arch=config.arch,
        classes=config.classes,
        size=networks.size(config.arch),
        threshold=threshold,
        dataset=model.Source(dataset.name, dataset.digest),
        parent=parent,
        config=dataclasses.asdict(config),
        code=importlib.metadata.version("oneclick"),
        made_at=datetime.now(UTC),
        seconds=round(time.monotonic() - began, 1),
        weights=model.save(folder, network.state_dict()),
        metrics=metrics,
    )
    model.write_card(folder, card)
    return Trained(card, tested)


def examine(
    network: Any, config: Config, dataset: DatasetVersion, places: Places, threshold: float
) -> evaluate.Evaluation:
    """Evaluate on the test clips of a dataset."""
    images = _images(config, dataset, places, "test")
    return evaluate.evaluate(network, data.plain_batches(images, config.batch), threshold)


def seed_everything(seed: int) -> None:
    """Seed what is random in building and training a network."""
    import torch

    torch.manual_seed(seed)


def _images(
    config: Config, dataset: DatasetVersion, places: Places, split: Split
) -> data.ClipImages:
    view = data.View(config.arch, config.classes, config.stride, config.origins)
    return data.ClipImages(places.root, dataset.name, split, view, config.workers)


def _schedule(config: Config, tuned: bool) -> loop.Schedule:
    return loop.Schedule(
        config.steps,
        config.tuning_lr if tuned else config.lr,
        min(config.warmup, config.steps),
        config.weight_decay,
        config.clip,
        config.ema,
    )


def _threshold(network: Any, images: data.ClipImages, config: Config) -> float:
    """Operating score, from training images: the test clips must not choose it."""
    batches = data.plain_batches(images, config.batch, most=CALIBRATION)
    predictions, truths, _ = evaluate.predict(network, batches, "calibrate")
    return evaluate.operating_point(predictions, truths)


def _testimony(config: Config, dataset: DatasetVersion, parent: str | None) -> dict[str, Any]:
    source = {"dataset": dataset.name, "dataset_digest": dataset.digest, "parent": parent}
    return dataclasses.asdict(config) | source


def main(arguments: list[str] | None = None) -> int:
    """Train from a JSON file: {"version", "root", "models", "parent", "config": {…}}."""
    parser = argparse.ArgumentParser(description="Train one model from a config file.")
    parser.add_argument("--config", type=Path, required=True)
    try:
        job: _Job = files.read_json(parser.parse_args(arguments).config, _Job)
        parent = Path(job.parent) if job.parent else None
        places = Places(Path(job.root), Path(job.models), parent)
        card = train(job.config, job.version, places).card
    except OneclickError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    sys.stdout.write(json.dumps({"model": card.id, **card.metrics}) + "\n")
    return 0


@dataclass(frozen=True)
class _Job:
    version: str
    root: str
    models: str
    parent: str | None = None
    config: Config = Config()


if __name__ == "__main__":
    raise SystemExit(main())

"""Train one model: config → data → model → loop → evaluate → save.

The same file serves `oneclick train`, `python -m oneclick.training.train --config FILE` and
torchrun. The result depends on the config and the data only: killed and started again, it ends
with the same weights.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import importlib.metadata
import json
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oneclick.core.datasets import DatasetVersion, Split
from oneclick.core.errors import OneclickError, UsageError
from oneclick.detectors import networks
from oneclick.services import run_log
from oneclick.storage import datasets, files
from oneclick.training import checkpoint, data, distributed, loop, model, sample
from oneclick.training.config import Config, Equipment, Places, model_id
from oneclick.training.evaluation import evaluate

if TYPE_CHECKING:
    from oneclick.training.distributed import Machine

ANY = Equipment()
FAILED = "training failed: "
"""How the line begins in which a process says why it failed."""
CALIBRATION = 200
"""Training images that the operating score is read off."""


@dataclass(frozen=True)
class Trained:
    """A complete model."""

    card: model.Card
    tested: evaluate.Evaluation | None
    """None where the model was trained before, or by other processes."""


def train(
    config: Config, version: str, places: Places, equipment: Equipment = ANY
) -> Trained | None:
    """Train unless it was done before; taken up where a killed process left it.

    Under torchrun all processes train together, and all but the first get None.

    Raises:
        UsageError: the dataset has no training image, or the batch cannot be shared.
        BadInput: its manifest, a label file or an image is broken.
        OneclickError: the loss is not finite.
    """
    if done := model.read_card(places.models / model_id(config, version)):
        return Trained(done, None)
    began = time.monotonic()
    dataset = datasets.head(places.root / "datasets" / version)
    work = _Work.of(config, dataset, places, equipment)
    with contextlib.ExitStack() as open_log:
        with distributed.joined(equipment.device, config.precision) as here:
            log = open_log.enter_context(work.log()) if here.first else None
            network = work.fit(here, log)
        return work.finish(network, log, began) if log else None


@dataclass(frozen=True)
class _Work:
    """One training, from its data to its card."""

    config: Config
    dataset: datasets.Head
    places: Places
    equipment: Equipment
    kept: checkpoint.Kept | None
    """Where an earlier process got to."""
    parent: str | None
    """Champion that it starts from, or did when it was started."""
    network: Any

    @classmethod
    def of(
        cls, config: Config, dataset: datasets.Head, places: Places, equipment: Equipment
    ) -> _Work:
        kept = checkpoint.load(places.models / model_id(config, dataset.name))
        if kept:
            network = networks.build(config.arch, config.classes)
            return cls(config, dataset, places, equipment, kept, kept.parent, network)
        seed_everything(config.seed)
        network, tuned = model.start(config.arch, config.classes, places.parent, config.from_coco)
        parent = places.parent.name if places.parent and tuned else None
        return cls(config, dataset, places, equipment, None, parent, network)

    @property
    def name(self) -> str:
        return model_id(self.config, self.dataset.name)

    @property
    def folder(self) -> Path:
        return self.places.models / self.name

    def log(self) -> contextlib.AbstractContextManager[run_log.RunLog]:
        told = dataclasses.asdict(self.config) | self.testimony()
        start = self.kept.step if self.kept else 0
        return run_log.opened(self.folder / "metrics.jsonl", self.name, told, start=start)

    def testimony(self) -> dict[str, Any]:
        source = {"dataset": self.dataset.name, "dataset_digest": self.dataset.digest}
        return {**source, "parent": self.parent}

    def fit(self, here: Machine, log: run_log.RunLog | None) -> Any:
        """The trained network, on the device it was trained on."""
        keeper = checkpoint.Keeper(self.folder, self.parent, self.equipment.checkpoint_seconds)
        schedule = _schedule(self.config, self.parent is not None, here.ranks)
        return loop.fit(
            self.network,
            self.batches(here, schedule.passes),
            schedule,
            here,
            log,
            keeper if here.first else None,
            self.kept,
        )

    def batches(self, here: Machine, passes: int) -> Any:
        config, workers = self.config, self.equipment.loaders(here.device.type)
        images = _images(config, self.dataset.name, self.places, "train", workers)
        if not len(images):
            raise UsageError(
                f"dataset {self.dataset.name} has no training clip: review and publish more clips"
            )
        start = self.kept.step if self.kept else 0
        plan = sample.Plan(config.steps, config.batch, config.seed, start, here.rank, here.ranks)
        return data.training_batches(images, images.visits(config.draw), plan, workers, passes)

    def finish(self, network: Any, log: run_log.RunLog, began: float) -> Trained:
        """Measure, save, testify; the card comes last."""
        threshold = _threshold(network, self.config, self.dataset.name, self.places)
        tested = examine(network, self.config, self.dataset, self.places, threshold)
        metrics = dataclasses.asdict(tested.metrics)
        spent = evaluate.cost(network, networks.size(self.config.arch))
        weights = model.save(self.folder, network.cpu().state_dict())
        card = self.card(threshold, metrics, weights, began, dataclasses.asdict(spent))
        log.log(self.config.steps, **{f"test_{name}": value for name, value in metrics.items()})
        testimony: dict[str, Any] = {
            "dataset": card.dataset.name,
            "dataset_digest": card.dataset.digest,
        }
        testimony |= {"parent": self.parent, "weights_sha256": card.weights}
        log.model(self.name, self.folder / model.WEIGHTS, testimony | metrics)
        model.write_card(self.folder, card)
        checkpoint.forget(self.folder)
        return Trained(card, tested)

    def card(
        self,
        threshold: float,
        metrics: dict[str, Any],
        weights: str,
        began: float,
        cost: dict[str, Any],
    ) -> model.Card:
        return model.Card(
            id=self.name,
            arch=self.config.arch,
            classes=self.config.classes,
            size=networks.size(self.config.arch),
            threshold=threshold,
            dataset=model.Source(self.dataset.name, self.dataset.digest),
            parent=self.parent,
            config=dataclasses.asdict(self.config),
            code=importlib.metadata.version("oneclick"),
            made_at=datetime.now(UTC),
            seconds=round(time.monotonic() - began, 1),
            weights=weights,
            metrics=metrics,
            pretrained=self.config.from_coco,
            cost=cost,
        )


def examine(
    network: Any,
    config: Config,
    dataset: DatasetVersion | datasets.Head,
    places: Places,
    threshold: float,
) -> evaluate.Evaluation:
    """Evaluate on the test clips of a dataset."""
    images = _images(config, dataset.name, places, "test")
    clips = datasets.load(places.root / "datasets" / dataset.name).side("test")
    batches = data.plain_batches(images, config.at_once)
    return evaluate.evaluate(network, batches, threshold, clips, config.classes)


def seed_everything(seed: int) -> None:
    """Seed what is random in building a network; `loop` seeds every step."""
    import torch

    torch.manual_seed(seed)


def _images(
    config: Config, version: str, places: Places, split: Split, workers: int = 0
) -> data.ClipImages:
    view = data.View(config.arch, config.classes, config.stride, config.origins)
    return data.ClipImages(places.root, version, split, view, workers)


def _schedule(config: Config, tuned: bool, ranks: int) -> loop.Schedule:
    fresh = config.pretrained_lr if config.from_coco else config.lr
    return loop.Schedule(
        config.steps,
        min(fresh, config.tuning_lr) if tuned else fresh,
        min(config.warmup, config.steps),
        config.weight_decay,
        config.clip,
        config.ema,
        config.passes(ranks),
        config.seed,
        config.from_coco,
    )


def _threshold(network: Any, config: Config, version: str, places: Places) -> float:
    """Operating score, from training images: the test clips must not choose it."""
    images = _images(config, version, places, "train")
    batches = data.plain_batches(images, config.at_once, most=CALIBRATION)
    predictions, truths, _ = evaluate.predict(network, batches, "calibrate")
    return evaluate.operating_point(predictions, truths)


def main(arguments: list[str] | None = None) -> int:
    """Train from a JSON file: {"version", "root", "models", "parent", "config", "equipment"}."""
    parser = argparse.ArgumentParser(description="Train one model from a config file.")
    parser.add_argument("--config", type=Path, required=True)
    try:
        job: Job = files.read_json(parser.parse_args(arguments).config, Job)
        trained = train(job.config, job.version, job.places, job.equipment)
    except OneclickError as error:
        sys.stderr.write(f"{FAILED}{error}\n")
        return error.exit_code
    if trained:
        card = trained.card
        sys.stdout.write(json.dumps({"model": card.id, **card.metrics}) + "\n")
    return 0


@dataclass(frozen=True)
class Job:
    """The file."""

    version: str
    root: str
    models: str
    parent: str | None = None
    config: Config = field(default_factory=Config)
    equipment: Equipment = ANY

    @classmethod
    def of(cls, config: Config, version: str, places: Places, equipment: Equipment) -> Job:
        """The file for a training elsewhere."""
        root, models = (str(path.absolute()) for path in (places.root, places.models))
        parent = str(places.parent.absolute()) if places.parent else None
        return cls(version, root, models, parent, config, equipment)

    @property
    def places(self) -> Places:
        """Where it reads and writes."""
        return Places(
            Path(self.root), Path(self.models), Path(self.parent) if self.parent else None
        )


if __name__ == "__main__":
    raise SystemExit(main())

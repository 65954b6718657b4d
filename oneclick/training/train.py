"""Train one model: config → data → model → loop → evaluate → save.

The same file serves `oneclick train`, `python -m oneclick.training.train --config FILE` and
torchrun. The weights depend on the config and the data only: a training that was killed and
started again ends with the same weights.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import importlib.metadata
import json
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from oneclick.core import training_defaults, visible
from oneclick.core.datasets import DatasetVersion, Split
from oneclick.core.errors import OneclickError, UsageError
from oneclick.detectors import networks
from oneclick.services import run_log
from oneclick.storage import datasets, files, model_cards
from oneclick.storage.model_cards import ModelCard, TrainingDataset
from oneclick.training import checkpoint, data, distributed, loop, model, sample
from oneclick.training.broken_pictures import BrokenPictures, CheckedBatches
from oneclick.training.config import (
    DEFAULT_EQUIPMENT,
    Equipment,
    TrainingConfig,
    TrainingJob,
    TrainingPaths,
    model_id,
)
from oneclick.training.evaluation import evaluate, inference, model_profile

if TYPE_CHECKING:
    from torch import nn

    from oneclick.training.distributed import ProcessContext

FAILURE_PREFIX = "training failed: "
"""Beginning of the line on stderr in which a process gives the reason of its failure."""
CALIBRATION_IMAGES = 200
"""Training images that the operating score is chosen on."""


@dataclass(frozen=True)
class TrainedModel:
    """A finished model with its evaluation."""

    card: ModelCard
    tested: evaluate.Evaluation | None
    """Evaluation on the test clips; None where another process or an earlier call trained it."""


def train(
    config: TrainingConfig,
    version: str,
    paths: TrainingPaths,
    equipment: Equipment = DEFAULT_EQUIPMENT,
) -> TrainedModel | None:
    """Train a model, evaluate it on the test clips and save it with its card.

    A complete model is returned as it is, one whose weights are broken is trained again, and a
    training that was killed resumes from its
    checkpoint. Under torchrun all ranks train together, and all but rank 0 return None.

    Raises:
        UsageError: the dataset has no training image, or the batch cannot be shared.
        BadInput: its manifest is broken, or more pictures are than may be left out.
        OneclickError: the loss is not finite.
    """
    folder = paths.models / model_id(config, version)
    if (card := model_cards.read(folder)) and model_cards.has_weights(folder):
        return TrainedModel(card, None)
    start_time = time.monotonic()
    dataset = datasets.load_header(paths.root / "datasets" / version)
    run = TrainingRun.prepare(config, dataset, paths, equipment)
    with contextlib.ExitStack() as log_scope:
        with distributed.process_group(equipment.device, config.precision) as process:
            log = log_scope.enter_context(run.open_log()) if process.is_main else None
            network = run.fit(process, log)
        if log is None:
            return None
        threshold = run.calibrate(network)
        evaluation = evaluate_test_clips(
            network,
            config,
            dataset,
            paths,
            threshold,
            max_broken=equipment.max_broken,
            size=run.origin.plan.size,
        )
        card = run.save(network, threshold, evaluation, log, start_time)
        return TrainedModel(card, evaluation)


@dataclass(frozen=True, kw_only=True)
class TrainingRun:
    """One training, from its data to its card."""

    config: TrainingConfig
    dataset: datasets.DatasetHeader
    paths: TrainingPaths
    equipment: Equipment
    resume_point: checkpoint.Checkpoint | None
    """Checkpoint of an earlier process."""
    origin: checkpoint.NetworkOrigin
    network: nn.Module
    broken: BrokenPictures
    """Training pictures that are left out."""

    @classmethod
    def prepare(
        cls,
        config: TrainingConfig,
        dataset: datasets.DatasetHeader,
        paths: TrainingPaths,
        equipment: Equipment,
    ) -> TrainingRun:
        """Build the network from a checkpoint, the champion, published weights or random weights.

        Raises:
            UsageError: the dataset has no training image.
            DetectorUnavailable: the published weights are missing.
        """
        resume_point = checkpoint.load(paths.models / model_id(config, dataset.name))
        if resume_point:
            origin = resume_point.origin
            network = networks.build_plan(origin.plan)
        else:
            torch.manual_seed(config.seed)
            network, origin = model.initialize(
                config.arch, config.classes, paths.parent, config.from_published
            )
        images = len(_images(config, dataset.name, paths, "train", size=origin.plan.size))
        if not images:
            raise UsageError(
                f"dataset {dataset.name} has no training clip: review and publish more clips"
            )
        return cls(
            config=config,
            dataset=dataset,
            paths=paths,
            equipment=equipment,
            resume_point=resume_point,
            origin=origin,
            network=network,
            broken=BrokenPictures("train", images, equipment.max_broken),
        )

    @property
    def name(self) -> str:
        """Return the id of the model."""
        return model_id(self.config, self.dataset.name)

    @property
    def folder(self) -> Path:
        """Return the folder of the model."""
        return self.paths.models / self.name

    @property
    def first_step(self) -> int:
        """Return the step that this process begins with, 0-based."""
        return self.resume_point.step if self.resume_point else 0

    def lineage(self) -> dict[str, str | None]:
        """Return the dataset and the parent of the model, as the run log records them."""
        return {
            "dataset": self.dataset.name,
            "dataset_digest": self.dataset.digest,
            "parent": self.origin.parent,
        }

    def open_log(self) -> contextlib.AbstractContextManager[run_log.TrainingLog]:
        """Open `metrics.jsonl`, and the run of Weights & Biases where it is configured."""
        # No ids of clips: they hold the names of cameras, and the times of recordings.
        settings = dataclasses.asdict(self.config) | self.lineage()
        settings["excluded"] = len(self.config.excluded)
        if start := self.origin.start:
            settings["start"] = {
                "source": start.source,
                "digest": start.digest,
                "tensors": start.tensors,
                "classes": start.classes,
                "fresh": len(start.fresh),
            }
        path = self.folder / "metrics.jsonl"
        return run_log.opened(path, self.name, settings, start=self.first_step)

    def fit(self, process: ProcessContext, log: run_log.TrainingLog | None) -> nn.Module:
        """Train and return the network, on the device of the process; `log` on rank 0 only."""
        finetuning = self.origin.parent is not None
        schedule = loop.Schedule.from_config(self.config, process.ranks, finetuning)
        writer = checkpoint.CheckpointWriter(
            self.folder, self.origin, self.equipment.checkpoint_seconds
        )
        network = loop.fit(
            network=self.network,
            batches=self.batches(process, schedule.passes),
            schedule=schedule,
            process=process,
            log=log,
            writer=writer if process.is_main else None,
            checkpoint=self.resume_point,
        )
        for pictures in process.gather(self.broken.sorted()):
            self.broken.add(pictures)
        return network

    def batches(self, process: ProcessContext, passes: int) -> CheckedBatches:
        """Load this rank's augmented batches, `passes` for each remaining step."""
        config, workers = self.config, self.equipment.loaders(process.device.type)
        images = self.images(workers)
        plan = sample.SamplingPlan(
            steps=config.steps,
            batch=config.batch,
            seed=config.seed,
            start=self.first_step,
            rank=process.rank,
            ranks=process.ranks,
        )
        visits = images.visits(config.draw)
        return self.broken.watch(data.training_batches(images, visits, plan, workers, passes))

    def images(self, workers: int = 0) -> data.ClipImages:
        """Return the training images, for that many loader processes."""
        size = self.origin.plan.size
        return _images(self.config, self.dataset.name, self.paths, "train", workers, size=size)

    def calibrate(self, network: nn.Module) -> float:
        """Choose the operating score on training images: test clips must not decide it."""
        images = self.images()
        batches = data.plain_batches(images, self.config.at_once, most=CALIBRATION_IMAGES)
        labelled = inference.predict(network, self.broken.watch(batches), "calibrate")
        return evaluate.operating_point(labelled.predictions, labelled.truths, labelled.ignored)

    def save(
        self,
        network: nn.Module,
        threshold: float,
        evaluation: evaluate.Evaluation,
        log: run_log.TrainingLog,
        start_time: float,
    ) -> ModelCard:
        """Write the weights, the log and, last of all, the card; remove the checkpoint.

        Args:
            threshold: operating score.
            start_time: of the training, as `time.monotonic` told it.
        """
        plan, start = self.origin.plan, self.origin.start
        profile = model_profile.measure(network, plan.size)
        metrics = dataclasses.asdict(evaluation.metrics)
        broken = [*self.broken.sorted(), *evaluation.broken]
        card = ModelCard(
            id=self.name,
            arch=self.config.arch,
            classes=self.config.classes,
            size=plan.size,
            threshold=threshold,
            dataset=TrainingDataset(self.dataset.name, self.dataset.digest),
            parent=self.origin.parent,
            config=dataclasses.asdict(self.config),
            code=importlib.metadata.version("oneclick"),
            weights=model.save(self.folder, network.cpu().state_dict()),
            made_at=datetime.now(UTC),
            seconds=round(time.monotonic() - start_time, 1),
            metrics=metrics,
            pretrained=self.config.from_published,
            network=dict(plan.options),
            start=dataclasses.asdict(start) if start else None,
            cost=dataclasses.asdict(profile),
            broken=tuple(f"{picture.name}: {picture.reason}" for picture in broken),
        )
        tested = {f"test_{name}": value for name, value in metrics.items()}
        log.log(self.config.steps, broken_pictures=len(broken), **tested)
        metadata = self.lineage() | {"weights_sha256": card.weights} | metrics
        log.model(self.name, metadata)
        model_cards.write(self.folder, card)
        checkpoint.delete(self.folder)
        return card


def evaluate_test_clips(
    network: nn.Module,
    config: TrainingConfig,
    dataset: DatasetVersion | datasets.DatasetHeader,
    paths: TrainingPaths,
    threshold: float,
    *,
    max_broken: float = training_defaults.MAX_BROKEN,
    size: tuple[int, int] | None = None,
) -> evaluate.Evaluation:
    """Evaluate a network on the test clips of a dataset version.

    Args:
        threshold: operating score.
        max_broken: largest share of the pictures that may be broken, and is left out.
        size: frame that images are fitted into; None is that of the architecture.

    Raises:
        BadInput: the manifest is broken, or too many pictures are.
    """
    images = _images(config, dataset.name, paths, "test", size=size)
    clips = datasets.load(paths.root / "datasets" / dataset.name).side("test")
    broken = BrokenPictures("test", len(images), max_broken)
    batches = broken.watch(data.plain_batches(images, config.at_once))
    evaluation = evaluate.evaluate(network, batches, threshold, clips, config.classes)
    return dataclasses.replace(evaluation, broken=tuple(broken.sorted()))


def _images(
    config: TrainingConfig,
    version: str,
    paths: TrainingPaths,
    split: Split,
    workers: int = 0,
    *,
    size: tuple[int, int] | None,
) -> data.ClipImages:
    options = data.ImageOptions(
        arch=config.arch,
        classes=config.classes,
        stride=config.stride,
        origins=config.origins,
        excluded=config.excluded,
        size=size,
        turned=config.turned,
        laid=config.laid,
    )
    return data.ClipImages(paths.root, version, split, options, workers)


def main(arguments: list[str] | None = None) -> int:
    """Train from a JSON file: {"version", "root", "models", "parent", "config", "equipment"}."""
    parser = argparse.ArgumentParser(description="Train one model from a config file.")
    parser.add_argument("--config", type=Path, required=True)
    try:
        job: TrainingJob = files.read_json(parser.parse_args(arguments).config, TrainingJob)
        trained = train(job.config, job.version, job.paths, job.equipment)
    except OneclickError as error:
        sys.stderr.write(f"{FAILURE_PREFIX}{visible.line(str(error))}\n")
        return error.exit_code
    if trained:
        document: dict[str, Any] = {"model": trained.card.id, **trained.card.metrics}
        sys.stdout.write(json.dumps(document) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

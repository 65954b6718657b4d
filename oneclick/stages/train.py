"""Train: a DatasetVersion → a Candidate, judged against the Champion; the better one serves."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

import msgspec

from oneclick.catalog import Catalog
from oneclick.core import training_defaults
from oneclick.core.datasets import DatasetVersion
from oneclick.core.errors import UsageError
from oneclick.services import training_server
from oneclick.storage import datasets, exclusions, locks, model_cards, model_registry
from oneclick.storage.model_cards import ModelCard
from oneclick.storage.workspace import Workspace

if TYPE_CHECKING:
    from oneclick.training.config import TrainingConfig, TrainingPaths
    from oneclick.training.distributed import Precision
    from oneclick.training.evaluation.evaluate import Evaluation
    from oneclick.training.train import TrainedModel

PASSES = 12
"""Passes over all images, unless that is fewer steps than LEAST or more than MOST."""
LEAST, MOST = 300, 30_000
"""Steps at an effort of 1."""


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """Options of one training; `Settings.train_options` has their defaults."""

    server: str
    """fsspec URL of the training server; empty means `training-server` in the workspace."""
    model: str
    """Architecture."""
    steps: int
    """Training steps; 0 follows from the number of images and `effort`."""
    effort: float
    """Quality against time: twice the effort is twice the steps."""
    batch: int
    """Images a step, over all processes together."""
    at_once: int
    """Most images that a process takes at once."""
    stride: int
    """Train on every n-th frame of a clip."""
    origins: Mapping[str, float]
    """Weight of boxes by their origin, 1 if not given."""
    draw: Mapping[str, float]
    """Sampling weight of clips, by what led to them or by the origin of their boxes."""
    seed: int
    pretrained: bool
    """Networks start from published weights, where there are any."""
    backbone: float | None
    """Factor on the learning rate of a backbone with published weights; 0 freezes it."""
    precision: str
    device: str
    processes: int
    """0 is one for each GPU, or one."""
    workers: int | None
    """Loader processes of each training process; None chooses."""
    margin: float
    """mAP by which a candidate must beat the champion."""
    min_test_images: int
    """Fewer test images are not enough evidence to promote."""
    classes: tuple[str, ...]
    turned: float = training_defaults.TURNED
    """Share of the augmented images that are turned by 90°."""
    laid: float = training_defaults.LAID
    """Share of the augmented images in which a person who stands is copied, lying."""
    max_broken: float = training_defaults.MAX_BROKEN
    """Largest share of the pictures of a dataset that may be broken, and is left out."""
    labeller: bool = False
    """The model labels and serves no camera: it is judged beside the labeller of its kind."""

    @property
    def registry_name(self) -> str:
        """Return the labeller whose place in model_registry the model may take; "" the champion."""
        return self.model if self.labeller else ""

    def steps_for(self, dataset: DatasetVersion, excluded: Collection[str] = ()) -> int:
        """Return the steps that are set, or those that the images and the effort call for."""
        if self.steps:
            return self.steps
        clips = [clip for clip in dataset.side("train") if clip.clip not in excluded]
        images = sum(-(-clip.frames // self.stride) for clip in clips)
        steps = min(max(PASSES * images // self.batch, LEAST), MOST)
        return max(1, round(steps * self.effort))

    def config_for(self, dataset: DatasetVersion, excluded: Collection[str] = ()) -> TrainingConfig:
        """Return the hyperparameters of a training on this version, without `excluded` clips."""
        from oneclick.training.config import TrainingConfig

        return TrainingConfig(
            arch=self.model,
            classes=self.classes,
            steps=self.steps_for(dataset, excluded),
            batch=self.batch,
            at_once=self.at_once,
            stride=self.stride,
            origins=dict(self.origins),
            draw=dict(self.draw),
            turned=self.turned,
            laid=self.laid,
            seed=self.seed,
            pretrained=self.pretrained,
            backbone=self.backbone,
            precision=cast("Precision", self.precision),
            excluded=tuple(sorted(excluded)),
        )


@dataclass(frozen=True, kw_only=True)
class TrainingResult:
    """Candidate, champion and decision; the model's card holds the same for ever."""

    model: str | None
    """None where there is no dataset version."""
    dataset: str | None
    metrics: dict[str, float]
    """core.evaluation.DetectionMetrics of the candidate on the test clips."""
    champion_before: str | None
    champion_metrics: dict[str, float] | None
    """The champion on the same test clips."""
    decision: str
    """promote, refuse or not enough evidence; empty without a model."""
    reasons: tuple[str, ...]
    trained: bool
    """False where this model was trained and judged before."""
    broken: tuple[str, ...] = ()
    """Pictures that were left out because they are broken, each with the reason."""
    excluded: tuple[str, ...] = ()
    """Clips of the version that were left out because they are excluded."""


class PromotionDecision(msgspec.Struct, frozen=True, kw_only=True):
    """The `decision` of a card."""

    verdict: str
    reasons: tuple[str, ...]
    rows: tuple[dict[str, Any], ...]
    """core.evaluation.ModelScore: candidate, then champion; `name` is the model id."""
    champion: str | None
    """Champion at that time."""
    champion_metrics: dict[str, float] | None
    at: datetime
    """UTC."""
    slices: tuple[dict[str, Any], ...] = ()
    """core.evaluation.SliceComparison: the whole, then the slices, worst first."""
    classes: tuple[dict[str, Any], ...] = ()
    """core.evaluation.ClassScore of the candidate."""
    worst: tuple[dict[str, Any], ...] = ()
    """core.evaluation.WorstClip of the candidate."""


def train(home: Path, version: str | None, options: TrainOptions) -> TrainingResult:
    """Train on a version (default: the newest), judge, promote; all of it once.

    Raises:
        UnknownName: no version or architecture of that name.
        UsageError: nothing to train on. BadInput: a file on the training server is broken.
    """
    workspace, registry_name = Workspace(home), options.registry_name
    dataset = datasets.find(workspace, version)
    if dataset is None:
        return TrainingResult(
            model=None,
            dataset=None,
            metrics={},
            champion_before=model_registry.champion(workspace, registry_name),
            champion_metrics=None,
            decision="",
            reasons=("nothing to train on: no dataset version was published yet",),
            trained=False,
        )
    lock_name = quote(registry_name or "champion", safe="")
    with locks.file_lock(workspace.locks_dir / f"train-{lock_name}"):
        card, decision, is_new = train_and_judge(workspace, dataset, options)
    with Catalog.open(home) as catalog:
        catalog.add_model(card.id, dataset.name, msgspec.to_builtins(card))
    # A champion that was rolled back stays so: only a model that never served is put into service.
    was_in_service = model_registry.was_in_service(workspace, card.id, registry_name)
    if decision.verdict == "promote" and not was_in_service:
        model_registry.promote(
            workspace, card.id, decision.reasons[-1], registry_name, instead_of=decision.champion
        )
    return TrainingResult(
        model=card.id,
        dataset=dataset.name,
        metrics=card.metrics,
        champion_before=decision.champion,
        champion_metrics=decision.champion_metrics,
        decision=decision.verdict,
        reasons=decision.reasons,
        trained=is_new,
        broken=card.broken,
        excluded=tuple(card.config.get("excluded", ())),
    )


def train_and_judge(
    workspace: Workspace, dataset: DatasetVersion, options: TrainOptions
) -> tuple[ModelCard, PromotionDecision, bool]:
    """Return a model's card and decision, and whether it was trained now.

    A model of the same configuration, dataset and decision that exists is not trained again.
    """
    from oneclick.training import launch
    from oneclick.training.config import Equipment, TrainingPaths, model_id

    clip_ids = {clip.clip for clip in dataset.clips}
    config = options.config_for(dataset, exclusions.excluded_clips(workspace) & clip_ids)
    folder = workspace.model_dir(model_id(config, dataset.name))
    existing_card = model_cards.read(folder)
    champion = model_registry.champion(workspace, options.registry_name)
    if existing_card and existing_card.decision:
        decision = msgspec.convert(existing_card.decision, PromotionDecision)
        served = model_registry.was_in_service(workspace, existing_card.id, options.registry_name)
        # A killed promotion is made good, but never against a champion that nobody compared.
        if decision.verdict != "promote" or served or decision.champion == champion:
            return existing_card, decision, False
    parent = workspace.model_dir(champion) if champion else None
    root = training_server.local_root(workspace.home, options.server)
    paths = TrainingPaths(root, folder.parent, parent)
    equipment = Equipment(options.device, options.workers, max_broken=options.max_broken)
    trained = launch.run(config, dataset.name, paths, equipment, options.processes)
    decision = judge(workspace, dataset, config, paths, trained, options)
    card = msgspec.structs.replace(trained.card, decision=msgspec.to_builtins(decision))
    model_cards.write(folder, card)
    return card, decision, True


def judge(
    workspace: Workspace,
    dataset: DatasetVersion,
    config: TrainingConfig,
    paths: TrainingPaths,
    trained: TrainedModel,
    options: TrainOptions,
) -> PromotionDecision:
    """Evaluate candidate and champion on the same test clips and apply the gate."""
    from oneclick.training import gate

    name, parent = trained.card.id, paths.parent
    limit = options.max_broken
    candidate = trained.tested or evaluate_model(
        config, dataset, paths, paths.models / name, max_broken=limit
    )
    champion = None
    if parent:
        champion = evaluate_model(config, dataset, paths, parent, max_broken=limit)
    known_clips = training_clips(workspace, dataset, parent)
    rule = gate.GateOptions(margin=options.margin, min_test_images=options.min_test_images)
    decision = gate.decide(candidate, champion, known_clips, rule)
    names = {"candidate": name, "champion": parent.name if parent else ""}
    return PromotionDecision(
        verdict=decision.verdict,
        reasons=decision.reasons,
        rows=tuple(asdict(row) | {"name": names[row.name]} for row in decision.rows),
        champion=parent.name if parent else None,
        champion_metrics=asdict(champion.metrics) if champion else None,
        at=datetime.now(UTC),
        slices=tuple(asdict(row) for row in decision.slices),
        classes=tuple(asdict(row) for row in candidate.classes),
        worst=tuple(asdict(row) for row in candidate.worst),
    )


def evaluate_model(
    config: TrainingConfig,
    dataset: DatasetVersion,
    paths: TrainingPaths,
    folder: Path,
    *,
    max_broken: float = training_defaults.MAX_BROKEN,
) -> Evaluation:
    """Evaluate the model in a folder on the test clips, at its own image size.

    Args:
        config: of the candidate; says which clips are excluded.
        dataset: version with the test clips.
        paths: of the training server.
        folder: of the model.
        max_broken: largest share of the pictures that may be broken, and is left out.

    Raises:
        UsageError: the classes of the model are not the first ones of the config.
    """
    from oneclick.training import model
    from oneclick.training import train as training

    network, card = model.load(folder)
    if config.classes[: len(card.classes)] != card.classes:
        raise UsageError(
            f"model {card.id} knows the classes {list(card.classes)}, the settings say "
            f"{list(config.classes)}: keep their order and add new ones at the end"
        )
    model_config = replace(config, arch=card.arch)
    return training.evaluate_test_clips(
        network,
        model_config,
        dataset,
        paths,
        card.threshold,
        max_broken=max_broken,
        size=card.size,
    )


def training_clips(
    workspace: Workspace, dataset: DatasetVersion, parent: Path | None
) -> Collection[str]:
    """Return the clips that candidate or champion trained on, and test clips of the same video.

    Args:
        workspace: that holds the dataset versions.
        dataset: that the candidate trained on.
        parent: model folder of the champion.
    """
    clips = list(dataset.side("train"))
    for version in lineage(parent):
        earlier = datasets.find(workspace, version)
        clips += earlier.side("train") if earlier else ()
    video_digests = {clip.clip_digest for clip in clips}
    copies = {clip.clip for clip in dataset.side("test") if clip.clip_digest in video_digests}
    return {clip.clip for clip in clips} | copies


def lineage(parent: Path | None) -> list[str]:
    """Return the dataset versions behind a model: its own, its parent's, and so on."""
    versions: list[str] = []
    while parent and (card := model_cards.read(parent)):
        versions.append(card.dataset.name)
        parent = parent.parent / card.parent if card.parent else None
    return list(dict.fromkeys(versions))

"""Train: a DatasetVersion → a Candidate, judged against the Champion; the better one serves."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast
from urllib.parse import quote

import msgspec

from oneclick.catalog import Catalog, withdrawals
from oneclick.core import training_defaults
from oneclick.core.datasets import DatasetVersion
from oneclick.core.errors import BadInput
from oneclick.detectors import networks
from oneclick.services import training_server
from oneclick.storage import datasets, locks, model_cards, model_registry
from oneclick.storage.model_cards import ModelCard
from oneclick.storage.workspace import Workspace

if TYPE_CHECKING:
    from oneclick.training.config import TrainingConfig
    from oneclick.training.decision import PromotionDecision
    from oneclick.training.distributed import Precision
    from oneclick.training.gate import GateOptions
    from oneclick.training.shadow.trials import ShadowTrials

PASSES = 12
"""Passes over all images, unless they are fewer images than LEAST or more than MOST."""
LEAST, MOST = 7_200, 240_000
"""Images in all steps together, at an effort of 1."""


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
    """Images a step, over all processes together; 0 follows from `model`."""
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
    alone: bool = False
    """It is compared with no champion, and serves only where somebody promotes it by hand."""
    shadow: Literal["off", "report", "demand"] = "off"
    """Whether the gate reports, or demands, what a candidate does beside the champion in shadow."""
    shadow_hours: float = training_defaults.SHADOW_HOURS
    """Time that both must have looked at, over all cameras."""
    shadow_margin: float = training_defaults.SHADOW_MARGIN
    """Share of the champion's rates by which the candidate may be worse there."""

    @property
    def registry_name(self) -> str:
        """Return the labeller whose place in model_registry the model may take; "" the champion."""
        return self.model if self.labeller else ""

    def gate_options(self) -> GateOptions:
        """Return the margins and least sizes of the gate."""
        from oneclick.training.gate import GateOptions

        return GateOptions(margin=self.margin, min_test_images=self.min_test_images)

    def shadow_trials(self, workspace: Workspace) -> ShadowTrials:
        """Return what the gate asks of candidates before they serve cameras."""
        from oneclick.training.gate.shadow import ShadowOptions
        from oneclick.training.shadow.trials import ShadowTrials

        return ShadowTrials(
            workspace=workspace,
            mode=self.shadow,
            options=ShadowOptions(hours=self.shadow_hours, margin=self.shadow_margin),
            gate=self.gate_options(),
            classes=self.classes,
            device=self.device,
            root=training_server.local_root(workspace.home, self.server),
            max_broken=self.max_broken,
        )

    @property
    def images_per_step(self) -> int:
        """Return the images a step that are set, or those that suit the architecture."""
        return self.batch or networks.batch(self.model)

    def steps_for(self, dataset: DatasetVersion, excluded: Collection[str] = ()) -> int:
        """Return the steps that are set, or those that the images and the effort call for."""
        if self.steps:
            return self.steps
        clips = [clip for clip in dataset.side("train") if clip.clip not in excluded]
        images = sum(-(-clip.frames // self.stride) for clip in clips)
        seen = min(max(PASSES * images, LEAST), MOST)
        return max(1, round(seen // self.images_per_step * self.effort))

    def config_for(self, dataset: DatasetVersion, excluded: Collection[str] = ()) -> TrainingConfig:
        """Return the hyperparameters of a training on this version, without `excluded` clips."""
        from oneclick.training.config import TrainingConfig

        return TrainingConfig(
            arch=self.model,
            classes=self.classes,
            steps=self.steps_for(dataset, excluded),
            batch=self.images_per_step,
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


@dataclass(frozen=True)
class JudgedModel:
    """A model of a training, as the gate judged it."""

    card: ModelCard
    decision: PromotionDecision
    trained: bool = False
    """It was trained now, or had not been judged."""
    judged: bool = False
    """It was judged now."""


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
    """Clips of the version that were left out: excluded, rejected or quarantined ones."""
    settled: tuple[str, ...] = ()
    """What became of candidates that waited in shadow, a sentence each."""


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
        trials = None if options.labeller else options.shadow_trials(workspace)
        if trials:
            trials.settle()
        model = train_and_judge(workspace, dataset, options, trials)
        card, decision = model.card, model.decision
        with Catalog.open(home) as catalog:
            catalog.add_model(card.id, dataset.name, msgspec.to_builtins(card))
        if trials:
            decision = trials.follow(card, decision, model.judged)
        else:
            serve_labeller(workspace, card.id, decision, registry_name)
    return TrainingResult(
        model=card.id,
        dataset=dataset.name,
        metrics=card.metrics,
        champion_before=decision.champion,
        champion_metrics=decision.champion_metrics,
        decision=decision.verdict,
        reasons=decision.reasons,
        trained=model.trained,
        broken=card.broken,
        excluded=tuple(card.config.get("excluded", ())),
        settled=tuple(trials.sentences) if trials else (),
    )


def serve_labeller(
    workspace: Workspace, model: str, decision: PromotionDecision, registry_name: str
) -> None:
    """Put a labeller that is to be promoted into service; one that was rolled back stays so."""
    was_in_service = model_registry.was_in_service(workspace, model, registry_name)
    if decision.verdict == "promote" and not was_in_service:
        model_registry.promote(
            workspace, model, decision.reasons[-1], registry_name, instead_of=decision.champion
        )


def train_and_judge(
    workspace: Workspace,
    dataset: DatasetVersion,
    options: TrainOptions,
    trials: ShadowTrials | None = None,
) -> JudgedModel:
    """Train and judge a model, as far as that was not done before.

    A model of the same configuration and dataset that exists is not trained again, but judged
    again where another champion serves, or where it was judged for another place.
    """
    from oneclick.training import decision as decisions
    from oneclick.training import launch
    from oneclick.training.config import Equipment, TrainingPaths, model_id
    from oneclick.training.shadow.trials import waits_in_shadow

    clip_ids = {clip.clip for clip in dataset.clips}
    with Catalog.open(workspace.home) as catalog:
        withdrawn = withdrawals.withdrawn_clips(catalog) & clip_ids
    config = options.config_for(dataset, withdrawn)
    folder = workspace.model_dir(model_id(config, dataset.name))
    role = options.registry_name
    champion = model_registry.champion(workspace, role)
    compared = None if options.alone else champion
    card = model_cards.read(folder)
    earlier = decisions.read(card, folder) if card else None
    served = model_registry.was_in_service(workspace, folder.name, role)
    is_whole = card is not None and model_cards.has_weights(folder)
    # A killed promotion is made good, but never against a champion that nobody compared.
    is_valid = earlier is not None and (
        served
        or earlier.is_leak
        or (earlier.role in (None, role) and (earlier.champion == compared or earlier.is_replaced))
    )
    if card and earlier and is_whole and is_valid:
        return JudgedModel(card, earlier if served else withhold(earlier, champion, options))
    parent = workspace.model_dir(compared) if compared else None
    if champion == folder.name and not is_whole:  # its weights are lost: from where it started
        start = workspace.model_dir(card.parent) if card and card.parent else None
        parent = start if start and model_cards.has_weights(start) else None
    if parent:
        check_champion(workspace, parent, options)
    root = training_server.local_root(workspace.home, options.server)
    paths = TrainingPaths(root, folder.parent, parent)
    equipment = Equipment(options.device, options.workers, max_broken=options.max_broken)
    trained = launch.run(config, dataset.name, paths, equipment, options.processes)
    is_same = card is not None and trained.card.weights == card.weights
    if earlier and is_valid and is_same:
        decision = earlier  # the weights that were judged are back
    else:
        decision = decisions.judge(
            workspace,
            dataset,
            config,
            paths,
            trained.card.id,
            options=options.gate_options(),
            tested=trained.tested,
            max_broken=options.max_broken,
            role=role,
        )
        if trials:
            decision = trials.demand(decision)
        decision = withhold(decision, champion, options)
    judged_card = trained.card
    if not (role and waits_in_shadow(judged_card)):  # it waits for the place of the champion
        fields = msgspec.to_builtins(decision)
        judged_card = msgspec.structs.replace(judged_card, decision=fields)
        model_cards.write(folder, judged_card)
    is_new = not (earlier and is_whole)
    return JudgedModel(judged_card, decision, trained=is_new, judged=True)


def check_champion(workspace: Workspace, folder: Path, options: TrainOptions) -> None:
    """Check that a candidate can be compared with the champion, before it is trained.

    Raises:
        UsageError: the champion has other classes. BadInput: it is broken.
    """
    from oneclick.training import decision as decisions

    card = model_cards.read(folder)
    has_earlier = model_registry.has_earlier(workspace, options.registry_name)
    if card and not has_earlier and not model_cards.has_weights(folder):
        raise BadInput(
            f"{folder / model_cards.WEIGHTS_FILE} is missing or was changed after training, and no "
            "earlier model has served: restore it, train it again (oneclick train --data "
            f"{card.dataset.name} with its settings), or put another into service "
            "(oneclick models promote MODEL; oneclick train --alone makes one)"
        )
    decisions.check_comparable(folder, options.classes)


def withhold(
    decision: PromotionDecision, champion: str | None, options: TrainOptions
) -> PromotionDecision:
    """Return that a model which was compared with no champion waits for somebody to promote it."""
    if not (options.alone and champion and decision.verdict == "promote"):
        return decision
    suffix = f" --labeller {options.model}" if options.labeller else ""
    reason = f"not compared with {champion}: oneclick models promote MODEL{suffix} takes it"
    return msgspec.structs.replace(
        decision, verdict="not enough evidence", reasons=(*decision.reasons, reason)
    )

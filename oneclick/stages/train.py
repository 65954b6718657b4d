"""Train: a DatasetVersion → a Candidate, judged against the Champion; the better one serves."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import msgspec

from oneclick.catalog import Catalog
from oneclick.core.datasets import DatasetVersion
from oneclick.core.errors import UsageError
from oneclick.services import training_server
from oneclick.storage import datasets, model_registry
from oneclick.storage.workspace import Workspace

if TYPE_CHECKING:
    from oneclick.training import gate, model
    from oneclick.training.config import Config, Equipment, Places
    from oneclick.training.distributed import Precision
    from oneclick.training.evaluation import evaluate
    from oneclick.training.train import Trained


@dataclass(frozen=True)
class TrainOptions:
    """Plain values from the settings."""

    server: str = ""
    """fsspec URL of the training server; empty means `training-server` in the workspace."""
    model: str = "fcos-tiny"
    steps: int = 0
    """0 follows from the number of images and `effort`."""
    effort: float = 1.0
    """Quality against time: twice the effort is twice the steps."""
    batch: int = 4
    at_once: int = 8
    stride: int = 2
    origins: Mapping[str, float] = field(default_factory=dict)
    draw: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0
    labeller: bool = False
    """The model labels and serves no camera: it is judged beside the labeller of its kind."""
    pretrained: bool = True
    precision: str = "auto"
    device: str = "auto"
    processes: int = 0
    workers: int | None = None
    margin: float = 0.0
    """mAP by which a candidate must beat the champion."""
    min_test_images: int = 20
    classes: tuple[str, ...] = ("person",)

    @property
    def reign(self) -> str:
        """Whose place the model is to take, in words of io.registry."""
        return self.model if self.labeller else ""


@dataclass(frozen=True)
class Outcome:
    """What came of it; the model's card holds the same for ever."""

    model: str | None
    """None where there is no dataset version."""
    dataset: str | None
    metrics: dict[str, float]
    """training.evaluate.Metrics of the candidate on the test clips."""
    champion_before: str | None
    champion_metrics: dict[str, float] | None
    """The champion on the same test clips."""
    decision: str
    """promote, refuse or not enough evidence; empty without a model."""
    reasons: tuple[str, ...]
    trained: bool
    """False where this model was trained and judged before."""


class Ruling(msgspec.Struct, frozen=True):
    """The `decision` of a card."""

    verdict: str
    reasons: tuple[str, ...]
    rows: tuple[dict[str, Any], ...]
    """training.gate.Row: candidate, then champion; `name` is the model id."""
    champion: str | None
    """Champion at that time."""
    champion_metrics: dict[str, float] | None
    at: datetime
    """UTC."""
    slices: tuple[dict[str, Any], ...] = ()
    """training.gate.SliceRow: the whole, then the slices, worst first."""
    classes: tuple[dict[str, Any], ...] = ()
    """training.evaluate.ClassScore of the candidate."""
    worst: tuple[dict[str, Any], ...] = ()
    """training.mistakes.WorstClip of the candidate."""


def options(settings: Any, **changes: object) -> TrainOptions:
    """Options from the settings; changes of None do not count."""
    chosen = {name: value for name, value in changes.items() if value is not None}
    given = settings.train.model_dump() | {"classes": settings.classes}
    given |= {"device": settings.detect.device, "labeller": False} | chosen
    return TrainOptions(**{name: given[name] for name in TrainOptions.__dataclass_fields__})


def train(home: Path, version: str | None, options: TrainOptions) -> Outcome:
    """Train on a version (default: the newest), judge, promote; all of it once.

    Raises:
        UnknownName: no version or architecture of that name.
        UsageError: nothing to train on. BadInput: a file on the training server is broken.
    """
    workspace = Workspace(home)
    dataset = datasets.find(workspace, version)
    if dataset is None:
        reason = "nothing to train on: no dataset version was published yet"
        reigning = model_registry.champion(workspace, options.reign)
        return Outcome(None, None, {}, reigning, None, "", (reason,), False)
    card, ruling, fresh = _rule(workspace, dataset, options)
    with Catalog.open(home) as catalog:
        catalog.add_model(card.id, dataset.name, msgspec.to_builtins(card))
    # A champion that was rolled back stays so: only a model that never served is put into service.
    reign = options.reign
    if ruling.verdict == "promote" and not model_registry.served(workspace, card.id, reign):
        model_registry.promote(workspace, card.id, ruling.reasons[-1], reign)
    return Outcome(
        card.id,
        dataset.name,
        card.metrics,
        ruling.champion,
        ruling.champion_metrics,
        ruling.verdict,
        ruling.reasons,
        fresh,
    )


def _rule(
    workspace: Workspace, dataset: DatasetVersion, options: TrainOptions
) -> tuple[model.Card, Ruling, bool]:
    """The card with its decision, found or made; whether it was made now."""
    from oneclick.training import launch, model
    from oneclick.training.config import Places, model_id

    config = _config(options, dataset)
    folder = workspace.model_dir(model_id(config, dataset.name))
    done = model.read_card(folder)
    if done and done.decision:
        return done, msgspec.convert(done.decision, Ruling), False
    champion = model_registry.champion(workspace, options.reign)
    parent = workspace.model_dir(champion) if champion else None
    root = training_server.local_root(workspace.home, options.server)
    places = Places(root, folder.parent, parent)
    trained = launch.run(config, dataset.name, places, _equipment(options), options.processes)
    ruling = _judge(workspace, dataset, config, places, trained, options)
    card = msgspec.structs.replace(trained.card, decision=msgspec.to_builtins(ruling))
    model.write_card(folder, card)
    return card, ruling, True


def _judge(
    workspace: Workspace,
    dataset: DatasetVersion,
    config: Config,
    places: Places,
    trained: Trained,
    options: TrainOptions,
) -> Ruling:
    """Candidate and champion on the same test clips, and the gate's word."""
    from oneclick.training import gate

    name = trained.card.id
    candidate = trained.tested or _tested(config, dataset, places, places.models / name)
    champion = _tested(config, dataset, places, places.parent) if places.parent else None
    trained_on = _trained_on(workspace, dataset, places.parent)
    rule = gate.Options(margin=options.margin, min_test_images=options.min_test_images)
    decision = gate.decide(candidate, champion, trained_on, rule)
    return Ruling(
        decision.verdict,
        decision.reasons,
        _rows(decision, name, places.parent),
        places.parent.name if places.parent else None,
        asdict(champion.metrics) if champion else None,
        datetime.now(UTC),
        tuple(asdict(row) for row in decision.slices),
        tuple(asdict(row) for row in candidate.classes),
        tuple(asdict(row) for row in candidate.worst),
    )


def _tested(
    config: Config, dataset: DatasetVersion, places: Places, folder: Path
) -> evaluate.Evaluation:
    from oneclick.training import model
    from oneclick.training import train as training

    network, card = model.load(folder)
    if config.classes[: len(card.classes)] != card.classes:
        raise UsageError(
            f"model {card.id} knows the classes {list(card.classes)}, the settings say "
            f"{list(config.classes)}: keep their order and add new ones at the end"
        )
    own = replace(config, arch=card.arch)  # each model sees images at its own size
    return training.examine(network, own, dataset, places, card.threshold)


def _trained_on(
    workspace: Workspace, dataset: DatasetVersion, parent: Path | None
) -> Collection[str]:
    """Clips that the candidate or the champion learnt from; also test clips that show the same."""
    learnt = list(dataset.side("train"))
    for version in _lineage(parent):
        before = datasets.find(workspace, version)
        learnt += before.side("train") if before else ()
    films = {clip.clip_digest for clip in learnt}
    copies = {clip.clip for clip in dataset.side("test") if clip.clip_digest in films}
    return {clip.clip for clip in learnt} | copies


def _lineage(parent: Path | None) -> list[str]:
    """Dataset versions behind a model: its own, its parent's, and so on."""
    from oneclick.training import model

    versions: list[str] = []
    while parent and (card := model.read_card(parent)):
        versions.append(card.dataset.name)
        parent = parent.parent / card.parent if card.parent else None
    return list(dict.fromkeys(versions))


def _rows(decision: gate.Decision, card: str, parent: Path | None) -> tuple[dict[str, Any], ...]:
    names = {"candidate": card, "champion": parent.name if parent else ""}
    return tuple(asdict(row) | {"name": names[row.name]} for row in decision.rows)


PASSES = 12
"""How often training walks over all images, unless that is too little or too much."""
LEAST, MOST = 300, 30_000
"""Steps."""


def _steps(options: TrainOptions, dataset: DatasetVersion) -> int:
    """As many as asked for, or what the images and the effort call for."""
    if options.steps:
        return options.steps
    images = sum(-(-clip.frames // options.stride) for clip in dataset.side("train"))
    walks = min(max(PASSES * images // options.batch, LEAST), MOST)
    return max(1, round(walks * options.effort))


def _config(options: TrainOptions, dataset: DatasetVersion) -> Config:
    from oneclick.training.config import Config

    return Config(
        arch=options.model,
        classes=options.classes,
        steps=_steps(options, dataset),
        batch=options.batch,
        at_once=options.at_once,
        stride=options.stride,
        origins=dict(options.origins),
        draw=dict(options.draw),
        seed=options.seed,
        pretrained=options.pretrained,
        precision=cast("Precision", options.precision),
    )


def _equipment(options: TrainOptions) -> Equipment:
    from oneclick.training.config import Equipment

    return Equipment(options.device, options.workers)

"""The decision about a Candidate: both models are evaluated on the same test clips, and judged."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from oneclick.catalog import Catalog
from oneclick.core import split_leaks, training_defaults
from oneclick.core.datasets import DatasetClip, DatasetVersion
from oneclick.core.errors import BadInput, UsageError
from oneclick.core.evaluation import ShadowEvidence
from oneclick.storage import datasets, model_cards
from oneclick.storage.model_cards import ModelCard
from oneclick.storage.workspace import Workspace
from oneclick.training import gate
from oneclick.training.config import TrainingConfig, TrainingPaths
from oneclick.training.evaluation.evaluate import Evaluation
from oneclick.training.gate import GateOptions

LEAK = "test clips were in training"
"""Part of the reason of the gate that no other champion changes."""


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
    shadow: ShadowEvidence | None = None
    """What was seen of both models in shadow; None where the gate did not look there."""
    role: str | None = None
    """Labeller whose place it was judged for, "" for the champion's; None on older cards."""

    @property
    def is_replaced(self) -> bool:
        """Check whether a newer candidate took the model's place in shadow."""
        is_over = self.shadow is not None and self.shadow.state == "ended"
        return is_over and self.verdict != "promote"

    @property
    def is_leak(self) -> bool:
        """Check whether it refuses the model because test clips were in training."""
        return self.verdict == "refuse" and any(LEAK in reason for reason in self.reasons)


def judge(
    workspace: Workspace,
    dataset: DatasetVersion,
    config: TrainingConfig,
    paths: TrainingPaths,
    name: str,
    *,
    options: GateOptions,
    tested: Evaluation | None = None,
    max_broken: float = training_defaults.MAX_BROKEN,
    role: str = "",
) -> PromotionDecision:
    """Evaluate candidate and champion on the same test clips and apply the gate.

    Test clips that show the moment of a clip that one of them was trained on are left out.

    Args:
        workspace: that holds the dataset versions.
        dataset: that the candidate was trained on.
        config: of the candidate.
        paths: of the training; its parent is the champion.
        name: id of the candidate.
        options: of the gate.
        tested: evaluation of the candidate, where its training made one.
        max_broken: as in `evaluate_model`.
        role: labeller whose place it is judged for; "" for the champion's.
    """
    parent, limit = paths.parent, max_broken
    # The candidate need not come from this champion: another may have served when it was trained.
    folders = (parent, paths.models / name)
    seen = seen_test_clips(workspace, dataset, folders)
    if seen:
        config = replace(config, excluded=tuple(sorted({*config.excluded, *seen})))
        tested = None
    candidate = tested or evaluate_model(
        config, dataset, paths, paths.models / name, max_broken=limit
    )
    champion = None
    if parent:
        champion = evaluate_model(config, dataset, paths, parent, max_broken=limit)
    known_clips = {
        clip for folder in folders for clip in training_clips(workspace, dataset, folder)
    }
    decision = gate.decide(candidate, champion, known_clips, options)
    names = {"candidate": name, "champion": parent.name if parent else ""}
    return PromotionDecision(
        verdict=decision.verdict,
        reasons=(*_describe_seen(seen), *decision.reasons),
        rows=tuple(asdict(row) | {"name": names[row.name]} for row in decision.rows),
        champion=parent.name if parent else None,
        champion_metrics=asdict(champion.metrics) if champion else None,
        at=datetime.now(UTC),
        slices=tuple(asdict(row) for row in decision.slices),
        classes=tuple(asdict(row) for row in candidate.classes),
        worst=tuple(asdict(row) for row in candidate.worst),
        role=role,
    )


def read(card: ModelCard, folder: Path) -> PromotionDecision | None:
    """Return the decision of a model's card; None before the gate has judged.

    Raises:
        BadInput: the decision lacks fields, as a card of a training elsewhere may.
    """
    if not card.decision:
        return None
    try:
        return msgspec.convert(card.decision, PromotionDecision)
    except msgspec.ValidationError as error:
        raise BadInput(
            f"{folder / model_cards.CARD_FILE}: its decision is broken ({error}): restore the "
            "file, or remove `decision` from it to have the model judged again"
        ) from None


def check_comparable(champion: Path, classes: tuple[str, ...]) -> None:
    """Check that a model of these classes can be compared with the champion, before it is trained.

    Raises:
        UsageError: the champion has other classes.
        BadInput: its files, or a card that it goes back to, are broken.
    """
    from oneclick.training import model

    _, card = model.load(champion)
    check_classes(card, classes)
    lineage(champion)


def check_classes(card: ModelCard, classes: tuple[str, ...]) -> None:
    """Check that the classes of a model are the first of `classes`. Raises UsageError."""
    if classes[: len(card.classes)] != card.classes:
        raise UsageError(
            f"model {card.id} knows the classes {list(card.classes)}, the settings say "
            f"{list(classes)}: keep their order and add new ones at the end, or train a model that "
            "is not compared (oneclick train --alone) and put it into service by hand "
            "(oneclick models promote)"
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
    check_classes(card, config.classes)
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
    clips = training_lines(workspace, dataset, parent)
    video_digests = {clip.clip_digest for clip in clips}
    copies = {clip.clip for clip in dataset.side("test") if clip.clip_digest in video_digests}
    return {clip.clip for clip in clips} | copies


def training_lines(
    workspace: Workspace, dataset: DatasetVersion, folder: Path | None
) -> list[DatasetClip]:
    """Return the training side of a version, and of those behind the model in a folder."""
    clips = list(dataset.side("train"))
    for version in lineage(folder):
        earlier = datasets.find(workspace, version)
        clips += earlier.side("train") if earlier else ()
    return clips


def seen_test_clips(
    workspace: Workspace, dataset: DatasetVersion, folders: Sequence[Path | None]
) -> dict[str, str]:
    """Return each test clip that shows the moment of a training clip, with that one.

    Args:
        workspace: whose catalog knows when clips were taken.
        dataset: with the test clips.
        folders: of the models that are compared; all that they were trained on counts.
    """
    lines = [line for each in folders for line in training_lines(workspace, dataset, each)]
    train, test = {line.clip for line in lines}, {line.clip for line in dataset.side("test")}
    with Catalog.open(workspace.home) as catalog:
        clips, videos = [row.clip for row in catalog.clips()], catalog.videos()
    return split_leaks.close_clips(
        [clip for clip in clips if clip.id in test - train],
        [clip for clip in clips if clip.id in train],
        videos,
    )


def _describe_seen(seen: Mapping[str, str]) -> list[str]:
    """Return a sentence about test clips that a model has seen; none where there are none."""
    if not seen:
        return []
    test_clip, training_clip = min(seen.items())
    return [
        f"{len(seen)} test clips are left out, for they show what training clips do; the first is "
        f"{test_clip}, beside {training_clip}"
    ]


def lineage(parent: Path | None) -> list[str]:
    """Return the dataset versions behind a model: its own, its parent's, and so on."""
    versions: list[str] = []
    while parent and (card := model_cards.read(parent)):
        versions.append(card.dataset.name)
        parent = parent.parent / card.parent if card.parent else None
    return list(dict.fromkeys(versions))

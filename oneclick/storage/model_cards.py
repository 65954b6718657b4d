"""Model cards: `card.json` beside the weights says what a model is and where it comes from."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from oneclick.core.errors import BadInput
from oneclick.storage import bounded_files, files, sealed_files

WEIGHTS_FILE, CARD_FILE = "model.pt", "card.json"


class TrainingDataset(msgspec.Struct, frozen=True):
    """The DatasetVersion that a model was trained on."""

    name: str
    digest: str


class ModelCard(msgspec.Struct, frozen=True, kw_only=True):
    """Identity, origin and test metrics of a model; its presence means the model is complete."""

    id: str
    arch: str
    classes: tuple[str, ...]
    size: tuple[int, int]
    """Height and width in px that images are fitted into."""
    threshold: float
    """Operating score: boxes below it are dropped."""
    dataset: TrainingDataset
    parent: str | None
    """Champion whose weights training started from."""
    config: dict[str, Any]
    code: str
    """Version of oneclick."""
    made_at: datetime
    """UTC."""
    seconds: float
    """Duration of training."""
    weights: str = ""
    """sha256 of model.pt; empty on cards of trainings elsewhere, whose weights are not checked."""
    metrics: dict[str, float]
    """core.evaluation.DetectionMetrics on the test clips of the dataset."""
    pretrained: bool = False
    """Whether the weights go back to weights that others published."""
    network: dict[str, Any] = {}
    """Configuration that the network is built from, where its name does not say all."""
    start: dict[str, Any] | None = None
    """What was taken over from published weights (detectors.networks.StartingWeights)."""
    cost: dict[str, Any] = {}
    """Latency per image and size of the model; empty on cards of earlier versions."""
    broken: tuple[str, ...] = ()
    """Pictures that were left out because they are broken, each with the reason."""
    decision: dict[str, Any] | None = None
    """The decision of the gate (see stages/train.py); None before the gate has judged."""


class _WeightsDigest(msgspec.Struct):
    """The field of a card by which its weights are checked."""

    weights: str = ""


def check_weights(folder: Path) -> None:
    """Check that model.pt is the file that training wrote, by its digest in the card.

    Raises:
        BadInput: it is missing or was changed, or the card is broken.
    """
    card: _WeightsDigest = sealed_files.read(folder / CARD_FILE, _WeightsDigest)
    path = folder / WEIGHTS_FILE
    if not card.weights:
        return
    if not path.exists():
        raise BadInput(f"{path} is missing: restore it, or oneclick models rollback")
    bounded_files.check_regular(path, bounded_files.ANY_SIZE)
    if files.sha256(path) != card.weights:
        raise BadInput(
            f"{path} was changed after training: restore it, or oneclick models rollback"
        )


def has_weights(folder: Path) -> bool:
    """Check whether model.pt is there and, where the card has its digest, as training wrote it."""
    if not ((folder / CARD_FILE).exists() and (folder / WEIGHTS_FILE).exists()):
        return False
    try:
        check_weights(folder)
    except BadInput:
        return False
    return True


def write(folder: Path, card: ModelCard) -> None:
    """Write `card.json` into a model's folder, after all its other files.

    Raises:
        NoSpace: the device is full.
        Unavailable: the folder cannot be written.
    """
    sealed_files.write(folder / CARD_FILE, card)


def read(folder: Path) -> ModelCard | None:
    """Read the card of a model's folder; None where there is no complete model.

    Raises:
        BadInput: the card is broken.
    """
    if not (folder / CARD_FILE).exists():
        return None
    card: ModelCard = sealed_files.read(folder / CARD_FILE, ModelCard)
    return card

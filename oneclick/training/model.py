"""Models on disk: `model.pt` (weights) and `card.json` (what they are and where they come from)."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from oneclick.core.errors import BadInput
from oneclick.detectors import networks, torchvision
from oneclick.storage import files

if TYPE_CHECKING:
    from torch import nn

WEIGHTS, CARD = "model.pt", "card.json"


class Source(msgspec.Struct, frozen=True):
    """The DatasetVersion a model was trained on."""

    name: str
    digest: str


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """What a model can testify about itself; its presence means that the model is complete."""

    id: str
    arch: str
    classes: tuple[str, ...]
    size: tuple[int, int]
    """Height and width in px that images are fitted into."""
    threshold: float
    """Operating score: boxes below it are no answer."""
    dataset: Source
    parent: str | None
    """Champion that training started from."""
    config: dict[str, Any]
    code: str
    """Version of oneclick."""
    made_at: datetime
    """UTC."""
    seconds: float
    """Time of training."""
    weights: str
    """sha256 of model.pt."""
    metrics: dict[str, float]
    """evaluate.Metrics on the test clips of the dataset."""
    pretrained: bool = False
    """Whether it goes back to weights learned on COCO."""
    cost: dict[str, Any] = {}
    """evaluate.Cost: time for an image and size; empty on cards of earlier versions."""
    decision: dict[str, Any] | None = None
    """What the gate said (see stages/train.py); None until it was asked."""


def save(folder: Path, weights: Mapping[str, Any]) -> str:
    """Write model.pt whole or not at all; its sha256."""
    import torch

    # A file's own name would end up in its bytes: equal weights must give equal digests.
    content = io.BytesIO()
    torch.save(dict(weights), content)
    files.write_atomic(folder / WEIGHTS, content.getvalue())
    return files.sha256(folder / WEIGHTS)


def write_card(folder: Path, card: Card) -> None:
    """Write card.json; it comes last."""
    files.write_json(folder / CARD, card)


def read_card(folder: Path) -> Card | None:
    """The card; None where there is no complete model.

    Raises:
        BadInput: the card is broken.
    """
    if not (folder / CARD).exists():
        return None
    card: Card = files.read_json(folder / CARD, Card)
    return card


def load(folder: Path) -> tuple[nn.Module, Card]:
    """A model ready to detect.

    Raises:
        BadInput: it is incomplete, or its weights are not those the card testifies to.
    """
    card = read_card(folder)
    path = folder / WEIGHTS
    if card is None or not path.exists():
        raise BadInput(f"{folder} holds no complete model: train again or roll back")
    if files.sha256(path) != card.weights:
        raise BadInput(
            f"{path} was changed after training: restore it, or oneclick models rollback"
        )
    network = networks.build(card.arch, card.classes)
    network.load_state_dict(_weights(path))
    return network.eval(), card


def start(
    arch: str, classes: tuple[str, ...], parent: Path | None, pretrained: bool = False
) -> tuple[nn.Module, bool]:
    """A network to train, and whether it starts from `parent`: only from one of the same build.

    Args:
        pretrained: else start from torchvision's COCO weights, but for the layers that name
            classes.

    Raises:
        DetectorUnavailable: these weights cannot be had.
    """
    network = networks.build(arch, classes)
    card = read_card(parent) if parent else None
    if parent is not None and card and (card.arch, card.classes) == (arch, classes):
        network.load_state_dict(_weights(parent / WEIGHTS))
        return network, True
    if pretrained and arch != networks.TINY:
        _adopt(network, torchvision.pretrained(arch))
    return network, False


def _adopt(network: nn.Module, weights: Mapping[str, Any]) -> None:
    """Take the tensors that fit; those that depend on the number of classes stay as they are."""
    own = network.state_dict()
    fit = {name: value for name, value in weights.items() if _same(own.get(name), value)}
    network.load_state_dict({**own, **fit})


def _same(mine: Any, other: Any) -> bool:
    return mine is not None and mine.shape == other.shape


def _weights(path: Path) -> dict[str, Any]:
    import torch

    found: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return found

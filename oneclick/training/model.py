"""Models on disk: `model.pt` (weights) and `card.json` (what they are and where they come from)."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oneclick.core.errors import BadInput
from oneclick.detectors import networks, own
from oneclick.detectors.networks import NetworkPlan
from oneclick.storage import files, model_cards
from oneclick.storage.model_cards import ModelCard
from oneclick.training.checkpoint import NetworkOrigin

if TYPE_CHECKING:
    from torch import nn


def save(folder: Path, weights: Mapping[str, Any]) -> str:
    """Write model.pt atomically and return its sha256.

    Raises:
        NoSpace: the device is full.
        Unavailable: the folder cannot be written.
    """
    import torch

    # A file's own name would end up in its bytes: equal weights must give equal digests.
    content = io.BytesIO()
    torch.save(dict(weights), content)
    files.write_atomic(folder / model_cards.WEIGHTS_FILE, content.getvalue())
    return files.sha256(folder / model_cards.WEIGHTS_FILE)


def load(folder: Path) -> tuple[nn.Module, ModelCard]:
    """Read a model, in evaluation mode on the CPU, and its card.

    Raises:
        BadInput: the model is incomplete, its weights do not have the card's digest, or they are
            not of its network.
    """
    card = model_cards.read(folder)
    path = folder / model_cards.WEIGHTS_FILE
    if card is None or not path.exists():
        raise BadInput(f"{folder} holds no complete model: train again or roll back")
    model_cards.check_weights(folder)
    network = networks.build(card.arch, card.classes, card.size, card.network)
    try:
        network.load_state_dict(_load_weights(path))
    except own.UNLOADABLE as error:
        line = (str(error).splitlines() or ["empty"])[0]
        raise BadInput(
            f"{path} does not load ({line}): restore it, or oneclick models rollback"
        ) from None
    return network.eval(), card


def initialize(
    arch: str, classes: tuple[str, ...], parent: Path | None, pretrained: bool = False
) -> tuple[nn.Module, NetworkOrigin]:
    """Build a network to train, and tell what it starts from.

    Args:
        parent: folder of a model; used only if it has the same architecture and classes.
        pretrained: otherwise start from published weights, where there are any. What depends on
            the classes keeps random values, except for classes that those weights know by name.

    Raises:
        DetectorUnavailable: the published weights cannot be downloaded.
        BadInput: the weights of the parent are not those that training wrote.
    """
    card = model_cards.read(parent) if parent else None
    if parent is not None and card and (card.arch, card.classes) == (arch, classes):
        network, _ = load(parent)
        plan = NetworkPlan(arch=arch, classes=classes, size=card.size, options=card.network)
        return network.train(), NetworkOrigin(plan=plan, parent=parent.name)
    plan = networks.plan(arch, classes)
    network = networks.build_plan(plan)
    start = networks.start(network, plan) if pretrained else None
    return network, NetworkOrigin(plan=plan, start=start)


def _load_weights(path: Path) -> dict[str, Any]:
    import torch

    weights: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return weights

"""`model:champion`, `model:ID` and `labeller:ARCHITECTURE`: what our own training made."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import msgspec

from oneclick.core.errors import BadInput, DetectorUnavailable, OneclickError
from oneclick.detectors import base, networks
from oneclick.detectors.pytorch import TorchDetector
from oneclick.storage import files, model_registry
from oneclick.storage.workspace import Workspace

CHAMPION = "champion"


class Card(msgspec.Struct, frozen=True):
    """What this detector reads of a model's card.json."""

    arch: str
    classes: tuple[str, ...]
    threshold: float
    weights: str
    """sha256 of model.pt."""


def load(model: str, workspace: Workspace | None, device: str = "auto") -> TorchDetector:
    """The champion or the model of that id, from the workspace.

    Raises:
        DetectorUnavailable: naming what is missing: the workspace, a champion, or the model's file.
    """
    if workspace is None:
        raise DetectorUnavailable(f"detector model:{model} needs a workspace; set --home")
    chosen = _champion(workspace) if model == CHAMPION else model
    return _detector(f"model:{model}", chosen, workspace, device)


def load_labeller(arch: str, workspace: Workspace | None, device: str = "auto") -> TorchDetector:
    """The network of that architecture that labels now. Raises as `load`."""
    chosen = model_registry.champion(workspace, arch) if workspace else None
    if workspace is None or chosen is None:
        raise DetectorUnavailable(
            f"detector labeller:{arch}: none was promoted yet; "
            f"oneclick train --model {arch} --labeller"
        )
    return _detector(f"labeller:{arch}", chosen, workspace, device)


def _detector(name: str, chosen: str, workspace: Workspace, device: str) -> TorchDetector:
    folder = workspace.model_dir(chosen)
    card = _card(name, folder)
    return TorchDetector(
        name,
        f"model-{chosen}",
        card.classes,
        card.threshold,
        _network(name, card, folder / "model.pt"),
        base.torch_device(device),
        first_label=1,
    )


def _champion(workspace: Workspace) -> str:
    champion = model_registry.champion(workspace)
    if champion is None:
        raise DetectorUnavailable(
            f"detector model:champion: no champion in {workspace.home} yet; "
            "train one first (oneclick train) or use opencv:hog"
        )
    return champion


def _card(name: str, folder: Path) -> Card:
    path = folder / "card.json"
    if not path.exists():
        raise DetectorUnavailable(
            f"detector {name}: {path} is missing; oneclick models list shows what there is"
        )
    try:
        card: Card = files.read_json(path, Card)
    except BadInput as error:
        raise DetectorUnavailable(f"detector {name}: {error}") from None
    return card


def _network(name: str, card: Card, path: Path) -> Any:
    import torch

    try:
        if files.sha256(path) != card.weights:
            raise ValueError("it was changed after training")
        network = networks.build(card.arch, card.classes)
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except FileNotFoundError:
        raise DetectorUnavailable(f"detector {name}: {path} is missing") from None
    except (OneclickError, OSError, ValueError, RuntimeError, pickle.UnpicklingError) as error:
        line = (str(error).splitlines() or ["empty"])[0]
        raise DetectorUnavailable(
            f"detector {name}: {path} does not load ({line}); oneclick models rollback"
        ) from None
    return network

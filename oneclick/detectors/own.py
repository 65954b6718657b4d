"""`model:champion`, `model:ID` and `labeller:ARCHITECTURE`: models from our own training."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import msgspec

from oneclick.core.errors import BadInput, DetectorUnavailable, OneclickError
from oneclick.detectors import base, networks
from oneclick.detectors.pytorch import TorchDetector
from oneclick.storage import model_cards, model_registry, sealed_files
from oneclick.storage.workspace import Workspace

CHAMPION = "champion"


class PartialModelCard(msgspec.Struct, frozen=True):
    """The fields of `storage.model_cards.ModelCard` that a detector needs.

    Cards that lack the others, from other versions or trainings, can be read too.
    """

    arch: str
    classes: tuple[str, ...]
    threshold: float
    size: tuple[int, int] | None = None
    """Height and width in px that images are fitted into; None is the architecture's own."""
    network: dict[str, Any] = {}
    """Configuration of a network whose name does not say all."""
    weights: str = ""
    """sha256 of model.pt; empty where it is not checked."""


def load(model: str, workspace: Workspace | None, device: str = "auto") -> TorchDetector:
    """Load the champion or the model of that id from the workspace.

    Raises:
        DetectorUnavailable: naming what is missing: the workspace, a champion, or the model's file.
        UsageError: if `device` is not there.
    """
    if workspace is None:
        raise DetectorUnavailable(f"detector model:{model} needs a workspace; set --home")
    model_id = model_registry.champion(workspace) if model == CHAMPION else model
    if model_id is None:
        raise DetectorUnavailable(
            f"detector model:champion: no champion in {workspace.home} yet; "
            "train one first (oneclick train) or use opencv:hog"
        )
    return load_model(f"model:{model}", model_id, workspace, device)


def load_labeller(arch: str, workspace: Workspace | None, device: str = "auto") -> TorchDetector:
    """Load the labeller in service of that architecture. Raises as `load`."""
    model_id = model_registry.champion(workspace, arch) if workspace else None
    if workspace is None or model_id is None:
        raise DetectorUnavailable(
            f"detector labeller:{arch}: none was promoted yet; "
            f"oneclick train --model {arch} --labeller"
        )
    return load_model(f"labeller:{arch}", model_id, workspace, device)


def load_model(name: str, model_id: str, workspace: Workspace, device: str) -> TorchDetector:
    """Load a model by its id, as the detector called `name`. Raises as `load`."""
    folder = workspace.model_dir(model_id)
    path = folder / model_cards.CARD_FILE
    if not path.exists():
        raise DetectorUnavailable(
            f"detector {name}: {path} is missing; oneclick models list shows what there is"
        )
    try:
        card: PartialModelCard = sealed_files.read(path, PartialModelCard)
    except BadInput as error:
        raise DetectorUnavailable(f"detector {name}: {error}") from None
    return TorchDetector(
        name=name,
        model_id=f"model-{model_id}",
        names=card.classes,
        threshold=card.threshold,
        network=load_network(name, card, folder / model_cards.WEIGHTS_FILE),
        device=base.torch_device(device),
        first_label=1,
    )


def load_network(name: str, card: PartialModelCard, path: Path) -> Any:
    """Build the network of a card with the weights in `path`, checked by their digest.

    Raises:
        DetectorUnavailable: the weights are missing, changed, or not of that architecture.
    """
    import torch

    try:
        if not path.exists():
            raise FileNotFoundError
        model_cards.check_weights(path.parent)
        network = networks.build(card.arch, card.classes, card.size, card.network)
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except FileNotFoundError:
        raise DetectorUnavailable(f"detector {name}: {path} is missing") from None
    except (OneclickError, OSError, ValueError, RuntimeError, pickle.UnpicklingError) as error:
        line = (str(error).splitlines() or ["empty"])[0]
        raise DetectorUnavailable(
            f"detector {name}: {path} does not load ({line}); oneclick models rollback"
        ) from None
    return network

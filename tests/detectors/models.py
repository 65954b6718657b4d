"""Models with random weights where the loaders look for trained ones."""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from oneclick.detectors import networks
from oneclick.storage import files, model_registry
from oneclick.storage.workspace import Workspace

SMALL = "ssdlite320_mobilenet_v3_large"


def train_nothing(
    workspace: Workspace, model: str, champion: bool = False, is_sure: bool = False
) -> Path:
    """An untrained fcos-tiny in `models/<model>`; its folder. A sure one finds much of anything."""
    import torch

    one_thread()
    torch.manual_seed(0)
    folder = workspace.model_dir(model)
    folder.mkdir(parents=True)
    weights = networks.build("fcos-tiny", ("person",)).state_dict()
    if is_sure:
        weights["head.classification_head.cls_logits.weight"] *= 100
        weights["head.classification_head.cls_logits.bias"].zero_()
        # Boxes of equal size would overlap each other by shares next to that of the suppression.
        weights["head.regression_head.bbox_reg.bias"].zero_()
    torch.save(weights, folder / "model.pt")
    card = {
        "id": model,
        "arch": "fcos-tiny",
        "classes": ["person"],
        "threshold": 0.4,
        "weights": files.sha256(folder / "model.pt"),
    }
    (folder / "card.json").write_text(json.dumps(card))
    if champion:
        model_registry.promote(workspace, model, "test")
    return folder


def one_thread() -> None:
    """Torch's threads wait by spinning: on a busy machine two are ten times slower than one."""
    import torch

    torch.set_num_threads(1)


def _calm(network: Any) -> dict[str, Any]:
    """Random weights that see only people, not all 90 classes in each of 3,000 places."""
    state: dict[str, Any] = network.state_dict()
    for name, value in state.items():
        if "classification_head" in name and value.ndim == 1 and len(value) % 91 == 0:
            value.view(-1, 91)[:, :2] = 8.0
    return state


@contextlib.contextmanager
def cached_weights(home: Path, content: bytes | None = None) -> Iterator[None]:
    """Torch's download cache in `home`, holding random weights (or `content`) for SMALL."""
    import torch
    from torchvision.models import get_model, get_model_weights

    one_thread()
    url = get_model_weights(SMALL).DEFAULT.url
    file = home / "hub" / "checkpoints" / url.rsplit("/", 1)[-1]
    file.parent.mkdir(parents=True)
    if content is None:
        torch.save(_calm(get_model(SMALL, weights=None, weights_backbone=None)), file)
    else:
        file.write_bytes(content)
    with mock.patch.dict(os.environ, {"TORCH_HOME": str(home)}):
        yield

"""Models with random weights where the loaders look for trained ones."""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

from oneclick.detectors import networks
from oneclick.io import files, registry
from oneclick.io.workspace import Workspace

SMALL = "ssdlite320_mobilenet_v3_large"


def train_nothing(workspace: Workspace, model: str, champion: bool = False) -> Path:
    """An untrained fcos-tiny in `models/<model>`; its folder."""
    import torch

    torch.manual_seed(0)
    folder = workspace.model_dir(model)
    folder.mkdir(parents=True)
    torch.save(networks.build("fcos-tiny", ("person",)).state_dict(), folder / "model.pt")
    card = {
        "id": model,
        "arch": "fcos-tiny",
        "classes": ["person"],
        "threshold": 0.4,
        "weights": files.sha256(folder / "model.pt"),
    }
    (folder / "card.json").write_text(json.dumps(card))
    if champion:
        registry.promote(workspace, model, "test")
    return folder


@contextlib.contextmanager
def cached_weights(home: Path, content: bytes | None = None) -> Iterator[None]:
    """Torch's download cache in `home`, holding random weights (or `content`) for SMALL."""
    import torch
    from torchvision.models import get_model, get_model_weights

    url = get_model_weights(SMALL).DEFAULT.url
    file = home / "hub" / "checkpoints" / url.rsplit("/", 1)[-1]
    file.parent.mkdir(parents=True)
    if content is None:
        network = get_model(SMALL, weights=None, weights_backbone=None)
        torch.save(network.state_dict(), file)
    else:
        file.write_bytes(content)
    with mock.patch.dict(os.environ, {"TORCH_HOME": str(home)}):
        yield

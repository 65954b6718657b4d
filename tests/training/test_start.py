"""Where the weights of a new network come from."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torchvision.models import get_model, get_model_weights

from oneclick.core.errors import DetectorUnavailable
from oneclick.detectors import networks
from oneclick.training import loop, model
from oneclick.training.config import TrainingConfig
from oneclick.training.distributed import ProcessContext
from tests.training import toy

ARCH = "ssdlite320_mobilenet_v3_large"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Torch's cache of downloads; nothing can be downloaded."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("torch.hub.download_url_to_file", _away)
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


def _away(*_: object, **__: object) -> None:
    raise OSError("no route to host")


def test_a_network_of_torchvision_starts_from_its_coco_weights(hub: Path) -> None:
    torch.manual_seed(1)
    coco = get_model(ARCH, weights=None, weights_backbone=None).state_dict()
    url = get_model_weights(ARCH).DEFAULT.url
    torch.save(coco, hub / url.rsplit("/", 1)[-1])
    network, origin = model.initialize(ARCH, ("person",), None, pretrained=True)
    assert origin.parent is None
    assert origin.start
    assert origin.start.source == f"torchvision:{ARCH}"
    assert origin.start.classes == ()
    state = network.state_dict()
    adopted = [name for name, value in state.items() if torch.equal(value, coco[name])]
    other = sorted({name.split(".module_list")[0] for name in state.keys() - set(adopted)})
    assert len(adopted) > 0.9 * len(state)
    assert all("classification_head" in name for name in other)
    assert set(origin.start.fresh) == state.keys() - set(adopted)


def test_weights_that_cannot_be_had_are_named(hub: Path) -> None:
    with pytest.raises(DetectorUnavailable, match=rf"{ARCH}: cannot download .* \(no route"):
        model.initialize(ARCH, ("person",), None, pretrained=True)
    assert model.initialize(ARCH, ("person",), None, pretrained=False)
    assert not TrainingConfig().from_published
    assert TrainingConfig(arch=ARCH).from_published


def test_frozen_normalisation_stays_what_it_was(tmp_path: Path) -> None:
    network = networks.build(networks.TINY, ("person",))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    schedule = loop.Schedule(
        steps=1, lr=0.1, warmup=1, weight_decay=0.0, clip=1.0, ema=0.0, frozen_norm=True
    )
    training = loop.Trainer(network, schedule, ProcessContext(torch.device("cpu")))
    training.step(0, [toy.batch(tmp_path)])
    norms = {n for n, part in network.named_modules() if isinstance(part, torch.nn.BatchNorm2d)}
    for name, value in network.state_dict().items():
        module = name.rpartition(".")[0]
        assert torch.equal(value, before[name]) == (module in norms), name

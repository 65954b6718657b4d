from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from oneclick.core.errors import UnknownName
from oneclick.detectors import networks


@given(st.integers(1, 4000), st.integers(1, 4000))
def test_a_fitted_size_fits_and_fits_itself(height: int, width: int) -> None:
    h, w = networks.fitted_size(networks.TINY_SIZE, height, width)
    assert min(h, w) <= 192
    assert max(h, w) <= 320
    assert networks.fitted_size(networks.TINY_SIZE, h, w) == (h, w)


def test_an_unknown_architecture_is_refused_with_the_names_that_exist() -> None:
    with pytest.raises(UnknownName, match="fcos-tiny"):
        networks.build("fcos-huge", ("person",))


@pytest.mark.parametrize("arch", ["maskrcnn_resnet50_fpn", "keypointrcnn_resnet50_fpn"])
def test_a_network_whose_loss_needs_more_than_boxes_is_not_offered(arch: str) -> None:
    with pytest.raises(UnknownName, match=r"known: .*fasterrcnn_resnet50_fpn") as raised:
        networks.plan(arch, ("person",))
    assert arch not in str(raised.value).partition("known:")[2]


def test_the_tiny_network_speaks_torchvisions_interface_at_any_image_size() -> None:
    torch.manual_seed(0)
    network = networks.build("fcos-tiny", ("person", "chair")).eval()
    with torch.no_grad():
        outputs = network([torch.rand(3, 240, 426), torch.rand(3, 500, 300)])
    for output in outputs:
        assert output.keys() == {"boxes", "scores", "labels"}
        assert output["boxes"].shape == (len(output["scores"]), 4)


@pytest.mark.parametrize("arch", ["fcos-tiny", "fcos_resnet50_fpn"])
def test_new_boxes_of_fcos_have_a_size_so_that_the_loss_reaches_them(arch: str) -> None:
    for seed in range(3):
        torch.manual_seed(seed)
        regression = networks.build(arch, ("person",)).get_submodule("head.regression_head")
        channels = regression.get_parameter("bbox_reg.weight").shape[1]
        with torch.no_grad():
            distances, _ = regression([torch.randn(1, channels, 6, 10)])
        assert (distances > 0).all()


def test_an_image_that_fits_enters_the_network_unchanged() -> None:
    network = networks.build("fcos-tiny", ("person",))
    image = torch.rand(3, 180, 320)
    batch, _ = network.get_submodule("transform")([image])
    assert batch.image_sizes == [(180, 320)]
    mean = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
    restored = batch.tensors[0, :, :180] * torch.tensor([0.229, 0.224, 0.225])[:, None, None] + mean
    np.testing.assert_allclose(restored.numpy(), image.numpy(), atol=1e-5)

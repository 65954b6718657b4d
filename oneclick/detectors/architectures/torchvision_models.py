"""`fcos-tiny`, and the detection networks of torchvision by their own names."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from oneclick.core.errors import UnknownName
from oneclick.detectors import torchvision
from oneclick.detectors.architectures import base
from oneclick.detectors.architectures.base import NetworkPlan, PublishedWeights

if TYPE_CHECKING:
    from torch import nn

TINY = "fcos-tiny"
"""Trains from random weights in a minute on two CPU cores."""
TINY_SIZE = (192, 320)
BEYOND_BOXES = ("maskrcnn", "keypointrcnn")
"""Beginnings of the names of networks whose loss needs masks or keypoints, which labels lack."""
WIDTH = 64
"""Channels of the feature pyramid."""


def names() -> list[str]:
    """Return the names of this family: all that can be trained on boxes."""
    from torchvision.models import detection, list_models

    models = list_models(module=detection)
    return [TINY, *(name for name in models if not name.startswith(BEYOND_BOXES))]


def plan(arch: str, classes: tuple[str, ...]) -> NetworkPlan:
    """Plan a network; its name says all.

    Raises:
        UnknownName: nothing is called `arch`.
    """
    if arch not in names():
        raise UnknownName("architecture", arch, [*names(), "transformers:REPO"])
    size = TINY_SIZE if arch == TINY else base.LARGE_SIZE
    return NetworkPlan(arch=arch, classes=classes, size=size)


def build(network_plan: NetworkPlan) -> nn.Module:
    """Build the network with random weights; nothing is downloaded."""
    from torchvision.models import get_model

    arch, labels = network_plan.arch, len(network_plan.classes) + 1
    if arch == TINY:
        network = fcos_tiny(labels)
    else:
        network = get_model(arch, weights=None, weights_backbone=None, num_classes=labels)
    if "fcos" in arch:
        open_regression(network)
    if not arch.startswith("ssd"):  # the SSDs bring a fixed size of their own
        network.transform = input_transform(network_plan.size)
    return network


def published(network_plan: NetworkPlan) -> PublishedWeights | None:
    """Return the COCO weights of a network; None for the one that has none.

    Their head is not taken over: its shape depends on the number of classes.

    Raises:
        DetectorUnavailable: they cannot be downloaded, or are broken in torch's cache.
    """
    arch = network_plan.arch
    if arch == TINY:
        return None
    return PublishedWeights(source=f"torchvision:{arch}", tensors=torchvision.pretrained(arch))


def fcos_tiny(labels: int) -> nn.Module:
    """Build FCOS on a MobileNetV3-small pyramid with strides 8, 16 and 32: 0.4 M weights."""
    from torch.nn import BatchNorm2d
    from torchvision.models import mobilenet_v3_small
    from torchvision.models.detection.anchor_utils import AnchorGenerator
    from torchvision.models.detection.backbone_utils import BackboneWithFPN
    from torchvision.models.detection.fcos import FCOS, FCOSHead

    # MobileNet's own memory of 100 steps is longer than a whole short training.
    norm = partial(BatchNorm2d, eps=0.001, momentum=0.1)
    features = mobilenet_v3_small(weights=None, norm_layer=norm).features
    backbone = BackboneWithFPN(features, {"3": "0", "8": "1"}, [24, 48], WIDTH)
    anchors = AnchorGenerator(((16,), (32,), (64,)), ((1.0,),) * 3)
    network: nn.Module = FCOS(
        backbone,
        labels,
        anchor_generator=anchors,
        # Two layers instead of four: a fifth less time a step, and no worse after 100 steps.
        head=FCOSHead(WIDTH, 1, labels, num_convs=2),
        score_thresh=base.LOWEST_SCORE,
        topk_candidates=200,
        detections_per_img=50,
    )
    return network


def open_regression(network: nn.Module) -> None:
    """Let the boxes of an FCOS with random weights begin with a size, in place.

    Distances to the sides of a box pass a ReLU. Around 0 it has no gradient where they are below,
    and with some seeds all of them soon are, for good; torchvision begins at 0.
    """
    from torch.nn import init

    init.ones_(network.get_parameter("head.regression_head.bbox_reg.bias"))


def input_transform(size: tuple[int, int]) -> nn.Module:
    """Build torchvision's input transform with anti-aliasing; images that fit pass unchanged.

    Without anti-aliasing a 1080p frame loses 5 of 6 pixels, and thin far people with them.
    """
    from torchvision.models.detection.transform import GeneralizedRCNNTransform, resize_boxes

    class AntiAliasedTransform(GeneralizedRCNNTransform):  # type: ignore[misc]
        def resize(self, image: Any, target: Any = None) -> tuple[Any, Any]:
            old = tuple(image.shape[-2:])
            fitted = base.resize(image, size)
            if target is not None and fitted is not image:
                target["boxes"] = resize_boxes(target["boxes"], old, tuple(fitted.shape[-2:]))
            return fitted, target

    short, long = size
    return AntiAliasedTransform(short, long, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])

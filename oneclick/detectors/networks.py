"""Network architectures by name; `models/<id>/model.pt` holds their weights.

All have torchvision's detection interface: the input is a list of `(3, h, w)` float RGB images in
0–1; the output in evaluation is a list of `{"boxes", "scores", "labels"}`, boxes in pixels of the
input image. Label 0 is the background, label k is `classes[k - 1]`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from oneclick.core.errors import UnknownName

if TYPE_CHECKING:
    from torch import nn

TINY = "fcos-tiny"
"""Trains from random weights in a minute on two CPU cores."""
TINY_SIZE = (192, 320)
LARGE_SIZE = (480, 800)
WIDTH = 64
"""Channels of the feature pyramid."""
LOWEST_SCORE = 0.05


def architectures() -> list[str]:
    """Return the names that `build` accepts."""
    from torchvision.models import detection, list_models

    return [TINY, *list_models(module=detection)]


def input_size(arch: str) -> tuple[int, int]:
    """Return height and width in px of the landscape frame that images are fitted into."""
    return TINY_SIZE if arch == TINY else LARGE_SIZE


def fitted_size(arch: str, height: int, width: int) -> tuple[int, int]:
    """Return height and width of an image after fitting it into `input_size(arch)`.

    Proportions stay; a portrait image is fitted into the frame turned upright.

    An image of this size passes through the network's own resizing unchanged.
    """
    short, long = input_size(arch)
    scale = min(short / min(height, width), long / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def build(arch: str, classes: tuple[str, ...]) -> nn.Module:
    """Build a network with random weights; nothing is downloaded.

    Raises:
        UnknownName: nothing is called `arch`.
    """
    from torchvision.models import get_model

    labels = len(classes) + 1
    if arch == TINY:
        network = fcos_tiny(labels)
    elif arch in architectures():
        network = get_model(arch, weights=None, weights_backbone=None, num_classes=labels)
    else:
        raise UnknownName("architecture", arch, architectures())
    if not arch.startswith("ssd"):  # the SSDs bring a fixed size of their own
        network.transform = input_transform(arch)
    return network


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
        score_thresh=LOWEST_SCORE,
        topk_candidates=200,
        detections_per_img=50,
    )
    return network


def input_transform(arch: str) -> nn.Module:
    """Build torchvision's input transform with anti-aliasing; images that fit pass unchanged.

    Without anti-aliasing a 1080p frame loses 5 of 6 pixels, and thin far people with them.
    """
    from torch.nn import functional
    from torchvision.models.detection.transform import GeneralizedRCNNTransform, resize_boxes

    class AntiAliasedTransform(GeneralizedRCNNTransform):  # type: ignore[misc]
        def resize(self, image: Any, target: Any = None) -> tuple[Any, Any]:
            old = tuple(image.shape[-2:])
            new = fitted_size(arch, *old)
            if new == old:
                return image, target
            image = functional.interpolate(
                image[None], new, mode="bilinear", align_corners=False, antialias=True
            )[0]
            if target is not None:
                target["boxes"] = resize_boxes(target["boxes"], old, new)
            return image, target

    short, long = input_size(arch)
    return AntiAliasedTransform(short, long, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])

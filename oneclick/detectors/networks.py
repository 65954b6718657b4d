"""Network architectures by name; `models/<id>/model.pt` holds their weights.

All have torchvision's detection interface: the input is a list of `(3, h, w)` float RGB images in
0–1, in training with a list of `{"boxes", "labels"}`; the output is a dictionary of losses in
training, and in evaluation a list of `{"boxes", "scores", "labels"}`, boxes in pixels of the input
image. Label 0 is the background, label k is `classes[k - 1]`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from oneclick.core import training_defaults
from oneclick.detectors import transformers
from oneclick.detectors.architectures import base, torchvision_models, transformers_models
from oneclick.detectors.architectures.base import NetworkPlan, StartingWeights, fitted_size
from oneclick.detectors.architectures.torchvision_models import TINY, TINY_SIZE

if TYPE_CHECKING:
    from torch import nn

__all__ = [
    "TINY",
    "TINY_SIZE",
    "TRANSFORMERS",
    "NetworkPlan",
    "StartingWeights",
    "batch",
    "build",
    "build_plan",
    "fitted_size",
    "has_published_weights",
    "input_size",
    "is_backbone",
    "plan",
    "safe_name",
    "start",
]

TRANSFORMERS = transformers_models.PREFIX
"""Begins the names of the architectures of transformers."""


def _family(arch: str) -> Any:
    """Return the module of the family that an architecture belongs to."""
    is_transformers = arch.startswith(transformers_models.PREFIX)
    return transformers_models if is_transformers else torchvision_models


def plan(arch: str, classes: tuple[str, ...]) -> NetworkPlan:
    """Plan a network; the configuration of one of transformers may be downloaded.

    Raises:
        UnknownName: nothing is called `arch`.
        DetectorUnavailable: its package or its configuration is missing, or is no detector's.
    """
    network_plan: NetworkPlan = _family(arch).plan(arch, classes)
    return network_plan


def build_plan(network_plan: NetworkPlan) -> nn.Module:
    """Build a network with random weights; nothing is downloaded.

    Raises:
        DetectorUnavailable: a package is missing, or does not know that configuration.
    """
    network: nn.Module = _family(network_plan.arch).build(network_plan)
    return network


def build(
    arch: str,
    classes: tuple[str, ...],
    size: tuple[int, int] | None = None,
    options: Mapping[str, Any] | None = None,
) -> nn.Module:
    """Build a network with random weights, as a model's card describes it.

    Args:
        arch: name of the architecture.
        classes: that it detects.
        size: frame that images are fitted into; None is the architecture's own.
        options: configuration, for architectures whose name does not say all.

    Raises:
        As `plan` and `build_plan`.
    """
    if size and options:
        card_plan = NetworkPlan(arch=arch, classes=classes, size=size, options=options)
        return build_plan(card_plan)
    return build_plan(plan(arch, classes))


def has_published_weights(arch: str) -> bool:
    """Check whether training may start from weights that others published; downloads nothing.

    A training that started from a folder goes on as it began where that folder is gone.
    """
    if arch.startswith(transformers_models.PREFIX):
        name = arch.removeprefix(transformers_models.PREFIX)
        return not (transformers_models.is_family(arch) and name in transformers_models.families())
    return arch != TINY


def start(network: nn.Module, network_plan: NetworkPlan) -> StartingWeights | None:
    """Load published weights into a network, and return what was taken over; None without any.

    Raises:
        DetectorUnavailable: they cannot be downloaded or read.
    """
    published = _family(network_plan.arch).published(network_plan)
    if published is None:
        return None
    weights, taken = base.adopt(network.state_dict(), network_plan.classes, published)
    network.load_state_dict(weights)
    return taken


def input_size(arch: str) -> tuple[int, int]:
    """Return height and width in px of the landscape frame that images are fitted into."""
    return plan(arch, ("person",)).size


def batch(arch: str) -> int:
    """Return the images a step that suit an architecture."""
    return training_defaults.SMALL_BATCH if arch == TINY else training_defaults.BATCH


def is_backbone(parameter: str) -> bool:
    """Check whether a parameter of that name belongs to the part that extracts features.

    The pyramid that joins the features does not, where it is a part of its own.
    """
    parts = parameter.split(".")
    return "vit" in parts or ("backbone" in parts and "fpn" not in parts)


def safe_name(arch: str) -> str:
    """Return an architecture's name as a part of a file's name: of a repository the last part."""
    if not arch.startswith(TRANSFORMERS):
        return arch
    return f"transformers-{transformers.safe_name(arch.removeprefix(TRANSFORMERS))}"

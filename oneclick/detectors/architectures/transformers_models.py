"""`transformers:NAME`: object detectors of Hugging Face, from DETR to D-FINE, with our classes.

NAME is a repository, a folder that `save_pretrained` wrote, or a family such as `d_fine`, whose
default configuration then starts from random weights.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from oneclick.core.errors import DetectorUnavailable
from oneclick.detectors import transformers
from oneclick.detectors.architectures import base
from oneclick.detectors.architectures.base import NetworkPlan, PublishedWeights

if TYPE_CHECKING:
    from torch import nn

PREFIX = "transformers:"
STRIDE = 32
"""Largest stride of convolutional networks: sides of their images are multiples of it."""
SQUARE_FAMILIES = ("rf_detr",)
"""Families that attend in windows of a square image only."""
MOST_LOST = 0.5
"""Share of the tensors, class heads aside, that weights may lack before they start no training."""
LOCAL_KEYS = ("transformers_version", "architectures", "_name_or_path", "dtype", "torch_dtype")
"""Entries of a configuration that say where it came from."""


def is_family(arch: str) -> bool:
    """Check whether an architecture is a family by name, which has no published weights."""
    name = arch.removeprefix(PREFIX)
    return "/" not in name and not (name and Path(name).is_dir())


def families() -> list[str]:
    """Return the families of transformers that detect objects and can be trained.

    Raises:
        DetectorUnavailable: the package is not installed.
    """
    with transformers.loading("models"):
        from transformers.models.auto import modeling_auto
    names = modeling_auto.MODEL_FOR_OBJECT_DETECTION_MAPPING_NAMES
    # Those of PaddlePaddle find text and columns, and have no loss.
    return sorted(name for name in names if not name.startswith("pp_"))


def plan(arch: str, classes: tuple[str, ...]) -> NetworkPlan:
    """Read the configuration of a repository, a folder or a family, and put our classes into it.

    Raises:
        DetectorUnavailable: in one line what is missing: the package, the repository, the folder,
            or a detector in it.
    """
    source = arch.removeprefix(PREFIX)
    known_families = families()
    config, processor = load_family(source) if is_family(arch) else load_files(source)
    if config.model_type not in known_families:
        raise DetectorUnavailable(
            f"detector {arch}: a model of type {config.model_type} is no detector to train; "
            f"families: {', '.join(known_families)}"
        )
    config.id2label = dict(enumerate(classes))
    config.label2id = {name: k for k, name in enumerate(classes)}
    for part in (config, getattr(config, "backbone_config", None)):
        if part is not None and getattr(part, "use_pretrained_backbone", False):
            part.use_pretrained_backbone = False
    if getattr(config, "initializer_bias_prior_prob", 0) is None:
        config.initializer_bias_prior_prob = 0.01
    with transformers.loading(source):
        multiple = side_multiple(config)
        size, canvas = frame_size(getattr(processor, "size", None) or {}, multiple)
        mean, std = colour_scale(source, processor)
    document = {k: v for k, v in config.to_diff_dict().items() if k not in LOCAL_KEYS}
    options = {
        # As JSON holds it, so that a card and a checkpoint hold the same.
        "config": msgspec.to_builtins(document, str_keys=True),
        "mean": mean,
        "std": std,
        "canvas": canvas if config.model_type in SQUARE_FAMILIES else None,
    }
    return NetworkPlan(arch=arch, classes=classes, size=size, options=options)


def load_family(name: str) -> tuple[Any, Any]:
    """Return the default configuration of a family, and no image processor.

    Raises:
        DetectorUnavailable: nothing is called like this.
    """
    from transformers import AutoConfig

    if name not in families():
        raise DetectorUnavailable(
            f"detector {PREFIX}{name}: it is neither a folder here, nor a repository OWNER/NAME, "
            f"nor a family; families: {', '.join(families())}"
        )
    return AutoConfig.for_model(name), None


def load_files(source: str) -> tuple[Any, Any]:
    """Read the configuration and the image processor of a repository or a folder."""
    with transformers.loading(source):
        from transformers import AutoConfig, AutoImageProcessor

        return AutoConfig.from_pretrained(source), AutoImageProcessor.from_pretrained(source)


def colour_scale(source: str, processor: Any) -> tuple[list[float], list[float]]:
    """Return mean and standard deviation of each colour, by which pictures are normalised.

    Raises:
        DetectorUnavailable: the image processor does not say three usable numbers for each.
    """
    if not getattr(processor, "do_normalize", False):
        return [0.0] * 3, [1.0] * 3
    scale = []
    for name in ("image_mean", "image_std"):
        values = getattr(processor, name, None)
        try:
            numbers = [float(value) for value in values]  # type: ignore[union-attr]
        except (TypeError, ValueError):
            numbers = []
        is_usable = len(numbers) == 3 and all(map(math.isfinite, numbers))
        if not is_usable or (name == "image_std" and min(numbers) <= 0):
            raise DetectorUnavailable(
                f"detector {PREFIX}{source}: {name} in its preprocessor_config.json is {values!r}: "
                "write a number for each of red, green and blue"
            )
        scale.append(numbers)
    return scale[0], scale[1]


def side_multiple(config: Any) -> int:
    """Return the number of px that both sides of an image must be a multiple of."""
    backbone = getattr(config, "backbone_config", None) or config
    patch = getattr(backbone, "patch_size", None)
    if not isinstance(patch, int):
        return STRIDE
    windows = getattr(backbone, "num_windows", 1)
    return patch * int(getattr(backbone, "num_windows_side", windows) or 1)


def frame_size(size: Mapping[str, Any], multiple: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the frame that images are fitted into, and the size they would be stretched to.

    The frame has as many pixels as the square that a processor stretches images to.

    Args:
        size: of an image processor: `height` and `width`, or `shortest_edge` and `longest_edge`.
        multiple: of both sides.
    """
    numbers = {name: int(value) for name, value in dict(size).items() if value}
    height, width = numbers.get("height"), numbers.get("width")
    if height and width:
        short, long = sorted((height, width))
        if short == long:
            short, long = round(0.75 * short), round(1.25 * long)
    else:
        short = numbers.get("shortest_edge", base.LARGE_SIZE[0])
        long = numbers.get("longest_edge", round(short * 5 / 3))
    side = round(((height or short) * (width or long)) ** 0.5)
    short, long, side = (max(multiple, x // multiple * multiple) for x in (short, long, side))
    return (short, long), (side, side)


def build(network_plan: NetworkPlan) -> nn.Module:
    """Build the network with random weights; nothing is downloaded.

    Raises:
        DetectorUnavailable: a package is missing, or this version of it is another.
    """
    from oneclick.detectors.architectures.transformers_network import TransformersNetwork

    with transformers.loading(network_plan.arch.removeprefix(PREFIX)):
        network = from_config(network_plan.options["config"])
    return TransformersNetwork(network, network_plan)


def from_config(document: Mapping[str, Any]) -> Any:
    """Build a network of transformers from its configuration as JSON holds it."""
    from transformers import AutoConfig, AutoModelForObjectDetection

    values = dict(document)
    config = AutoConfig.for_model(values.pop("model_type"), **values)
    return AutoModelForObjectDetection.from_config(config)


def published(network_plan: NetworkPlan) -> PublishedWeights | None:
    """Load the weights of the repository or folder; None for a family.

    Raises:
        DetectorUnavailable: they cannot be downloaded or read, number their classes with gaps, or
            lack most of the network.
    """
    if is_family(network_plan.arch):
        return None
    source = network_plan.arch.removeprefix(PREFIX)
    by_class = class_tensors(network_plan.options["config"])
    with transformers.loading(source):
        import torch
        from transformers import AutoModelForObjectDetection

        network, lost = transformers.load_network(
            AutoModelForObjectDetection, source, dtype=torch.float32, ignore_mismatched_sizes=True
        )
        classes = transformers.class_names(source, network.config)
    body = {
        name for name in transformers.weight_names(network) if f"network.{name}" not in by_class
    }
    if len(lost & body) > MOST_LOST * len(body):
        weights = len(transformers.weight_names(network))
        raise transformers.incomplete(network_plan.arch, len(lost), weights)
    tensors = {
        f"network.{name}": value for name, value in network.state_dict().items() if name not in lost
    }
    return PublishedWeights(
        source=network_plan.arch,
        tensors=tensors,
        classes=classes,
        by_class=by_class & tensors.keys(),
    )


def class_tensors(document: Mapping[str, Any]) -> frozenset[str]:
    """Return the names of the tensors that have a row for each class."""
    import torch

    shapes = []
    for count in (1, 2):
        with torch.device("meta"):
            labels = {str(k): str(k) for k in range(count)}
            ids = {str(k): k for k in range(count)}
            network = from_config({**document, "id2label": labels, "label2id": ids})
        shapes.append({name: value.shape for name, value in network.state_dict().items()})
    return frozenset(f"network.{name}" for name in shapes[0] if shapes[0][name] != shapes[1][name])

"""`torchvision:NAME`: a detection model of torchvision with its COCO weights."""

from __future__ import annotations

import pickle
from typing import Any

from oneclick.core.errors import DetectorUnavailable, UnknownName
from oneclick.detectors import base
from oneclick.detectors.pytorch import TorchDetector

THRESHOLD = 0.5


def load(name: str, device: str = "auto") -> TorchDetector:
    """Load the model called `name`; its weights come from torch's cache or are downloaded once.

    Raises:
        UnknownName: if torchvision has no detection model of that name.
        DetectorUnavailable: naming the download that failed or the cached file that is broken.
        UsageError: if `device` is not there.
    """
    from torchvision.models import detection, get_model_weights, list_models

    models = list_models(module=detection)
    if name not in models:
        raise UnknownName("torchvision detector", name, models)
    weights: Any = get_model_weights(name).DEFAULT
    return TorchDetector(
        name=f"torchvision:{name}",
        model_id=f"torchvision-{name}",
        names=tuple(weights.meta["categories"]),
        threshold=THRESHOLD,
        network=network(name, weights),
        device=base.torch_device(device),
    )


def pretrained(name: str) -> dict[str, Any]:
    """Return the COCO weights of a detection model, by name of the tensor. Raises as `load`."""
    from torchvision.models import get_model_weights

    weights: dict[str, Any] = network(name, get_model_weights(name).DEFAULT).state_dict()
    return weights


def network(name: str, weights: Any) -> Any:
    """Build the model with these weights, downloading them if need be. Raises as `load`."""
    import torch
    from torchvision.models import get_model

    cache = f"{torch.hub.get_dir()}/checkpoints"
    try:
        return get_model(name, weights=weights, progress=False)
    except OSError as error:  # URLError, HTTPError, time-outs and a full disk
        reason = getattr(error, "reason", None) or error
        raise DetectorUnavailable(
            f"detector torchvision:{name}: cannot download {weights.url} ({reason}); "
            f"fetch it by hand into {cache}"
        ) from None
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        line = (str(error).splitlines() or ["empty"])[0]
        raise DetectorUnavailable(
            f"detector torchvision:{name}: weights {weights.url.rsplit('/', 1)[-1]} are broken "
            f"({line}); delete them from {cache} and run again"
        ) from None

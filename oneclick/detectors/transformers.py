"""`transformers:REPO`: an object detector of Hugging Face, such as RT-DETR, D-FINE or DETR."""

from __future__ import annotations

import string
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

from oneclick.core.errors import DetectorUnavailable, OneclickError
from oneclick.detectors import base
from oneclick.detectors.architectures import base as architectures
from oneclick.detectors.base import Frame, FrameDetections

THRESHOLD = 0.5
"""The usual operating point of this family."""
SAFE = string.ascii_letters + string.digits + "._-"


@dataclass(kw_only=True)
class TransformersDetector:
    """A network with its own image processor; frames go through it as one batch."""

    name: str
    model_id: str
    names: tuple[str, ...]
    processor: Any
    """transformers.BaseImageProcessor."""
    network: Any
    """torch.nn.Module on `device`."""
    device: Any
    """torch.device."""
    threshold: float = THRESHOLD
    stateful: bool = False
    shrinks: bool = False

    def reset(self) -> None:
        """Do nothing: frames are independent."""

    def detect(self, frames: Sequence[Frame]) -> list[FrameDetections]:
        """Detect the objects of each frame; scores are the network's own."""
        import torch

        if not frames:
            return []
        inputs = self.processor(
            images=list(frames), return_tensors="pt", input_data_format="channels_last"
        )
        on_gpu = self.device.type == "cuda"
        precision = torch.autocast("cuda", torch.float16) if on_gpu else nullcontext()
        with torch.inference_mode(), precision:
            logits = self.network(**inputs.to(self.device))
        sizes = [frame.shape[:2] for frame in frames]
        outputs = self.processor.post_process_object_detection(
            logits, threshold=base.LOWEST_SCORE, target_sizes=sizes
        )
        detections = []
        for frame, output in zip(frames, outputs, strict=True):
            boxes, scores, labels = (
                output[key].float().cpu().numpy() for key in ("boxes", "scores", "labels")
            )
            detections.append(base.frame_detections(frame, boxes, scores, labels))
        return detections


def load(repo: str, device: str = "auto") -> TransformersDetector:
    """Load a repository, downloaded once, or a folder that `save_pretrained` wrote.

    Raises:
        DetectorUnavailable: naming the package, repository or folder that is missing.
        UsageError: if `device` is not there.
    """
    torch_device = base.torch_device(device)
    processor, network = load_pretrained(repo)
    labels = network.config.id2label
    network = network.eval().to(torch_device)
    return TransformersDetector(
        name=f"transformers:{repo}",
        model_id=f"transformers-{safe_name(repo)}-{architectures.digest(network.state_dict())}",
        names=tuple(str(labels.get(k, "")) for k in range(max(labels, default=-1) + 1)),
        processor=processor,
        network=network,
        device=torch_device,
    )


def safe_name(repo: str) -> str:
    """Return the last part of a repository's or folder's name as a part of a file's name."""
    last_part = repo.rstrip("/").rsplit("/", 1)[-1]
    return "".join(c if c in SAFE else "-" for c in last_part)


def load_pretrained(repo: str) -> tuple[Any, Any]:
    """Load the image processor and the network of a repository. Raises as `load`."""
    with loading(repo), hide_progress_bar():
        from transformers import AutoImageProcessor, AutoModelForObjectDetection

        processor = AutoImageProcessor.from_pretrained(repo)
        return processor, AutoModelForObjectDetection.from_pretrained(repo)


@contextmanager
def loading(repo: str, kind: str = "transformers") -> Iterator[None]:
    """Turn what goes wrong while a repository, a folder or a network is loaded into one line.

    Args:
        repo: repository, folder or family.
        kind: of the detector, for the message.

    Raises:
        DetectorUnavailable: naming the package, repository or folder that is missing.
    """
    try:
        import transformers  # noqa: F401
    except ImportError:
        raise DetectorUnavailable(
            f"detector {kind}:{repo}: the package transformers is not installed; "
            "run: pip install 'oneclick[transformers]'"
        ) from None
    try:
        yield
    except OneclickError:
        raise
    except Exception as error:  # files of others make the library raise anything
        line = next((line.strip() for line in str(error).splitlines() if line.strip()), "no reason")
        raise DetectorUnavailable(
            f"detector {kind}:{repo}: no object detector could be loaded ({line}); name a "
            "repository of Hugging Face or a folder made by save_pretrained"
        ) from None


@contextmanager
def hide_progress_bar() -> Iterator[None]:
    """Hide the bar that fills up while weights are copied; downloads still show theirs."""
    from transformers.utils import logging

    was_enabled = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if was_enabled:
            logging.enable_progress_bar()

"""`transformers:REPO`: an object detector of Hugging Face, such as RT-DETR, D-FINE or DETR."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

from oneclick.core.errors import DetectorUnavailable
from oneclick.detectors import base
from oneclick.detectors.base import Found, Frame

THRESHOLD = 0.5
"""What the models of this family are usually shown at."""


@dataclass
class Transformer:
    """A network with its own image processor; a batch goes through it at once."""

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
        """Nothing to forget."""

    def detect(self, frames: Sequence[Frame]) -> list[Found]:
        """Boxes of each frame; scores are the network's own."""
        import torch

        if not frames:
            return []
        given = self.processor(
            images=list(frames), return_tensors="pt", input_data_format="channels_last"
        )
        half = self.device.type == "cuda"
        cast = torch.autocast("cuda", torch.float16) if half else nullcontext()
        with torch.inference_mode(), cast:
            said = self.network(**given.to(self.device))
        sizes = [frame.shape[:2] for frame in frames]
        outputs = self.processor.post_process_object_detection(
            said, threshold=base.LOWEST_SCORE, target_sizes=sizes
        )
        return [self._found(frame, out) for frame, out in zip(frames, outputs, strict=True)]

    def _found(self, frame: Frame, output: dict[str, Any]) -> Found:
        boxes, scores, labels = (
            output[key].float().cpu().numpy() for key in ("boxes", "scores", "labels")
        )
        return base.found(frame, boxes, scores, labels)


def load(repo: str, device: str = "auto") -> Transformer:
    """The model of a repository, fetched once, or of a folder made by `save_pretrained`.

    Raises:
        DetectorUnavailable: naming the package, repository or folder that is missing.
        UsageError: if `device` is not there.
    """
    chosen = base.torch_device(device)
    processor, network = _loaded(repo)
    labels = network.config.id2label
    names = tuple(str(labels.get(k, "")) for k in range(max(labels, default=-1) + 1))
    network = network.eval().to(chosen)
    model_id = f"transformers-{_plain(repo)}-{_digest(network)}"
    return Transformer(f"transformers:{repo}", model_id, names, processor, network, chosen)


def _loaded(repo: str) -> tuple[Any, Any]:
    """Image processor and network."""
    try:
        from transformers import AutoImageProcessor, AutoModelForObjectDetection
    except ImportError:
        raise DetectorUnavailable(
            f"detector transformers:{repo}: the package transformers is not installed; "
            "run: pip install 'oneclick[transformers]'"
        ) from None
    try:
        with _quiet():
            processor = AutoImageProcessor.from_pretrained(repo)
            return processor, AutoModelForObjectDetection.from_pretrained(repo)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        line = (str(error).strip().splitlines() or ["no reason given"])[0]
        raise DetectorUnavailable(
            f"detector transformers:{repo}: no object detector could be loaded ({line}); name a "
            "repository of Hugging Face or a folder made by save_pretrained"
        ) from None


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the bar that fills up while weights are copied; downloads still show theirs."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _plain(repo: str) -> str:
    """The last part of the name, safe in a path."""
    last = repo.rstrip("/").rsplit("/", 1)[-1]
    return "".join(c if c.isalnum() or c in "._" else "-" for c in last)


def _digest(network: Any) -> str:
    """Eight letters that change when the weights do."""
    import torch

    total = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        total.update(name.encode())
        total.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return total.hexdigest()[:8]

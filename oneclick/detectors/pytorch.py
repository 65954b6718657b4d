"""Any network that speaks torchvision's detection interface, as a detector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from oneclick.detectors import base
from oneclick.detectors.base import Found, Frame


@dataclass
class TorchDetector:
    """A network in evaluation mode; images go in one list, so a GPU sees the whole batch."""

    name: str
    model_id: str
    names: tuple[str, ...]
    threshold: float
    network: Any
    """torch.nn.Module on `device`."""
    device: Any
    """torch.device."""
    first_label: int = 0
    """Label of `names[0]`; networks of ours keep 0 for the background."""
    stateful: bool = False
    shrinks: bool = False

    def __post_init__(self) -> None:
        self.network = self.network.eval().to(self.device)

    def reset(self) -> None:
        """Nothing to forget."""

    def detect(self, frames: Sequence[Frame]) -> list[Found]:
        """Boxes of each frame; scores are the network's own."""
        import torch

        if not frames:
            return []
        with torch.inference_mode():
            outputs = self.network([self._image(frame) for frame in frames])
        return [self._found(frame, out) for frame, out in zip(frames, outputs, strict=True)]

    def _image(self, frame: Frame) -> Any:
        import torch

        bytes_ = torch.from_numpy(np.ascontiguousarray(frame.transpose(2, 0, 1)))
        return bytes_.to(self.device).float() / 255

    def _found(self, frame: Frame, output: dict[str, Any]) -> Found:
        boxes, scores, labels = (output[key].cpu().numpy() for key in ("boxes", "scores", "labels"))
        classes = labels - self.first_label
        known = (classes >= 0) & (classes < len(self.names))
        return base.found(frame, boxes[known], scores[known], classes[known])

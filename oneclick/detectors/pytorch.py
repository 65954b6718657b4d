"""Detector for any network with torchvision's detection interface."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from oneclick.detectors import base
from oneclick.detectors.base import Frame, FrameDetections


@dataclass(kw_only=True)
class TorchDetector:
    """A network in evaluation mode; images go in one list, so a GPU gets the whole batch."""

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
        """Do nothing: frames are independent."""

    def detect(self, frames: Sequence[Frame]) -> list[FrameDetections]:
        """Detect the objects of each frame; scores are the network's own."""
        import torch

        if not frames:
            return []
        channels_first = (np.ascontiguousarray(frame.transpose(2, 0, 1)) for frame in frames)
        with torch.inference_mode():
            images = [torch.from_numpy(a).to(self.device).float() / 255 for a in channels_first]
            outputs = self.network(images)
        detections = []
        for frame, output in zip(frames, outputs, strict=True):
            boxes, scores, labels = (
                output[key].cpu().numpy() for key in ("boxes", "scores", "labels")
            )
            classes = labels - self.first_label
            has_name = (classes >= 0) & (classes < len(self.names))
            rows = boxes[has_name], scores[has_name], classes[has_name]
            detections.append(base.frame_detections(frame, *rows))
        return detections

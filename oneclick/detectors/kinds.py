"""Kinds of detectors: what stands before the colon of a detector's name.

Each of ours imports its library when a model is loaded. Other packages add kinds through the entry
point group `oneclick.detectors`; their detectors run behind `IsolatedDetector`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from oneclick.core import plugins
from oneclick.core.errors import OneclickError
from oneclick.core.plugins import ContractError, Plugin, PluginGroup
from oneclick.detectors import base
from oneclick.detectors.base import Detector, DetectorKind, Frame, FrameDetections
from oneclick.storage.workspace import Workspace


def _opencv(model: str, workspace: Workspace | None, device: str) -> Detector:
    from oneclick.detectors import hog, motion

    return hog.HogDetector() if model == "hog" else motion.MotionDetector()


def _torchvision(model: str, workspace: Workspace | None, device: str) -> Detector:
    from oneclick.detectors import torchvision

    return torchvision.load(model, device)


def _transformers(model: str, workspace: Workspace | None, device: str) -> Detector:
    from oneclick.detectors import transformers

    return transformers.load(model, device)


def _prompt(model: str, workspace: Workspace | None, device: str) -> Detector:
    from oneclick.detectors import prompted

    return prompted.load(model, device)


def _onnx(model: str, workspace: Workspace | None, device: str) -> Detector:
    from oneclick.detectors import onnx

    return onnx.load(model, device)


def _own(model: str, workspace: Workspace | None, device: str) -> Detector:
    from oneclick.detectors import own

    return own.load(model, workspace, device)


def _labeller(model: str, workspace: Workspace | None, device: str) -> Detector:
    from oneclick.detectors import own

    return own.load_labeller(model, workspace, device)


OPENCV = DetectorKind(_opencv, ("hog", "motion"))
TORCHVISION = DetectorKind(_torchvision, ("NAME",))
TRANSFORMERS = DetectorKind(_transformers, ("REPO",))
PROMPT = DetectorKind(_prompt, ("REPO",))
ONNX = DetectorKind(_onnx, ("FILE",))
MODEL = DetectorKind(_own, ("champion", "ID"))
LABELLER = DetectorKind(_labeller, ("ARCHITECTURE",))


def validate(name: str, value: object) -> DetectorKind:
    """Return a kind of detectors if it keeps the contract.

    Raises:
        ContractError: naming what is wrong.
    """
    if not isinstance(value, DetectorKind):
        raise ContractError(f"is a {type(value).__name__}; it must be a DetectorKind")
    if not callable(value.load):
        raise ContractError("load cannot be called")
    models = value.models
    if not isinstance(models, tuple) or not models or not all(isinstance(m, str) for m in models):
        raise ContractError(f"models is {models!r}; it must be a tuple of texts")
    return value


GROUP: PluginGroup[DetectorKind] = PluginGroup(
    plugins.DETECTORS,
    {
        "opencv": f"{__name__}:OPENCV",
        "torchvision": f"{__name__}:TORCHVISION",
        "transformers": f"{__name__}:TRANSFORMERS",
        "prompt": f"{__name__}:PROMPT",
        "onnx": f"{__name__}:ONNX",
        "model": f"{__name__}:MODEL",
        "labeller": f"{__name__}:LABELLER",
    },
    validate,
)
_ATTRIBUTES: dict[str, tuple[type, ...]] = {
    "name": (str,),
    "model_id": (str,),
    "names": (tuple,),
    "threshold": (float, int),
    "stateful": (bool,),
    "shrinks": (bool,),
}


class IsolatedDetector:
    """A detector of another package: checked when it is made, and its answers as they come.

    Raises:
        PluginFailure: from any method, where the detector raises or answers something else.
    """

    def __init__(self, plugin: Plugin, detector: Detector) -> None:
        self.plugin, self._detector = plugin, detector
        with plugin.isolated("while it was checked"):
            for attribute, kinds in _ATTRIBUTES.items():
                value = getattr(detector, attribute, None)
                if not isinstance(value, kinds):
                    raise ContractError(f"its detector has {attribute} = {value!r}")
            for method in ("detect", "reset"):
                if not callable(getattr(detector, method, None)):
                    raise ContractError(f"its detector has no method {method}")
            if Path(detector.model_id).name != detector.model_id or not detector.names:
                raise ContractError("its detector has a model_id with a slash, or no class names")
        self.name, self.model_id, self.names = detector.name, detector.model_id, detector.names
        self.threshold = float(detector.threshold)
        self.stateful, self.shrinks = detector.stateful, detector.shrinks

    def detect(self, frames: Sequence[Frame]) -> list[FrameDetections]:
        """Return the detections of each frame, as the Detector protocol says."""
        with self.plugin.isolated(passing=(OneclickError,)):
            answers = self._detector.detect(frames)
            if not isinstance(answers, list) or len(answers) != len(frames):
                raise ContractError(f"detect must answer a list of {len(frames)}, one per frame")
            pairs = zip(frames, answers, strict=True)
            return [self._checked(frame, answer) for frame, answer in pairs]

    def reset(self) -> None:
        """Forget all earlier frames."""
        with self.plugin.isolated(passing=(OneclickError,)):
            self._detector.reset()

    def _checked(self, frame: Frame, answer: object) -> FrameDetections:
        if not isinstance(answer, tuple) or len(answer) != 3:
            raise ContractError("an answer must be a tuple of boxes, scores and classes")
        boxes, scores, classes = (np.asarray(column) for column in answer)
        count = len(scores) if scores.ndim == 1 else -1
        if boxes.shape != (count, 4) or classes.shape != (count,):
            raise ContractError(
                f"an answer has boxes {boxes.shape}, scores {scores.shape}, classes {classes.shape}"
            )
        if count and not (classes.min() >= 0 and classes.max() < len(self.names)):
            raise ContractError(f"an answer has a class that is none of {', '.join(self.names)}")
        return base.frame_detections(frame, boxes, scores, classes)

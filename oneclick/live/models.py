"""Models that look at live cameras: loaded once, and shared by all cameras of the process."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from oneclick import detectors
from oneclick.core.detections import Detections
from oneclick.core.errors import UsageError
from oneclick.detectors import Detector, base
from oneclick.detectors.base import Frame
from oneclick.storage import model_registry
from oneclick.storage.live_state import LiveModel
from oneclick.storage.workspace import Workspace

CHAMPION = "model:champion"


class CameraModel:
    """A model as one camera sees it.

    Args:
        detector: the model, which other cameras may use too.
        lock: of the detector.
        classes: that are looked for; boxes of others are dropped.
    """

    def __init__(self, detector: Detector, lock: threading.Lock, classes: tuple[str, ...]) -> None:
        self._detector, self._lock = detector, lock
        self.name, self.id = detector.name, detector.model_id
        self.classes, self.threshold = classes, detector.threshold

    def detect(self, frame: Frame, fps: float) -> Detections:
        """Return the detections of one picture; other cameras wait meanwhile."""
        with self._lock:
            answers = self._detector.detect([frame])
        return base.join_frames(answers, self._detector.names, 1, fps, self.classes)

    def start_stretch(self) -> None:
        """Forget earlier pictures, for a model that remembers them."""
        if self._detector.stateful:
            with self._lock:
                self._detector.reset()

    def describe(self) -> LiveModel:
        """Return what others may know about it."""
        return LiveModel(self.id, self.name, self.classes, self.threshold)


@dataclass(frozen=True)
class _Loaded:
    name: str
    detector: Detector
    lock: threading.Lock


class ModelPool:
    """The models of a process.

    Args:
        workspace: holds the models of `model:`.
        names: of detectors; the first lights the lamps.
        classes: that are looked for.
        device: as torch names it.

    Raises:
        UnknownName, DetectorUnavailable: there is no such detector, or it cannot load.
        UsageError: it knows none of the classes.
    """

    def __init__(
        self, workspace: Workspace, names: Sequence[str], classes: tuple[str, ...], device: str
    ) -> None:
        self.names, self.classes = tuple(names), classes
        self._workspace, self._device = workspace, device
        self._champion = self._read_champion()
        self._loaded = [
            _Loaded(name, self._create(name), threading.Lock()) for name in dict.fromkeys(names)
        ]

    def for_camera(self) -> list[CameraModel]:
        """Return the models for one camera; those that remember pictures are loaded for it."""
        return [
            CameraModel(self._create(loaded.name), threading.Lock(), self.classes)
            if loaded.detector.stateful
            else CameraModel(loaded.detector, loaded.lock, self.classes)
            for loaded in self._loaded
        ]

    @property
    def is_outdated(self) -> bool:
        """Check whether another champion is in service than the one that was loaded."""
        return CHAMPION in self.names and self._read_champion() != self._champion

    def renewed(self) -> ModelPool:
        """Return a pool with the models that are in service now. Raises as the constructor."""
        return ModelPool(self._workspace, self.names, self.classes, self._device)

    def _create(self, name: str) -> Detector:
        detector = detectors.create(name, self._workspace, self._device)
        if not set(self.classes) & set(detector.names):
            raise UsageError(f"detector {name} knows none of the classes {', '.join(self.classes)}")
        return detector

    def _read_champion(self) -> str | None:
        return model_registry.champion(self._workspace) if CHAMPION in self.names else None

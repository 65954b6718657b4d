"""Models that look at live cameras: loaded once, and shared by all cameras of the process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from oneclick import detectors
from oneclick.core import errors
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


@dataclass(frozen=True, kw_only=True, eq=False)
class _Loaded:
    detector: Detector
    lock: threading.Lock
    service: tuple[str, str | None]
    """What the setting stands for: the detector's name, and the champion where that serves."""


class ModelPool:
    """The models of a process: `renewed` loads them, and one that cannot load costs no other.

    Args:
        workspace: holds the models of `model:`.
        names: of detectors; the first lights the lamps.
        classes: that are looked for.
        device: as torch names it.
        resolve: returns what a name of the settings stands for now.
    """

    def __init__(
        self,
        workspace: Workspace,
        names: Sequence[str],
        classes: tuple[str, ...],
        device: str,
        resolve: Callable[[str], str] = str,
    ) -> None:
        self.names, self.classes = tuple(dict.fromkeys(names)), classes
        self._workspace, self._device, self._resolve = workspace, device, resolve
        self._loaded: dict[str, _Loaded] = {}
        self.failures: dict[str, Exception] = {}
        """Why models cannot look, by their name in the settings."""

    @property
    def is_empty(self) -> bool:
        """Check whether models should look, and none can."""
        return bool(self.names) and not self._loaded

    def for_camera(self) -> list[CameraModel]:
        """Return the models for one camera; those that remember pictures are loaded for it."""
        models = []
        for name in self.names:
            if (loaded := self._loaded.get(name)) is None:
                continue
            if not loaded.detector.stateful:
                models.append(CameraModel(loaded.detector, loaded.lock, self.classes))
                continue
            try:
                own = self._create(loaded.service[0])
            except Exception as error:
                self.failures[name] = error
                continue
            models.append(CameraModel(own, threading.Lock(), self.classes))
        return models

    def renewed(self) -> ModelPool:
        """Return a pool with the models that are in service now, or this one where they are these.

        A model that cannot load stays what it was.
        """
        pool = ModelPool(self._workspace, self.names, self.classes, self._device, self._resolve)
        for name in self.names:
            earlier = self._loaded.get(name)
            try:
                pool._loaded[name] = self._load(name, earlier)
            except Exception as error:  # of a network, a device or a plug-in
                pool.failures[name] = error
                if earlier is not None:
                    pool._loaded[name] = earlier
        is_same = pool._loaded == self._loaded and pool.reasons == self.reasons
        return self if is_same else pool

    @property
    def reasons(self) -> list[str]:
        """Return why models cannot look, a line each."""
        return [errors.reason(error, f"load {name}") for name, error in self.failures.items()]

    def _load(self, name: str, earlier: _Loaded | None) -> _Loaded:
        """Return a model: the earlier one where it is still in service.

        Raises:
            UnknownName, DetectorUnavailable: there is no such detector, or it cannot load.
            UsageError: it knows none of the classes. BadInput: nobody can tell the champion.
        """
        detector = self._resolve(name)
        champion = model_registry.champion(self._workspace) if detector == CHAMPION else None
        service = detector, champion
        if earlier is not None and earlier.service == service:
            return earlier
        return _Loaded(detector=self._create(detector), lock=threading.Lock(), service=service)

    def _create(self, name: str) -> Detector:
        detector = detectors.create(name, self._workspace, self._device)
        if not set(self.classes) & set(detector.names):
            raise UsageError(f"detector {name} knows none of the classes {', '.join(self.classes)}")
        return detector

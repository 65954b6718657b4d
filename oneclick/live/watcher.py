"""Looking at the pictures of one camera: models, signals, lamps, and the ring on disk."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from oneclick.core.detections import Detections
from oneclick.core.errors import OneclickError, Unavailable
from oneclick.detectors.base import Frame
from oneclick.detectors.signals import SignalMeter
from oneclick.live.health import PictureHealth
from oneclick.live.lamps import LampScanner
from oneclick.live.models import CameraModel
from oneclick.storage.live_ring import Lamp, RingBox, RingFrame, RingWriter
from oneclick.triggers import RuleSet
from oneclick.video.streams.pictures import LivePicture

JPEG_QUALITY = 80
RATE_SECONDS = 5.0
_LAG_SHARE = 0.1
"""Weight of the newest picture in the mean lag."""


@dataclass(frozen=True, kw_only=True)
class WatchOptions:
    """How the pictures of a camera are looked at."""

    classes: tuple[str, ...]
    fps: float
    """Pictures a second, at most."""
    ring_width: int
    """Width of the pictures in the ring, at most."""


class PictureWatcher:
    """Looks at the pictures of one camera, one after the other; used by one thread.

    Args:
        models: the first lights the lamps.
        rules: the triggers.
        ring: gets each picture.
        options: what to look for.
        is_muted: tells whether a trigger is muted at unix seconds.
    """

    def __init__(
        self,
        models: Sequence[CameraModel],
        rules: RuleSet,
        ring: RingWriter,
        options: WatchOptions,
        is_muted: Callable[[str, float], bool],
    ) -> None:
        self._rules, self._ring, self._options = rules, ring, options
        self._is_muted = is_muted
        self._stretch = -1
        self._looks: deque[float] = deque(maxlen=600)
        self.health = PictureHealth()
        self.size = (0, 0)
        self.lamps: tuple[Lamp, ...] = ()
        self.lag = 0.0
        """Seconds from a picture's arrival until it is in the ring, a running mean."""
        self.problem = ""
        """Why a picture was not looked at or not kept; empty while all is well."""
        self.use(models)

    def use(self, models: Sequence[CameraModel]) -> None:
        """Look with these models from the next picture on."""
        self.models = tuple(models)
        self._lamp_scanner = LampScanner(
            self._rules, [model.threshold for model in models], self._is_muted
        )
        self._meter = SignalMeter(self._options.fps)

    def look(self, picture: LivePicture) -> None:
        """Detect in a picture, and put it into the ring.

        Raises:
            Exception: whatever a model raises; the picture is then left out.
        """
        frame: Frame = np.asarray(picture.picture.to_ndarray(format="rgb24"), np.uint8)
        size = frame.shape[1], frame.shape[0]
        if picture.stretch != self._stretch or size != self.size:
            self._stretch, self.size = picture.stretch, size
            for model in self.models:
                model.start_stretch()
            self._lamp_scanner.start_stretch()
            self._meter = SignalMeter(self._options.fps)
        answers = [model.detect(frame, self._options.fps) for model in self.models]
        signals = self._measure(frame, answers)
        self.health.see(picture.time, signals, time.monotonic())
        self._lamp_scanner.add(picture.time, answers, signals, size)
        lamps = self._lamp_scanner.scan_if_due()
        if lamps is not None:
            self.lamps = lamps
        self._store(picture, frame, answers, signals)
        now = time.time()
        self._looks.append(now)
        self.lag += _LAG_SHARE * (now - picture.arrival - self.lag)

    def rate(self, now: float) -> float:
        """Return the pictures a second that were looked at in the last RATE_SECONDS."""
        return (
            sum(1 for look in tuple(self._looks) if abs(now - look) <= RATE_SECONDS) / RATE_SECONDS
        )

    @property
    def note(self) -> str:
        """Return what keeps lamps from showing what happens; empty where nothing does."""
        return self._lamp_scanner.note

    def _measure(self, frame: Frame, answers: Sequence[Detections]) -> dict[str, float]:
        """Return the signals of a picture."""
        self._meter.add_frame(frame)
        if answers:
            boxes = answers[0].above(self.models[0].threshold)
        else:
            boxes = Detections.empty(1, self._options.fps, self._options.classes)
        values = self._meter.take_signals(boxes)
        return {name: float(value[0]) for name, value in values.items()}

    def _store(
        self,
        picture: LivePicture,
        frame: Frame,
        answers: Sequence[Detections],
        signals: dict[str, float],
    ) -> None:
        """Append a picture to the ring; a full disk costs the picture alone."""
        height, width = frame.shape[:2]
        scale = min(1.0, self._options.ring_width / width)
        if scale < 1:
            width, height = round(width * scale), max(1, round(height * scale))
            frame = np.asarray(cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA))
        quality = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
        success, data = cv2.imencode(".jpg", cv2.cvtColor(frame, cv2.COLOR_RGB2BGR), quality)
        if not success:
            raise Unavailable(f"a picture of {width}x{height} px cannot be a JPEG")
        entry = RingFrame(
            time=picture.time,
            width=width,
            height=height,
            jpeg=data.tobytes(),
            boxes={
                model.id: ring_boxes(answer, scale)
                for model, answer in zip(self.models, answers, strict=True)
            },
            signals=signals,
            lamps=self.lamps,
        )
        try:
            self._ring.append(entry)
            self.problem = ""
        except OneclickError as error:
            self.problem = str(error)


def ring_boxes(detections: Detections, scale: float) -> list[RingBox]:
    """Return the boxes of a picture that was reduced by `scale`, for the ring."""
    rows = zip(
        (detections.boxes.astype(np.float64) * scale).round(1).tolist(),
        detections.scores.astype(np.float64).round(4).tolist(),
        detections.classes.tolist(),
        strict=True,
    )
    return [(x1, y1, x2, y2, score, index) for (x1, y1, x2, y2), score, index in rows]

"""Lamps: what the triggers find in the newest predictions of a camera.

They are provisional: a trigger that looks further ahead may decide otherwise once it scans the
recording.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

import numpy as np

from oneclick.core import detections
from oneclick.core.detections import Detections
from oneclick.feedback.early_hits import EarlyScanner
from oneclick.storage import mutes
from oneclick.storage.live_ring import Lamp
from oneclick.storage.workspace import Workspace
from oneclick.triggers import RuleSet
from oneclick.triggers.streaming import PredictionChunk

SCAN_SECONDS = 2.0
SCAN_SHARE = 0.1
"""Most of the time that is spent on scans: with a slow model or many boxes they are rarer."""
LIT_SECONDS = SCAN_SECONDS + 0.5
"""A hit that ended so long ago still lights its lamp: the last scan could not see it."""
SETTLE_SECONDS = 15.0
"""Time after which a picture is not searched again: all but hindsight knows by then."""
RATE_SECONDS = 60.0
"""Time over which the pictures per second are measured, or that of ten pictures if it is longer."""
LEAST_FPS = 0.5
"""Pictures a second below which lamps miss most of what happens: each is one moment alone."""
RARE = (
    f"models look at less than a picture every {1 / LEAST_FPS:.0f} s, so lamps and triggers miss "
    "much: take a faster model or device, or fewer cameras"
)
MUTE_SECONDS = 5.0
"""Time after which mutes are read again."""
_LEAST_FRAMES = 10


class LampScanner:
    """Searches what arrives of one camera, a little at a time.

    Args:
        rules: the triggers.
        thresholds: operating points of the predictor and, if there is one, its rival.
        is_muted: tells whether a trigger is muted at unix seconds.
    """

    def __init__(
        self,
        rules: RuleSet,
        thresholds: Sequence[float],
        is_muted: Callable[[str, float], bool] = lambda _trigger, _at: False,
    ) -> None:
        self._rules, self._thresholds, self._is_muted = rules, thresholds, is_muted
        self._size = (1, 1)
        self._next_scan = 0.0
        self.note = ""
        """What keeps lamps from showing what happens; empty where nothing does."""
        self.start_stretch()

    def start_stretch(self) -> None:
        """Forget everything: time has jumped."""
        self._scanner = EarlyScanner(
            self._rules, self._thresholds, *self._size, seconds_after=SETTLE_SECONDS
        )
        self._length = 0
        self._times: deque[float] = deque()
        self._answers: list[Sequence[Detections]] = []
        self._signals: list[Mapping[str, float]] = []

    def add(
        self,
        at: float,
        answers: Sequence[Detections],
        signals: Mapping[str, float],
        size: tuple[int, int],
    ) -> None:
        """Add a picture.

        Args:
            at: unix seconds when it was taken.
            answers: of one picture, by model.
            signals: by name.
            size: width and height, px.
        """
        if size != self._size:
            self._size = size
            self.start_stretch()
        self._times.append(at)
        self._length += 1
        if self._thresholds:
            self._answers.append(answers)
            self._signals.append(signals)
        while len(self._times) > _LEAST_FRAMES and self._times[0] < at - RATE_SECONDS:
            self._times.popleft()

    @property
    def _fps(self) -> float | None:
        """Return the pictures per second; None where no time has passed."""
        elapsed = self._times[-1] - self._times[0] if self._times else 0.0
        return (len(self._times) - 1) / elapsed if elapsed > 0 else None

    @property
    def _is_rate_known(self) -> bool:
        """Check whether there are pictures enough, or they have taken long enough."""
        is_long = bool(self._times) and self._times[-1] - self._times[0] >= RATE_SECONDS
        return is_long or len(self._times) >= _LEAST_FRAMES

    def scan_if_due(self) -> tuple[Lamp, ...] | None:
        """Scan unless the last scan was a moment ago; None where nothing was scanned."""
        begin = time.monotonic()
        if begin < self._next_scan or not self._is_rate_known:
            return None
        lamps = self.scan()
        cost = time.monotonic() - begin
        self._next_scan = begin + max(SCAN_SECONDS, cost / SCAN_SHARE)
        return lamps

    def scan(self) -> tuple[Lamp, ...]:
        """Return the lamps that are lit now, the strongest first, one a trigger."""
        fps = self._fps
        if not self._answers or fps is None:
            return ()
        # Not off again at once, where the rate is at the border.
        is_rare = fps < LEAST_FPS * (1.2 if self.note else 1.0)
        self.note = RARE if is_rare else ""
        by_model = zip(*self._answers, strict=True)
        parts = tuple(detections.join_consecutive(answers) for answers in by_model)
        signals = {
            name: np.array([values[name] for values in self._signals], np.float32)
            for name in self._signals[0]
        }
        self._answers, self._signals = [], []
        self._scanner.feed(PredictionChunk(parts, signals))
        lit_from = self._length - max(1, round(LIT_SECONDS * fps))
        lamps: dict[str, Lamp] = {}
        for hit in self._scanner.find(fps).open:
            brighter = hit.trigger in lamps and lamps[hit.trigger].score >= hit.score
            if hit.span.stop > lit_from and not brighter:
                lamps[hit.trigger] = Lamp(hit.trigger, hit.score, hit.why)
        at = self._times[-1]
        lit = [lamp for lamp in lamps.values() if not self._is_muted(lamp.trigger, at)]
        return tuple(sorted(lit, key=lambda lamp: (-lamp.score, lamp.trigger)))


class CameraMutes:
    """Tells which triggers are muted on a camera; what somebody changes holds a moment later.

    Args:
        workspace: that has the mutes.
        camera: its name.
    """

    def __init__(self, workspace: Workspace, camera: str) -> None:
        self._workspace, self._camera = workspace, camera
        self._mutes = mutes.Mutes(())
        self._read_at = -math.inf

    def cover(self, trigger: str, at: float) -> bool:
        """Check whether a trigger is muted at unix seconds."""
        now = time.monotonic()
        if now - self._read_at >= MUTE_SECONDS:
            self._mutes = mutes.load(self._workspace).of_camera(self._camera)
            self._read_at = now
        return self._mutes.covers(self._camera, trigger, datetime.fromtimestamp(at, UTC))

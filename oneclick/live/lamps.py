"""Lamps: triggers over what the models saw in the last minute, about once a second.

They are provisional: a trigger that looks further ahead, or further back, may decide otherwise once
it scans the recording.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from oneclick.core import detections
from oneclick.core.detections import Detections
from oneclick.feedback import replay
from oneclick.storage import mutes
from oneclick.storage.live_ring import Lamp
from oneclick.storage.workspace import Workspace
from oneclick.triggers import RuleSet
from oneclick.triggers.streaming import PredictionChunk

WINDOW_SECONDS = 60.0
LIT_SECONDS = 1.5
"""A hit that ended so long ago still lights its lamp: scans are a second apart."""
SCAN_SECONDS = 1.0
SCAN_SHARE = 0.1
"""Most of the time that is spent on scans: with a slow model or many boxes they are rarer."""
MUTE_SECONDS = 5.0
"""Time after which mutes are read again."""
_LEAST_FRAMES = 10


class LampWindow:
    """The last minute of one camera, as the triggers see it.

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
        self._times: deque[float] = deque()
        self._answers: deque[Sequence[Detections]] = deque()
        self._signals: deque[Mapping[str, float]] = deque()
        self._size = (0, 0)
        self._next_scan = 0.0

    def start_stretch(self) -> None:
        """Forget everything: time has jumped."""
        self._times.clear()
        self._answers.clear()
        self._signals.clear()

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
            self.start_stretch()
            self._size = size
        self._times.append(at)
        self._answers.append(answers)
        self._signals.append(signals)
        while self._times[0] < at - WINDOW_SECONDS:
            self._times.popleft()
            self._answers.popleft()
            self._signals.popleft()

    def scan_if_due(self) -> tuple[Lamp, ...] | None:
        """Scan unless the last scan was a moment ago; None where nothing was scanned."""
        begin = time.monotonic()
        if begin < self._next_scan or len(self._times) < _LEAST_FRAMES:
            return None
        lamps = self.scan()
        cost = time.monotonic() - begin
        self._next_scan = begin + max(SCAN_SECONDS, cost / SCAN_SHARE)
        return lamps

    def scan(self) -> tuple[Lamp, ...]:
        """Return the lamps that are lit now, the strongest first, one a trigger."""
        length, elapsed = len(self._times), self._times[-1] - self._times[0]
        if not self._thresholds or elapsed <= 0:
            return ()
        fps = (length - 1) / elapsed
        by_model = zip(*self._answers, strict=True)
        parts = [replace(detections.join_consecutive(answers), fps=fps) for answers in by_model]
        names = self._signals[0]
        signals = {
            name: np.array([values[name] for values in self._signals], np.float32) for name in names
        }
        chunk = PredictionChunk(tuple(parts), signals)
        scene = replay.build_scene(chunk, self._thresholds, *self._size)
        lit_from = length - max(1, round(LIT_SECONDS * fps))
        lamps: dict[str, Lamp] = {}
        for hit in self._rules.scan(scene):
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

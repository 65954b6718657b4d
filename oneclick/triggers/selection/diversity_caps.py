"""Diversity of a selection: caps per camera, day and trigger, and no repeated errors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from oneclick.core import boxes

Boxes = NDArray[np.floating]
NO_BOXES: Boxes = np.zeros((0, 4))
REPEAT_SHARE = 0.8
"""A window repeats earlier ones if this share of its expected errors lies in earlier places."""
MAX_BOXES = 12
"""Boxes of a window that are compared."""


@dataclass(frozen=True, eq=False, kw_only=True)
class CandidateWindow:
    """Properties of one window that decide whether it may be selected."""

    camera: str
    day: str
    side: str
    """Side of the split; windows are compared within a side."""
    trigger: str
    """Trigger that is charged for the window."""
    boxes: Boxes
    """Boxes of its Hits, `(n, 4)` px."""
    expected_errors: NDArray[np.float64]
    """Expected errors of each box, `(n,)`."""


@dataclass(kw_only=True)
class DiversityCaps:
    """Largest number of windows per camera, day and trigger; a missing name is unlimited."""

    cameras: Mapping[str, int] = field(default_factory=dict)
    days: Mapping[str, int] = field(default_factory=dict)
    triggers: Mapping[str, int] = field(default_factory=dict)
    alike: float = 0.8
    """IoU from which on two boxes are in one place; above 1 no window is a repetition."""
    _counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    _earlier: dict[tuple[str, str, str], Boxes] = field(default_factory=dict)

    def accept(self, window: CandidateWindow, beyond_share: bool = False) -> bool:
        """Check whether a window may be selected; if so, count it as selected.

        Args:
            window: the candidate.
            beyond_share: ignore the cap of its trigger.
        """
        if self.is_full(window, beyond_share) or self.is_repetition(window):
            return False
        self._counts.update(_names(window))
        self.remember(window.camera, window.side, window.trigger, window.boxes)
        return True

    def remember(self, camera: str, side: str, trigger: str, places: Boxes) -> None:
        """Add `(n, 4)` boxes of an earlier clip, so that windows that repeat them are refused."""
        key = (camera, side, trigger)
        earlier = self._earlier.get(key, NO_BOXES)
        self._earlier[key] = np.concatenate([earlier, _subsample(places)])

    def is_full(self, window: CandidateWindow, beyond_share: bool = False) -> bool:
        """Check whether the camera, day or trigger of a window has reached its cap."""
        triggers = {} if beyond_share else self.triggers
        caps = {"camera": self.cameras, "day": self.days, "trigger": triggers}
        return any(
            name in caps[kind] and self._counts[kind, name] >= caps[kind][name]
            for kind, name in _names(window)
        )

    def is_repetition(self, window: CandidateWindow) -> bool:
        """Check whether the trigger has fired in the same places of this camera before."""
        earlier = self._earlier.get((window.camera, window.side, window.trigger), NO_BOXES)
        places, errors = _subsample(window.boxes), _subsample(window.expected_errors)
        if not len(earlier) or not errors.sum():
            return False
        repeated = overlaps_any(places, earlier, self.alike)
        return bool(errors[repeated].sum() >= REPEAT_SHARE * errors.sum())


def overlaps_any(places: Boxes, earlier: Boxes, min_iou: float) -> NDArray[np.bool_]:
    """Return which of `(n, 4)` boxes overlap any of the `(m, 4)` earlier ones by `min_iou`.

    Boxes whose centres are more than half a width apart are not compared: their IoU is below 0.5.
    """
    x, earlier_x = boxes.centres(places)[:, 0], boxes.centres(earlier)[:, 0]
    widths = places[:, 2] - places[:, 0]
    i, j = np.nonzero(np.abs(x[:, None] - earlier_x) <= 0.5 * widths[:, None])
    mask = np.zeros(len(places), np.bool_)
    mask[i[boxes.iou_pairs(places[i], earlier[j]) >= min_iou]] = True
    return mask


def _names(window: CandidateWindow) -> Sequence[tuple[str, str]]:
    return (("camera", window.camera), ("day", window.day), ("trigger", window.trigger))


def _subsample(rows: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return at most MAX_BOXES evenly spaced rows."""
    return rows[:: max(1, -(-len(rows) // MAX_BOXES))]

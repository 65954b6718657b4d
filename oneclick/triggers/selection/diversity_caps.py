"""What a moment must pass besides being among the worst: caps, and not the same trouble again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from oneclick.core import boxes

Boxes = NDArray[np.floating]
NOWHERE: Boxes = np.zeros((0, 4))
MOST = 0.8
"""Share of a moment's expected errors in places seen before from which on it is the same again."""
KEPT = 12
"""Boxes of a moment that are compared."""


@dataclass(frozen=True, eq=False)
class Moment:
    """What is asked about one window."""

    camera: str
    day: str
    side: str
    """Of the split: what was trained on may be tested on."""
    trigger: str
    """That is charged for it."""
    places: Boxes
    """Boxes of its Hits, `(n, 4)`."""
    worth: NDArray[np.float64]
    """Expected errors of each."""


@dataclass
class Allowance:
    """How much more may be taken of each camera, day and trigger; what is missing is unlimited."""

    cameras: Mapping[str, int] = field(default_factory=dict)
    days: Mapping[str, int] = field(default_factory=dict)
    triggers: Mapping[str, int] = field(default_factory=dict)
    alike: float = 0.8
    """IoU from which on two boxes are in one place; above 1 nothing is ever the same again."""
    _taken: Counter[tuple[str, str]] = field(default_factory=Counter)
    _seen: dict[tuple[str, str, str], Boxes] = field(default_factory=dict)

    def allows(self, moment: Moment, beyond_share: bool = False) -> bool:
        """Whether a moment may be taken; if so, it counts as taken.

        Args:
            beyond_share: whether its trigger may take more than `triggers` grants it.
        """
        if self._full(moment, beyond_share) or self._again(moment):
            return False
        for kind, name in _counted(moment):
            self._taken[kind, name] += 1
        self.remember(moment.camera, moment.side, moment.trigger, moment.places)
        return True

    def remember(self, camera: str, side: str, trigger: str, places: Boxes) -> None:
        """What was seen before and is not to be taken again."""
        key = (camera, side, trigger)
        self._seen[key] = np.concatenate([self._seen.get(key, NOWHERE), _some(places)])

    def _full(self, moment: Moment, beyond_share: bool) -> bool:
        granted = {} if beyond_share else self.triggers
        limits = {"camera": self.cameras, "day": self.days, "trigger": granted}
        return any(
            name in limits[kind] and self._taken[kind, name] >= limits[kind][name]
            for kind, name in _counted(moment)
        )

    def _again(self, moment: Moment) -> bool:
        """Whether the camera showed the same trigger's trouble in the same places before."""
        before = self._seen.get((moment.camera, moment.side, moment.trigger), NOWHERE)
        places, worth = _some(moment.places), _some(moment.worth)
        if not len(before) or not worth.sum():
            return False
        return bool(worth[_known(places, before, self.alike)].sum() >= MOST * worth.sum())


def _counted(moment: Moment) -> Sequence[tuple[str, str]]:
    return (("camera", moment.camera), ("day", moment.day), ("trigger", moment.trigger))


def _known(places: Boxes, before: Boxes, alike: float) -> NDArray[np.bool_]:
    """Which places are among those of before."""
    middle, old = boxes.centres(places)[:, 0], boxes.centres(before)[:, 0]
    # Boxes further apart than half a width never overlap by half: most pairs end here.
    widths = places[:, 2] - places[:, 0]
    i, j = np.nonzero(np.abs(middle[:, None] - old) <= 0.5 * widths[:, None])
    known = np.zeros(len(places), np.bool_)
    known[i[boxes.iou_pairs(places[i], before[j]) >= alike]] = True
    return known


def _some(rows: NDArray[np.floating]) -> NDArray[np.floating]:
    """At most KEPT of them, evenly."""
    return rows[:: max(1, -(-len(rows) // KEPT))]

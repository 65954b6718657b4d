"""Walking: the pose of a person on the way along a line of corners."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oneclick.ward import body
from oneclick.ward.people import Person

Floats = NDArray[np.float64]


class WalkPath:
    """A walk along a line of corners at the person's own speed.

    Args:
        corners: (n, 2) metres.
        start: seconds of the recording.
        person: who walks.
        heading: on standing still, radians.
    """

    def __init__(self, corners: Floats, start: float, person: Person, heading: float) -> None:
        steps = np.hypot(*np.diff(corners, axis=0).T)
        self.corners, self.start = corners, start
        self.distances = np.concatenate([[0], np.cumsum(steps)])
        self.person, self.first_heading = person, heading
        self.length = float(self.distances[-1])
        self.seconds = self.length / person.speed

    def position(self, t: float) -> Floats:
        """Return the position at `t` seconds, (2,) metres."""
        along = np.clip((t - self.start) * self.person.speed, 0, self.distances[-1])
        return np.array([np.interp(along, self.distances, axis) for axis in self.corners.T])

    def heading(self, t: float) -> float:
        """Return the direction of the way half a second around `t`, so corners are rounded."""
        ahead = self.position(t + 0.3) - self.position(t - 0.3)
        return float(np.arctan2(ahead[1], ahead[0])) if ahead.any() else self.first_heading

    def pose(self, t: float) -> Floats:
        """Return the pose at `t` seconds, (JOINTS, 3) metres in the room."""
        person = self.person
        stride = 0.24 + 0.17 * person.speed
        # A double step of a leg that swings by `stride` covers four times its sine over the leg.
        step = 4 * np.sin(stride) * 0.49 * person.height
        phase = 2 * np.pi * (t - self.start) * person.speed / step
        walking = body.upright(person.height, phase, stride, person.stoop)
        return body.place_in_room(walking, self.position(t), self.heading(t))

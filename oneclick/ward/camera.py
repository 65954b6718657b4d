"""A pinhole camera: metres of the room in, pixels of the picture out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

NEAR = 0.2
"""Nothing is drawn nearer to the lens than this, metres."""


@dataclass(frozen=True, eq=False)
class Camera:
    """A camera that never moves. World axes: x, y along the walls, z up; metres."""

    position: Floats
    """(3,) of the lens."""
    axes: Floats
    """(3, 3) rows: right, down and forward in the world."""
    focal: float
    """Focal length, px."""
    width: int
    height: int

    @classmethod
    def looking(
        cls, position: Floats, at: Floats, view_degrees: float, width: int, height: int
    ) -> Camera:
        """A level camera at `position` that looks at `at`; `view_degrees` counts across."""
        forward = (at - position) / np.linalg.norm(at - position)
        right = np.cross(forward, [0.0, 0.0, 1.0])
        right /= np.linalg.norm(right)
        axes = np.stack([right, np.cross(forward, right), forward])
        focal = width / 2 / np.tan(np.radians(view_degrees / 2))
        return cls(position, axes, float(focal), width, height)

    def project(self, points: Floats) -> tuple[Floats, Floats]:
        """(n, 3) metres to (n, 2) px and (n,) depth along the view, metres, at least NEAR."""
        seen = (points - self.position) @ self.axes.T
        depth = np.maximum(seen[:, 2], NEAR)
        centre = np.array([self.width / 2, self.height / 2])
        return centre + self.focal * seen[:, :2] / depth[:, None], depth

    def rays(self) -> Floats:
        """(height, width, 3) directions through the pixels' centres, one metre deep."""
        x = (np.arange(self.width) + 0.5 - self.width / 2) / self.focal
        y = (np.arange(self.height) + 0.5 - self.height / 2) / self.focal
        right, down, forward = self.axes
        return np.asarray(forward + x[None, :, None] * right + y[:, None, None] * down)

    def scaled(self, factor: int) -> Camera:
        """The same view in a picture `factor` times as wide and high."""
        return Camera(
            self.position,
            self.axes,
            self.focal * factor,
            self.width * factor,
            self.height * factor,
        )

"""A pinhole camera: metres of the room in, pixels of the picture out."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

NEAR = 0.2
"""Near clipping distance, metres: nothing is drawn nearer to the lens."""


@dataclass(frozen=True, eq=False, kw_only=True)
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
    def look_at(
        cls, position: Floats, target: Floats, view_degrees: float, width: int, height: int
    ) -> Camera:
        """Return a level camera at `position` whose optical axis passes through `target`.

        Args:
            position: (3,) metres.
            target: (3,) metres.
            view_degrees: horizontal field of view.
            width: of the picture, px.
            height: of the picture, px.
        """
        forward = (target - position) / np.linalg.norm(target - position)
        right = np.cross(forward, [0.0, 0.0, 1.0])
        right /= np.linalg.norm(right)
        axes = np.stack([right, np.cross(forward, right), forward])
        focal = width / 2 / np.tan(np.radians(view_degrees / 2))
        return cls(position=position, axes=axes, focal=float(focal), width=width, height=height)

    def project(self, points: Floats) -> tuple[Floats, Floats]:
        """Project (n, 3) metres to (n, 2) px and (n,) depth along the view, metres, >= NEAR."""
        camera_points = (points - self.position) @ self.axes.T
        depth = np.maximum(camera_points[:, 2], NEAR)
        centre = np.array([self.width / 2, self.height / 2])
        return centre + self.focal * camera_points[:, :2] / depth[:, None], depth

    def rays(self) -> Floats:
        """Return (height, width, 3) directions through the pixel centres, one metre deep."""
        x = (np.arange(self.width) + 0.5 - self.width / 2) / self.focal
        y = (np.arange(self.height) + 0.5 - self.height / 2) / self.focal
        right, down, forward = self.axes
        return np.asarray(forward + x[None, :, None] * right + y[:, None, None] * down)

    def scaled(self, factor: int) -> Camera:
        """Return the same view in a picture `factor` times as wide and high."""
        return replace(
            self,
            focal=self.focal * factor,
            width=self.width * factor,
            height=self.height * factor,
        )

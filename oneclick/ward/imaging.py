"""Light and sensor of a recording: exposure, vignette, infra-red lamps, noise."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from oneclick.ward.backdrop import Backdrop
from oneclick.ward.paint import Picture
from oneclick.ward.room import WardRoom

Floats = NDArray[np.float64]

NOISES = 7
"""Noise pictures that take turns, each at a random offset."""
NOISE_MARGIN = 32
"""Largest offset, px."""


@dataclass(frozen=True, kw_only=True)
class ImagingConditions:
    """Light and sensor of one recording."""

    night: bool
    noise: float
    """Standard deviation of a pixel, grey levels."""
    gain: float
    drift: float
    """Amplitude of slow changes of brightness, relative."""
    cloud: float
    """Seconds between steps of brightness; 0 for none."""

    @classmethod
    def draw(cls, rng: np.random.Generator, night: bool) -> ImagingConditions:
        """Draw the conditions of one recording."""
        if night:
            noise, gain = rng.uniform(6, 10), rng.uniform(0.85, 1.1)
            return cls(night=True, noise=noise, gain=gain, drift=0.01, cloud=0.0)
        cloud = rng.uniform(12, 40) if rng.random() < 0.5 else 0.0
        return cls(
            night=False,
            noise=rng.uniform(2, 4),
            gain=rng.uniform(0.88, 1.14),
            drift=rng.uniform(0.005, 0.03),
            cloud=cloud,
        )


def vignette(ward_room: WardRoom, night: bool) -> Picture:
    """Return the relative brightness, (height, width), which falls towards the corners."""
    camera = ward_room.camera
    x = (np.arange(camera.width) + 0.5) / camera.width - 0.5
    y = (np.arange(camera.height) + 0.5) / camera.height - 0.5
    radius = x[None] ** 2 + y[:, None] ** 2
    strength = 1.1 if night else 0.35
    return np.asarray(1 - strength * radius, np.float32)


def noise_pictures(
    rng: np.random.Generator, ward_room: WardRoom, conditions: ImagingConditions
) -> list[NDArray[np.int16]]:
    """Draw NOISES noise pictures, NOISE_MARGIN px larger than the frame; grey at night."""
    height = ward_room.camera.height + NOISE_MARGIN
    width = ward_room.camera.width + NOISE_MARGIN
    pictures = []
    for _ in range(NOISES):
        grain = rng.normal(0, conditions.noise, (height, width, 1 if conditions.night else 3))
        # Cameras smooth their noise, so neighbours are alike.
        soft = cv2.GaussianBlur(grain.astype(np.float32), (3, 3), 0.6)
        soft = soft.reshape(height, width, -1) * 1.4
        rgb = np.broadcast_to(np.round(soft), (height, width, 3))
        pictures.append(np.ascontiguousarray(rgb, np.int16))
    return pictures


def expose(empty_room: Backdrop, night: bool, falloff: Picture) -> None:
    """Convert the picture of the empty room, in place, to this recording's light."""
    picture = empty_room.picture.astype(np.float64)
    if night:
        grey = picture @ [0.45, 0.35, 0.2] * 0.74 + 12
        lamp = illuminator(np.minimum(empty_room.depth, 9.0).astype(np.float64))
        picture = np.repeat((grey * lamp)[..., None], 3, 2)
    empty_room.picture[:] = np.clip(picture * falloff[..., None], 0, 255)


def illuminator(depth: Floats) -> Floats:
    """Return the relative brightness under infra-red lamps beside the lens: far is dark."""
    return np.clip(1.15 * (2.6 / np.maximum(depth, 0.5)) ** 0.8, 0.3, 1.25)

"""A cloth or a hand in front of the lens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from oneclick.ward.paint import Frame, Picture
from oneclick.ward.render import FrameRenderer

COVERED = (0.72, 0.98)
"""Least and largest share of the picture that a cover hides."""


@dataclass(frozen=True, eq=False)
class LensCover:
    """A cover that is out of focus, with soft edges, and trembles a little."""

    opacity: Picture
    """(height, width) 0 … 1."""
    cloth: Picture
    """(height, width, 3) RGB."""
    grain: Callable[[], Picture]
    """Draws the sensor's noise of one frame, (height, width, 1) grey levels."""

    @classmethod
    def draw(cls, renderer: FrameRenderer, rng: np.random.Generator) -> LensCover:
        """Draw a cover for the pictures of a renderer."""
        height, width = renderer.vignette.shape
        cloth = draw_cloth(height, width, renderer.conditions.night, rng)
        noise = renderer.conditions.noise

        def grain() -> Picture:
            return np.asarray(rng.normal(0, noise, (height, width, 1)), np.float32)

        return cls(draw_opacity(height, width, rng), cloth, grain)

    def over(self, picture: Frame, t: float) -> Frame:
        """Blend the cover over a picture at `t` seconds."""
        light = 1 + 0.03 * np.sin(2.3 * t)
        share = self.opacity[..., None]
        mixed = picture * (1 - share) + (self.cloth * light + self.grain()) * share
        return np.asarray(np.clip(mixed, 0, 255), np.uint8)


def draw_opacity(height: int, width: int, rng: np.random.Generator) -> Picture:
    """Draw a mask, (height, width), that is 1 on the COVERED side of a soft wavy line."""
    y, x = np.mgrid[0:height, 0:width] / [[[height]], [[width]]]
    turn = rng.uniform(0, 2 * np.pi)
    along = np.cos(turn) * x + np.sin(turn) * y
    across = np.cos(turn) * y - np.sin(turn) * x
    along = along + 0.04 * np.sin(9 * across + rng.uniform(0, 6))
    limit = np.quantile(along, rng.uniform(*COVERED))
    return np.asarray(1 / (1 + np.exp((along - limit) / 0.02)), np.float32)


def draw_cloth(height: int, width: int, night: bool, rng: np.random.Generator) -> Picture:
    """Draw folds or fingers out of focus, the colour of a towel, of skin, or nearly black."""
    towel, skin, dark = (206.0, 208.0, 214.0), (178.0, 122.0, 96.0), (26.0, 24.0, 24.0)
    colour = np.array((towel, skin, dark)[rng.integers(3)])
    if night:
        colour = np.full(3, colour.mean() * 0.9 + 20)
    folds = cv2.resize(rng.normal(1, 0.12, (4, 6)), (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(folds[..., None] * colour, np.float32)

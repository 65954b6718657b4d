"""Synthetic anomalies, pasted together from a camera's ordinary frames.

The room's own people are laid on the floor, shapes of random colours put into it, a cover drawn
over a part of the lens. People who only walk are pasted into further places too, so that a person
in a new place is no novelty.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from oneclick.detectors.novelty import HEIGHT, WIDTH, Floats

if TYPE_CHECKING:
    from torch import Tensor

MIN_DIFFERENCE = 0.06
"""Pasted pixels count as an anomaly if they differ by this much from the image below, 0 … 1."""
FOREGROUND_DIFFERENCE = 0.12
"""Pixels that differ from the background by more than this are foreground, 0 … 1."""
MOST_CUTOUTS = 600


@dataclass(frozen=True, eq=False)
class Cutout:
    """A piece of foreground from an ordinary image."""

    pixels: Floats
    """(h, w, 4) RGB and mask, 0 … 1."""
    foot: NDArray[np.float64]
    """(2,) px: the middle of its lower edge."""

    @property
    def upright(self) -> bool:
        """Check whether it has the proportions of a person on the feet."""
        height, width = self.pixels.shape[:2]
        return bool(height > 1.3 * width and height > 9)

    def place(
        self, degrees: float, scale: float, centre: NDArray[np.float64]
    ) -> tuple[Floats, Floats]:
        """Rotate and scale about the middle, which goes to `centre`; (3, H, W) and mask (H, W)."""
        middle = np.array(self.pixels.shape[1::-1]) / 2
        matrix = cv2.getRotationMatrix2D(tuple(middle.tolist()), degrees, scale)
        matrix[:, 2] = matrix[:, 2] + (centre - middle)
        layer = cv2.warpAffine(self.pixels, matrix, (WIDTH, HEIGHT))
        return np.asarray(layer[..., :3].transpose(2, 0, 1)), np.asarray(layer[..., 3])


@dataclass(frozen=True)
class StatureModel:
    """Height of people by the row of their feet: nearer people stand lower and look taller."""

    slope: float
    """px of height per row."""
    height: float
    """px, of a person whose feet are in `row`."""
    row: float
    """Median row of all feet."""
    farthest_row: float
    """Row of the farthest feet: their 5% quantile."""

    @classmethod
    def fit(cls, people: list[Cutout]) -> StatureModel:
        """Fit a line through heights over rows, robust to half-hidden people (Theil-Sen)."""
        rows = np.array([person.foot[1] for person in people] or [HEIGHT / 2])
        heights = np.array([float(p.pixels.shape[0]) for p in people] or [HEIGHT / 3])
        # Slopes of pairs, because pieces of half-hidden people are far too short.
        i, j = np.triu_indices(len(rows), 1)
        distance = rows[j] - rows[i]
        far = np.abs(distance) > 4
        slopes = (heights[j] - heights[i])[far] / distance[far]
        return cls(
            slope=max(float(np.median(slopes)) if far.any() else 0.0, 0.0),
            height=float(np.median(heights)),
            row=float(np.median(rows)),
            farthest_row=float(np.quantile(rows, 0.05)),
        )

    def height_at(self, row: float) -> float:
        """Return the height in px of a person with the feet in that row."""
        return max(0.3 * self.height, self.height + self.slope * (row - self.row))


class AnomalySynthesizer:
    """Pastes anomalies into ordinary images.

    Args:
        images: (n, 3, HEIGHT, WIDTH) ordinary images, 0 … 1.
        background: (3, HEIGHT, WIDTH), 0 … 1.
    """

    def __init__(self, images: Floats, background: Floats, rng: np.random.Generator) -> None:
        self.rng = rng
        cutouts = cut_out_foreground(images, background, rng)
        self.people = [cutout for cutout in cutouts if cutout.upright]
        self.stature = StatureModel.fit(self.people)
        self.rows, self.columns = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)

    def batch(self, images: Floats) -> tuple[Tensor, Tensor, Tensor]:
        """Return images with anomalies, without, and the masks (n, HEIGHT, WIDTH) of 0 and 1."""
        clean = [self.add_walker(image) for image in images]
        pasted, masks = zip(*(self.add_anomalies(image) for image in clean), strict=True)
        return (
            torch.from_numpy(np.stack(pasted)),
            torch.from_numpy(np.stack(clean)),
            torch.from_numpy(np.stack(masks)),
        )

    def add_walker(self, image: Floats) -> Floats:
        """Paste one more upright person into half of the images, in the size of that place.

        A few hours of video do not show people in all places where they may walk.
        """
        if self.rng.random() < 0.5 or not self.people:
            return image
        person = self.people[self.rng.integers(len(self.people))]
        foot = self._random_foot()
        scale = self.stature.height_at(foot[1]) / self.stature.height_at(person.foot[1])
        centre = foot - [0, scale * person.pixels.shape[0] / 2]
        layer, mask = person.place(0.0, scale, centre)
        return np.asarray(image * (1 - mask) + layer * mask, np.float32)

    def add_anomalies(self, image: Floats) -> tuple[Floats, Floats]:
        """Paste up to three anomalies, a lens cover or nothing; (3, HEIGHT, WIDTH) and the mask."""
        choice = self.rng.random()
        if choice < 0.2:
            return image, np.zeros((HEIGHT, WIDTH), np.float32)
        if choice < 0.25:
            return paste(image, *self.lens_cover())
        pasted, mask = image, np.zeros((HEIGHT, WIDTH), np.float32)
        # Several at once: the room around is learnt long before what may not be in it.
        for _ in range(int(self.rng.integers(1, 4))):
            fallen = self.people and self.rng.random() < 0.65
            layer = self.fallen_person() if fallen else self.random_shape()
            pasted, other = paste(pasted, *layer)
            mask = np.maximum(mask, other)
        return pasted, mask

    def fallen_person(self) -> tuple[Floats, Floats]:
        """Place a person of this room on the floor: on the side, or foreshortened."""
        rng = self.rng
        person = self.people[rng.integers(len(self.people))]
        centre = np.minimum(self._random_foot(), [WIDTH, 0.97 * HEIGHT])
        scale = self.stature.height_at(centre[1]) / self.stature.height_at(person.foot[1])
        if rng.random() < 0.4:
            degrees, scale = rng.uniform(-180, 180), scale * rng.uniform(0.35, 0.6)
        else:
            degrees = rng.choice([-1, 1]) * rng.uniform(50, 130)
            scale = scale * rng.uniform(0.7, 1.1)
        layer, mask = person.place(degrees, scale, centre)
        if rng.random() < 0.3:
            layer = layer * rng.uniform(0.7, 1.3, (3, 1, 1)).astype(np.float32)
        return layer, mask

    def random_shape(self) -> tuple[Floats, Floats]:
        """Draw a few ellipses and strokes of about one colour; (3, H, W) and mask (H, W)."""
        rng = self.rng
        size = rng.uniform(3, 12)
        centre = rng.uniform([0, 0.1], [1, 1]) * [WIDTH, HEIGHT]
        colour = rng.uniform(0, 1, 3)
        layer = np.tile(colour.astype(np.float32), (HEIGHT, WIDTH, 1))
        mask = np.zeros((HEIGHT, WIDTH), np.float32)
        for _ in range(rng.integers(1, 6)):
            stroke = self.random_stroke(centre + rng.normal(0, size / 2, 2), size)
            tone = np.clip(colour + rng.normal(0, 0.06, 3), 0, 1).astype(np.float32)
            layer[stroke > 0] = tone
            mask = np.maximum(mask, stroke)
        return layer.transpose(2, 0, 1), np.asarray(cv2.blur(mask, (2, 2)))

    def random_stroke(self, centre: NDArray[np.float64], size: float) -> Floats:
        """Draw an ellipse or a line of about `size` px as a mask (H, W) of 0 and 1."""
        mask, rng = np.zeros((HEIGHT, WIDTH), np.float32), self.rng
        x, y = (int(value) for value in centre)
        if rng.random() < 0.5:
            axes = int(size * rng.uniform(0.2, 1)), int(size * rng.uniform(0.2, 0.8))
            cv2.ellipse(mask, (x, y), axes, rng.uniform(0, 180), 0, 360, 1.0, -1)
        else:
            end = int(x + rng.normal(0, size)), int(y + rng.normal(0, size))
            cv2.line(mask, (x, y), end, 1.0, int(rng.integers(1, 5)))
        return mask

    def lens_cover(self) -> tuple[Floats, Floats]:
        """Draw something large before the lens, from one side; (3, H, W) and mask (H, W)."""
        rng = self.rng
        angle = rng.uniform(0, 2 * np.pi)
        along = np.cos(angle) * self.columns / WIDTH + np.sin(angle) * self.rows / HEIGHT
        edge = np.quantile(along, rng.uniform(0.3, 1))
        mask = 1 / (1 + np.exp((along - edge) / 0.02))
        folds = cv2.resize(rng.normal(1, 0.1, (3, 4)).astype(np.float32), (WIDTH, HEIGHT))
        colour = rng.uniform(0, 1, (3, 1, 1))
        return np.asarray(folds * colour, np.float32), mask.astype(np.float32)

    def _random_foot(self) -> NDArray[np.float64]:
        """Draw a place for feet, (2,) px; the lower edge of the image may cut them off."""
        top = self.stature.farthest_row
        return self.rng.uniform([0.03 * WIDTH, top], [0.97 * WIDTH, 1.12 * HEIGHT])


def paste(image: Floats, layer: Floats, mask: Floats) -> tuple[Floats, Floats]:
    """Blend a layer into an image; (3, H, W) and which pixels (H, W) clearly differ, 0 or 1."""
    pasted = image * (1 - mask) + np.clip(layer, 0, 1.2) * mask
    differs = (np.abs(pasted - image).max(0) > MIN_DIFFERENCE) & (mask > 0.5)
    return pasted.astype(np.float32), differs.astype(np.float32)


def cut_out_foreground(
    images: Floats, background: Floats, rng: np.random.Generator
) -> Iterator[Cutout]:
    """Yield pieces that differ from the background, from images in random order, mostly people.

    Args:
        images: (n, 3, HEIGHT, WIDTH), 0 … 1.
        background: (3, HEIGHT, WIDTH), 0 … 1.
    """
    count = 0
    for index in rng.permutation(len(images)).tolist():
        difference = np.abs(images[index] - background).max(0)
        foreground = (difference > FOREGROUND_DIFFERENCE).astype(np.uint8)
        foreground = cv2.morphologyEx(foreground, cv2.MORPH_OPEN, np.ones((2, 2), np.uint8))
        components, labels, stats, _ = cv2.connectedComponentsWithStats(foreground)
        for component in range(1, components):
            x, y, width, height, area = stats[component].tolist()
            if 40 <= area <= 1500 and count < MOST_CUTOUTS:
                window = slice(y, y + height), slice(x, x + width)
                mask = (labels[window] == component).astype(np.float32)
                colours = images[index][:, window[0], window[1]].transpose(1, 2, 0)
                pixels = np.concatenate([colours, mask[..., None]], 2)
                yield Cutout(pixels, np.array([x + width / 2, y + height], np.float64))
                count += 1

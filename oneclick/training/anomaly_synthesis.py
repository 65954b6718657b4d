"""Pictures of what never happened, pasted together from a camera's ordinary frames.

The room's own people are laid on the floor, shapes in colours of chance put into it, a cover drawn
over a part of the lens; and people who only walk are put where nobody walked yet, so that these are
not taken for novelties.
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

SHADE = 0.06
"""A pasted place counts as pasted if it differs by this much from what was there, 0 … 1."""


@dataclass(frozen=True, eq=False)
class _Cutout:
    """A piece of an ordinary image that is not background."""

    piece: Floats
    """(h, w, 4) RGB and cover, 0 … 1."""
    at: NDArray[np.float64]
    """(2,) px: the middle of its lower edge."""

    @property
    def upright(self) -> bool:
        """As a person on the feet is."""
        height, width = self.piece.shape[:2]
        return bool(height > 1.3 * width and height > 9)

    def laid(self, turn: float, scale: float, at: NDArray[np.float64]) -> tuple[Floats, Floats]:
        """Turned by degrees about its middle, which goes to `at`: (3, H, W) and cover (H, W)."""
        middle = np.array(self.piece.shape[1::-1]) / 2
        move = cv2.getRotationMatrix2D(tuple(middle.tolist()), turn, scale)
        move[:, 2] = move[:, 2] + (at - middle)
        moved = cv2.warpAffine(self.piece, move, (WIDTH, HEIGHT))
        return np.asarray(moved[..., :3].transpose(2, 0, 1)), np.asarray(moved[..., 3])


@dataclass(frozen=True)
class _Stature:
    """How tall people look where their feet are: nearer ones stand lower and look taller."""

    slope: float
    height: float
    """Of somebody whose feet are in the middle row of all feet, px."""
    row: float
    """That row."""
    farthest: float
    """Row above which nobody stood."""

    @classmethod
    def of(cls, people: list[_Cutout]) -> _Stature:
        rows = np.array([one.at[1] for one in people] or [HEIGHT / 2])
        tall = np.array([float(one.piece.shape[0]) for one in people] or [HEIGHT / 3])
        # Slopes of pairs, because pieces of half-hidden people are far too short.
        i, j = np.triu_indices(len(rows), 1)
        apart = rows[j] - rows[i]
        far = np.abs(apart) > 4
        slope = float(np.median((tall[j] - tall[i])[far] / apart[far])) if far.any() else 0.0
        return cls(
            max(slope, 0.0),
            float(np.median(tall)),
            float(np.median(rows)),
            float(np.quantile(rows, 0.05)),
        )

    def at(self, row: float) -> float:
        """Height in px with the feet in that row."""
        return max(0.3 * self.height, self.height + self.slope * (row - self.row))


class Forger:
    """Pastes into ordinary images what was never there."""

    def __init__(self, images: Floats, background: Floats, rng: np.random.Generator) -> None:
        self.rng = rng
        self.upright = [one for one in _cutouts(images, background, rng) if one.upright]
        self.stature = _Stature.of(self.upright)
        self.rows, self.columns = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)

    def batch(self, images: Floats) -> tuple[Tensor, Tensor, Tensor]:
        """Images with pastes, without, and where they are, (n, HEIGHT, WIDTH) 0 or 1."""
        true = [self.visited(image) for image in images]
        forged, pasted = zip(*(self.forge(image) for image in true), strict=True)
        return (
            torch.from_numpy(np.stack(forged)),
            torch.from_numpy(np.stack(true)),
            torch.from_numpy(np.stack(pasted)),
        )

    def visited(self, image: Floats) -> Floats:
        """Half of the images get one more person on the feet, as large as it is there.

        A few hours do not show everybody everywhere, and where somebody may walk is no novelty.
        """
        if self.rng.random() < 0.5 or not self.upright:
            return image
        one = self.upright[self.rng.integers(len(self.upright))]
        foot = self._spot()
        scale = self.stature.at(foot[1]) / self.stature.at(one.at[1])
        middle = foot - [0, scale * one.piece.shape[0] / 2]
        paste, cover = one.laid(0.0, scale, middle)
        return np.asarray(image * (1 - cover) + paste * cover, np.float32)

    def _spot(self) -> NDArray[np.float64]:
        """A place of chance for feet, (2,) px: the lower edge may cut them off."""
        top = self.stature.farthest
        return self.rng.uniform([0.03 * WIDTH, top], [0.97 * WIDTH, 1.12 * HEIGHT])

    def forge(self, image: Floats) -> tuple[Floats, Floats]:
        """One (3, HEIGHT, WIDTH) image with up to three pastes, a lid, or nothing in it."""
        dice = self.rng.random()
        if dice < 0.2:
            return image, np.zeros((HEIGHT, WIDTH), np.float32)
        if dice < 0.25:
            return self._pasted(image, *self._lid())
        forged, pasted = image, np.zeros((HEIGHT, WIDTH), np.float32)
        # Several at once: the room around is learnt long before what may not be in it.
        for _ in range(int(self.rng.integers(1, 4))):
            laid = self.upright and self.rng.random() < 0.65
            forged, other = self._pasted(forged, *(self._laid() if laid else self._shape()))
            pasted = np.maximum(pasted, other)
        return forged, pasted

    @staticmethod
    def _pasted(image: Floats, paste: Floats, cover: Floats) -> tuple[Floats, Floats]:
        forged = image * (1 - cover) + np.clip(paste, 0, 1.2) * cover
        # What looks like what was there is no paste.
        other = (np.abs(forged - image).max(0) > SHADE) & (cover > 0.5)
        return forged.astype(np.float32), other.astype(np.float32)

    def _laid(self) -> tuple[Floats, Floats]:
        """Somebody of this room on the floor: on the side, or seen along the body and so short."""
        rng = self.rng
        one = self.upright[rng.integers(len(self.upright))]
        spot = np.minimum(self._spot(), [WIDTH, 0.97 * HEIGHT])
        scale = self.stature.at(spot[1]) / self.stature.at(one.at[1])
        if rng.random() < 0.4:
            turn, scale = rng.uniform(-180, 180), scale * rng.uniform(0.35, 0.6)
        else:
            turn, scale = rng.choice([-1, 1]) * rng.uniform(50, 130), scale * rng.uniform(0.7, 1.1)
        paste, cover = one.laid(turn, scale, spot)
        if rng.random() < 0.3:
            paste = paste * rng.uniform(0.7, 1.3, (3, 1, 1)).astype(np.float32)
        return paste, cover

    def _shape(self) -> tuple[Floats, Floats]:
        """A few ellipses and strokes of about one colour."""
        rng = self.rng
        size = rng.uniform(3, 12)
        middle = rng.uniform([0, 0.1], [1, 1]) * [WIDTH, HEIGHT]
        colour = rng.uniform(0, 1, 3)
        paste = np.tile(colour.astype(np.float32), (HEIGHT, WIDTH, 1))
        cover = np.zeros((HEIGHT, WIDTH), np.float32)
        for _ in range(rng.integers(1, 6)):
            stroke = self._stroke(middle + rng.normal(0, size / 2, 2), size)
            tone = np.clip(colour + rng.normal(0, 0.06, 3), 0, 1).astype(np.float32)
            paste[stroke > 0] = tone
            cover = np.maximum(cover, stroke)
        return paste.transpose(2, 0, 1), np.asarray(cv2.blur(cover, (2, 2)))

    def _stroke(self, at: NDArray[np.float64], size: float) -> Floats:
        drawn, rng = np.zeros((HEIGHT, WIDTH), np.float32), self.rng
        x, y = (int(value) for value in at)
        if rng.random() < 0.5:
            axes = int(size * rng.uniform(0.2, 1)), int(size * rng.uniform(0.2, 0.8))
            cv2.ellipse(drawn, (x, y), axes, rng.uniform(0, 180), 0, 360, 1.0, -1)
        else:
            end = int(x + rng.normal(0, size)), int(y + rng.normal(0, size))
            cv2.line(drawn, (x, y), end, 1.0, int(rng.integers(1, 5)))
        return drawn

    def _lid(self) -> tuple[Floats, Floats]:
        """Something large before the lens, from one side."""
        rng = self.rng
        turn = rng.uniform(0, 2 * np.pi)
        along = np.cos(turn) * self.columns / WIDTH + np.sin(turn) * self.rows / HEIGHT
        edge = np.quantile(along, rng.uniform(0.3, 1))
        cover = 1 / (1 + np.exp((along - edge) / 0.02))
        folds = cv2.resize(rng.normal(1, 0.1, (3, 4)).astype(np.float32), (WIDTH, HEIGHT))
        colour = rng.uniform(0, 1, (3, 1, 1))
        return np.asarray(folds * colour, np.float32), cover.astype(np.float32)


def _cutouts(
    images: Floats, background: Floats, rng: np.random.Generator, most: int = 600
) -> Iterator[_Cutout]:
    """Pieces that differ from the background, of images in an order of chance; most are people."""
    made = 0
    for index in rng.permutation(len(images)).tolist():
        other = (np.abs(images[index] - background).max(0) > 0.12).astype(np.uint8)
        other = cv2.morphologyEx(other, cv2.MORPH_OPEN, np.ones((2, 2), np.uint8))
        count, labels, stats, _ = cv2.connectedComponentsWithStats(other)
        for piece in range(1, count):
            x, y, width, height, area = stats[piece].tolist()
            if 40 <= area <= 1500 and made < most:
                window = slice(y, y + height), slice(x, x + width)
                cover = (labels[window] == piece).astype(np.float32)
                colours = images[index][:, window[0], window[1]].transpose(1, 2, 0)
                both = np.concatenate([colours, cover[..., None]], 2)
                yield _Cutout(both, np.array([x + width / 2, y + height], np.float64))
                made += 1

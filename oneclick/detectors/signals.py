"""Numbers about the picture itself, one a frame: is it dark, blurred, frozen, moved; what stirs."""

from __future__ import annotations

from collections import deque

import cv2
import numpy as np
from numpy.typing import NDArray

from oneclick.core.detections import Detections
from oneclick.detectors.base import Frame

WIDTH = 160
"""Pictures are looked at this wide, px."""
CELLS = (32, 18)
"""Columns and rows of the grid in which motion is kept."""
MARGIN = 0.25
"""Motion this far around a box, in parts of its size, belongs to it: shadows, arms, lag."""
BACK = 1.0
"""Seconds that a picture is compared over to tell whether the camera moved."""
TRUST = 0.25
"""Least certainty of a measured shift (cv2.phaseCorrelate); below it, the picture just changed."""
MOST_MOVED = 0.4
"""A larger share of the picture is a lamp or a bumped camera: the background is another one now."""
SETTLING = 2.0
"""Seconds until the background is known: before, everything would seem to move."""


class Meter:
    """Looks at every frame of one video in order; `signals` gives the numbers when it is over."""

    def __init__(self, fps: float) -> None:
        self.fps = fps
        self._picture = (1, 1)
        self._rows: list[tuple[float, float, float, float]] = []
        self._moving: list[NDArray[np.uint8]] = []
        self._back: deque[NDArray[np.float32]] = deque(maxlen=max(1, round(BACK * fps)))
        self._forget()

    def see(self, frame: Frame) -> None:
        """Take in the next frame."""
        self._picture = frame.shape[1], frame.shape[0]
        small = _small(frame)
        grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
        self._rows.append((grey.mean() / 255, _detail(grey), self._change(grey), self._shift(grey)))
        self._moving.append(np.packbits(self._motion(small)))
        self._back.append(grey)

    def signals(self, boxes: Detections) -> dict[str, NDArray[np.float32]]:
        """All Signals by name, one number per frame seen.

        `brightness` mean of the picture, 0 … 1; `detail` how sharp it is; `change` mean difference
        to the frame before, grey levels; `shift` how far the camera moved within BACK seconds, in
        picture widths; `stir` largest patch that moves outside all boxes, share of the picture.

        Args:
            boxes: what the predictor saw, at its operating point.
        """
        columns = np.array(self._rows, np.float32).reshape(-1, 4).T
        names = ("brightness", "detail", "change", "shift")
        stir = [self._stir(k, boxes.boxes[boxes.rows(k)]) for k in range(len(self._rows))]
        return dict(zip(names, columns, strict=True)) | {"stir": np.array(stir, np.float32)}

    def _forget(self) -> None:
        """Learn the background anew."""
        self._known = 0
        self._background = cv2.createBackgroundSubtractorMOG2(
            history=max(2, round(60 * self.fps)), varThreshold=25, detectShadows=True
        )

    def _change(self, grey: NDArray[np.float32]) -> float:
        return float(np.abs(grey - self._back[-1]).mean()) if self._back else 255.0

    def _shift(self, grey: NDArray[np.float32]) -> float:
        if not self._back:
            return 0.0
        window = cv2.createHanningWindow(grey.shape[::-1], cv2.CV_32F)
        # It writes into what it is given.
        (x, y), certainty = cv2.phaseCorrelate(self._back[0].copy(), grey.copy(), window)
        return float(np.hypot(x, y)) / WIDTH if certainty >= TRUST else 0.0

    def _motion(self, small: Frame) -> NDArray[np.bool_]:
        """Cells of the grid in which at least a third of the pixels move."""
        mask = self._background.apply(small)
        self._known += 1
        if self._known <= SETTLING * self.fps:
            return np.zeros(CELLS[::-1], np.bool_)
        if (mask > 0).mean() > MOST_MOVED:  # shadows too: a lamp that goes out is one
            self._forget()
        share = cv2.resize((mask == 255).astype(np.float32), CELLS, interpolation=cv2.INTER_AREA)
        return np.asarray(share > 1 / 3)

    def _stir(self, frame: int, boxes: NDArray[np.float32]) -> float:
        columns, rows = CELLS
        moving = np.unpackbits(self._moving[frame], count=columns * rows).reshape(rows, columns)
        if not moving.any():
            return 0.0
        for x1, y1, x2, y2 in _in_cells(boxes, self._picture):
            moving[max(y1, 0) : y2, max(x1, 0) : x2] = 0
        _, _, found, _ = cv2.connectedComponentsWithStats(moving, connectivity=8)
        return float(found[1:, cv2.CC_STAT_AREA].max(initial=0)) / (columns * rows)


def _small(frame: Frame) -> Frame:
    height, width = frame.shape[:2]
    size = (WIDTH, max(1, round(height * WIDTH / width)))
    return np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), np.uint8)


def _detail(grey: NDArray[np.float32]) -> float:
    """Strength of edges: the standard deviation of the Laplacian, grey levels."""
    return float(cv2.Laplacian(grey, cv2.CV_32F).std())


def _in_cells(boxes: NDArray[np.float32], picture: tuple[int, int]) -> NDArray[np.intp]:
    """Boxes with their margin in columns and rows of the grid, rounded outwards."""
    sides = boxes[:, 2:] - boxes[:, :2]
    low, high = boxes[:, :2] - MARGIN * sides, boxes[:, 2:] + MARGIN * sides
    scale = np.array(CELLS) / picture
    return np.concatenate([np.floor(low * scale), np.ceil(high * scale)], 1).astype(np.intp)

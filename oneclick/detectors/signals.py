"""Signals of the image itself, a number per frame: brightness, sharpness, change, shift, motion."""

from __future__ import annotations

from collections import deque

import cv2
import numpy as np
from numpy.typing import NDArray

from oneclick.core.detections import Detections
from oneclick.detectors.base import Frame

NAMES = ("brightness", "detail", "change", "shift", "stir")
"""Names of the Signals, which `SignalMeter.signals` explains."""
WIDTH = 160
"""Width that frames are reduced to, px."""
CELLS = (32, 18)
"""Columns and rows of the grid in which motion is recorded."""
MARGIN = 0.25
"""Motion this far around a box, in parts of its size, belongs to it: shadows, arms, lag."""
SHIFT_SECONDS = 1.0
"""Time between the frames that are compared to tell whether the camera moved."""
MIN_CERTAINTY = 0.25
"""Least certainty of a measured shift (cv2.phaseCorrelate); below it, the image just changed."""
LEAST_SIDE = 8
"""Least height and width in px in which a shift can be measured."""
MOST_MOVING = 0.4
"""A larger share of the image is a lamp or a bumped camera: the background is another one now."""
SETTLING_SECONDS = 2.0
"""Time until the background is learnt: before, everything would seem to move."""


class SignalMeter:
    """Measures every frame of one video in order; `signals` returns the numbers at the end."""

    def __init__(self, fps: float) -> None:
        self.fps = fps
        self._size = (1, 1)
        self._rows: list[tuple[float, float, float, float]] = []
        self._motion: list[NDArray[np.uint8]] = []
        length = max(1, round(SHIFT_SECONDS * fps))
        self._past: deque[NDArray[np.float32]] = deque(maxlen=length)
        self._reset_background()

    def start_stretch(self) -> None:
        """Forget the frames so far, because time jumps before the next one."""
        self._past.clear()
        self._reset_background()

    def add_frame(self, frame: Frame) -> None:
        """Measure brightness, detail, change, shift and motion of the next frame."""
        self._size = frame.shape[1], frame.shape[0]
        small = reduce_frame(frame)
        grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
        sharpness = float(cv2.Laplacian(grey, cv2.CV_32F).std())
        change, shift = 255.0, 0.0
        if self._past:
            change = float(np.abs(grey - self._past[-1]).mean())
            shift = camera_shift(self._past[0], grey)
        self._rows.append((grey.mean() / 255, sharpness, change, shift))
        self._motion.append(np.packbits(self.moving_cells(small)))
        self._past.append(grey)

    def signals(self, boxes: Detections) -> dict[str, NDArray[np.float32]]:
        """Return all Signals by name, (n,) for the n frames so far.

        `brightness` mean of the image, 0 … 1; `detail` sharpness, the standard deviation of the
        Laplacian in grey levels; `change` mean difference to the frame before, grey levels; `shift`
        how far the camera moved within SHIFT_SECONDS, in image widths; `stir` largest patch that
        moves outside all boxes, share of the image.

        Args:
            boxes: detections of the predictor at its operating point.
        """
        columns = np.array(self._rows, np.float32).reshape(-1, 4).T
        stir = [self.largest_motion(k, boxes.boxes[boxes.rows(k)]) for k in range(len(self._rows))]
        return dict(zip(NAMES, (*columns, np.array(stir, np.float32)), strict=True))

    def take_signals(self, boxes: Detections) -> dict[str, NDArray[np.float32]]:
        """Return the Signals of the frames since the last call, and forget these frames.

        For a stream without an end; `boxes` are of these frames. What later frames are compared
        with stays.
        """
        values = self.signals(boxes)
        self._rows.clear()
        self._motion.clear()
        return values

    def moving_cells(self, small: Frame) -> NDArray[np.bool_]:
        """Return the cells of the grid in which at least a third of the pixels move."""
        mask = self._background.apply(small)
        self._background_frames += 1
        if self._background_frames <= SETTLING_SECONDS * self.fps:
            return np.zeros(CELLS[::-1], np.bool_)
        if (mask > 0).mean() > MOST_MOVING:  # shadows too: a lamp that goes out is one
            self._reset_background()
        share = cv2.resize((mask == 255).astype(np.float32), CELLS, interpolation=cv2.INTER_AREA)
        return np.asarray(share > 1 / 3)

    def largest_motion(self, frame: int, boxes: NDArray[np.float32]) -> float:
        """Return the largest connected patch that moves outside all boxes, share of the image.

        Args:
            frame: 0-based.
            boxes: (n, 4) px of the frame.
        """
        columns, rows = CELLS
        moving = np.unpackbits(self._motion[frame], count=columns * rows).reshape(rows, columns)
        if not moving.any():
            return 0.0
        for x1, y1, x2, y2 in boxes_in_cells(boxes, self._size):
            moving[max(y1, 0) : y2, max(x1, 0) : x2] = 0
        stats = cv2.connectedComponentsWithStats(moving, connectivity=8)[2]
        return float(stats[1:, cv2.CC_STAT_AREA].max(initial=0)) / (columns * rows)

    def _reset_background(self) -> None:
        """Learn the background anew."""
        self._background_frames = 0
        self._background = cv2.createBackgroundSubtractorMOG2(
            history=max(2, round(60 * self.fps)), varThreshold=25, detectShadows=True
        )


def reduce_frame(frame: Frame) -> Frame:
    """Reduce a frame to WIDTH px, proportions kept."""
    height, width = frame.shape[:2]
    size = (WIDTH, max(1, round(height * WIDTH / width)))
    return np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), np.uint8)


def camera_shift(before: NDArray[np.float32], after: NDArray[np.float32]) -> float:
    """Return the distance in image widths between two grey images; 0 where it is uncertain."""
    if min(after.shape) < LEAST_SIDE:
        return 0.0
    window = cv2.createHanningWindow(after.shape[::-1], cv2.CV_32F)
    # phaseCorrelate writes into its arguments.
    (x, y), certainty = cv2.phaseCorrelate(before.copy(), after.copy(), window)
    return float(np.hypot(x, y)) / WIDTH if certainty >= MIN_CERTAINTY else 0.0


def boxes_in_cells(boxes: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.intp]:
    """Return boxes with their margin in columns and rows of the grid, rounded outwards, (n, 4).

    Args:
        size: width and height of the frame, px.
    """
    sides = boxes[:, 2:] - boxes[:, :2]
    low, high = boxes[:, :2] - MARGIN * sides, boxes[:, 2:] + MARGIN * sides
    scale = np.array(CELLS) / size
    return np.concatenate([np.floor(low * scale), np.ceil(high * scale)], 1).astype(np.intp)

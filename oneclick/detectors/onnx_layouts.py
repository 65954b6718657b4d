"""Layouts of the outputs of foreign detectors, each with the decoding of one picture.

- YOLOX (Ge et al., arXiv 2107.08430) and YOLO of other makers: `(cells, 5 + classes)`, a centre and
  size, objectness and a score per class for each cell of the strides 8, 16 and 32, or
  `(4 + classes, cells)` without objectness; NMS is left to the reader.
- FastestDet: `(5 + classes, rows, columns)` of stride 16: objectness, offsets, sizes, classes.
- DETR and its kin (Carion et al., arXiv 2005.12872): logits `(queries, classes)` and boxes
  `(queries, 4)`, centre and size in parts of the picture; no NMS.
- Final boxes: of torchvision, of the deployed graphs of RT-DETR and D-FINE, with NMS in the graph,
  or as rows `(n, 6)` of box, score and class.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from oneclick.core import boxes as geometry
from oneclick.detectors import base
from oneclick.detectors.base import Frame, FrameDetections
from oneclick.detectors.onnx_pictures import Floats

Outputs = Mapping[str, NDArray[Any]]
"""Outputs of a graph for one picture, by name, without the axis of the batch."""
STRIDES = (8, 16, 32)
NMS_IOU = 0.45
MOST_QUERIES = 300
"""Boxes of a DETR with the highest scores that are kept."""
MOST_RELATIVE = 1.5
"""Final boxes that all end below it are in parts of the input: none is smaller than 2 px."""


class OutputLayout(Protocol):
    """A way in which a graph writes what it found."""

    @property
    def threshold(self) -> float:
        """Return the operating point of models of this kind."""
        ...

    def detections(self, outputs: Outputs, frame: Frame, scale: Floats) -> FrameDetections:
        """Return the detections of a frame.

        Args:
            outputs: of the graph, for this frame.
            frame: as it was before it was fitted into the input.
            scale: px of the input per px of the frame, across and down.
        """
        ...


@dataclass(frozen=True)
class YoloLayout:
    """A row, or a column, for each cell: box, objectness if it has that, and a score per class."""

    output: str
    size: tuple[int, int]
    """Height and width of the input, px."""
    count: int
    """Classes; columns after theirs are left unread."""
    is_decoded: bool = False
    """Whether the graph has turned its cells into centres and sizes in px."""
    has_objectness: bool = True
    """The score of a class is objectness × class; otherwise that of the class alone."""
    is_transposed: bool = False
    """Whether the cells are the last axis."""
    threshold: float = 0.6
    """Best F1 of YOLOX-nano on PETS09-S2L1."""

    def detections(self, outputs: Outputs, frame: Frame, scale: Floats) -> FrameDetections:
        """Return the detections of a frame, NMS per class."""
        rows = outputs[self.output].astype(np.float32, copy=False)
        rows = rows.T if self.is_transposed else rows
        places = np.arange(len(rows))
        if self.has_objectness:
            places = np.flatnonzero(rows[:, 4] >= base.LOWEST_SCORE)  # class scores are at most 1
            rows = rows[places]
        first = 4 + self.has_objectness
        chances = rows[:, first : first + self.count]
        classes = chances.argmax(1)
        scores = chances[np.arange(len(rows)), classes]
        if self.has_objectness:
            scores = rows[:, 4] * scores
        good = scores >= base.LOWEST_SCORE
        rows, places, classes, scores = rows[good], places[good], classes[good], scores[good]
        if self.is_decoded:
            boxes = corners(rows[:, :2], rows[:, 2:4])
        else:
            cells, strides = grid(self.size)
            boxes = decode(rows[:, :4], cells[places], strides[places])
        boxes = np.asarray(boxes / np.tile(scale, 2), np.float32)
        return suppress(frame, boxes, scores, classes)


@dataclass(frozen=True)
class FastestDetLayout:
    """`(5 + classes, rows, columns)`: objectness, centre, size, and classes that sum to 1."""

    output: str
    size: tuple[int, int]
    """Height and width of the input, px."""
    threshold: float = 0.7

    def detections(self, outputs: Outputs, frame: Frame, scale: Floats) -> FrameDetections:
        """Return the detections of a frame, NMS per class; score = objectness^.6 × class^.4."""
        channels, rows, columns = outputs[self.output].shape
        values = outputs[self.output].reshape(channels, -1)
        classes = values[5:].argmax(0)
        best = np.maximum(values[5 + classes, np.arange(rows * columns)], 0)
        scores = np.maximum(values[0], 0) ** 0.6 * best**0.4
        places = np.flatnonzero(scores >= base.LOWEST_SCORE)
        row, column = np.divmod(places, columns)
        extent = np.array([columns, rows], np.float32)
        centres = (np.stack([column, row], 1) + np.tanh(values[1:3, places].T)) / extent
        sizes = 1 / (1 + np.exp(-values[3:5, places].T))
        px = np.array([self.size[1], self.size[0]], np.float32) / scale
        boxes = corners(centres * px, sizes * px)
        return suppress(frame, boxes, scores[places], classes[places])


@dataclass(frozen=True)
class DetrLayout:
    """`(queries, classes)` logits and `(queries, 4)` boxes in parts of the picture, no NMS."""

    logits: str
    boxes: str
    count: int
    """Classes; a column after theirs is "no object", or left unread."""
    has_nothing: bool = False
    """The last class is "no object", and classes exclude each other (softmax); otherwise each has
    a chance of its own (sigmoid)."""
    threshold: float = 0.5

    def detections(self, outputs: Outputs, frame: Frame, scale: Floats) -> FrameDetections:
        """Return the detections of a frame; with sigmoid, a query may give several classes."""
        logits = outputs[self.logits].astype(np.float32)
        if self.has_nothing:
            odds = np.exp(logits - logits.max(1, keepdims=True))
            chances = (odds / odds.sum(1, keepdims=True))[:, :-1]
            queries, classes = np.arange(len(chances)), chances.argmax(1)
        else:
            chances = 1 / (1 + np.exp(-np.clip(logits[:, : self.count], -80, 80)))
            order = np.argsort(-chances, axis=None, kind="stable")[:MOST_QUERIES]
            queries, classes = np.divmod(order, chances.shape[1])
        places = outputs[self.boxes].astype(np.float32)[queries]
        px = np.array([frame.shape[1], frame.shape[0]], np.float32)
        boxes = corners(places[:, :2] * px, places[:, 2:] * px)
        return base.frame_detections(frame, boxes, chances[queries, classes], classes)


@dataclass(frozen=True)
class FinalLayout:
    """`boxes` (n, 4), `scores` (n,) and `labels` (n,) of boxes that are final."""

    boxes: str
    scores: str
    labels: str
    count: int
    """Of classes; boxes of others are dropped."""
    first_label: int = 0
    """Label of the first class; torchvision keeps 0 for the background."""
    in_frame: bool = False
    """Whether px are those of the frame, not those of the input."""
    size: tuple[int, int] | None = None
    """Height and width of the input, px; None where it is as large as the frame."""
    threshold: float = 0.5

    def detections(self, outputs: Outputs, frame: Frame, scale: Floats) -> FrameDetections:
        """Return the detections of a frame."""
        boxes, scores, labels = (outputs[name] for name in (self.boxes, self.scores, self.labels))
        return self._known(boxes.astype(np.float32), scores, labels, frame, scale)

    def _known(
        self,
        boxes: Floats,
        scores: NDArray[Any],
        labels: NDArray[Any],
        frame: Frame,
        scale: Floats,
    ) -> FrameDetections:
        """Return the boxes whose label has a class, in px of the frame."""
        height, width = frame.shape[:2]
        if len(boxes) and float(np.abs(boxes).max()) <= MOST_RELATIVE:
            in_px = (height, width) if self.in_frame or self.size is None else self.size
            boxes = np.asarray(boxes * np.tile(np.array(in_px[::-1], np.float32), 2), np.float32)
        if not self.in_frame:
            boxes = np.asarray(boxes / np.tile(scale, 2), np.float32)
        classes = labels.astype(np.int64) - self.first_label
        has_name = (classes >= 0) & (classes < self.count)
        return base.frame_detections(frame, boxes[has_name], scores[has_name], classes[has_name])


@dataclass(frozen=True)
class RowsLayout(FinalLayout):
    """`(n, 6)` rows of a final box, its score and its class, all in `boxes`."""

    def detections(self, outputs: Outputs, frame: Frame, scale: Floats) -> FrameDetections:
        """Return the detections of a frame."""
        rows = outputs[self.boxes].astype(np.float32)
        return self._known(rows[:, :4], rows[:, 4], rows[:, 5], frame, scale)


def suppress(frame: Frame, boxes: Floats, scores: Floats, classes: NDArray[Any]) -> FrameDetections:
    """Return boxes in px of the frame after NMS per class."""
    # Shifted by class, boxes of different classes never overlap.
    shifted = boxes + classes[:, None] * 2 * max(frame.shape)
    best = geometry.nms(shifted, scores, NMS_IOU)
    return base.frame_detections(frame, boxes[best], scores[best], classes[best])


def corners(centres: Floats, sizes: Floats) -> Floats:
    """Convert centres and sizes, (n, 2) each, to boxes (n, 4) x1 y1 x2 y2."""
    return np.concatenate([centres - sizes / 2, centres + sizes / 2], 1)


def decode(raw: Floats, cells: Floats, strides: Floats) -> Floats:
    """Convert raw outputs of YOLOX to boxes (n, 4) x1 y1 x2 y2 in px of the input.

    Args:
        raw: `(n, 4)` centre relative to the cell, and logarithm of the size, in cells.
        cells: `(n, 2)` column and row.
        strides: `(n,)` px per cell.
    """
    centres = (raw[:, :2] + cells) * strides[:, None]
    # exp of a wild size would be infinite; no box is e^10 cells wide.
    return corners(centres, np.exp(np.minimum(raw[:, 2:], 10)) * strides[:, None])


@lru_cache(maxsize=8)
def grid(size: tuple[int, int]) -> tuple[Floats, Floats]:
    """Return column and row `(cells, 2)` and stride `(cells,)` of every output row of YOLOX."""
    cells, strides = [], []
    for stride in STRIDES:
        down, across = size[0] // stride, size[1] // stride
        row, column = np.divmod(np.arange(down * across), across)
        cells.append(np.stack([column, row], 1))
        strides.append(np.full(down * across, stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(strides).astype(np.float32)

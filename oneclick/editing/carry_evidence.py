"""What is on record about a clip into which a person is drawn: detections and labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oneclick.core import boxes as geometry
from oneclick.core.detections import Detections
from oneclick.core.labels import LabelTrack

FloatArray = NDArray[np.float64]

POSITION_ERROR = np.array([0.12, 0.08, 0.18, 0.12])
"""Spread of detections around the person: centre x and y, width and height, in box sides."""
MAX_STRENGTH = 1.0
BORDER = 2.0
"""A side of a detection within so many px of the picture's edge is cut off by it."""


@dataclass(frozen=True, kw_only=True)
class CarryOptions:
    """Parameters of carrying a box: one set for all cameras, chosen with tests/bench/carry.py."""

    bridge_seconds: float = 2.0
    """Longest time without evidence after which a person is found again; then the track ends."""
    min_strength: float = 0.12
    """Detections below this share of their model's threshold are ignored."""
    gate: float = 9.0
    """Largest squared distance of a detection from the prediction, in variances."""
    miss_weight: float = 0.25
    """Weight of the case that no detection near the prediction shows the person."""
    hidden_cover: float = 0.6
    """Share of the box from which a labelled person hides it; it then moves as it did before."""
    claim_cover: float = 0.75
    """Share of a detection from which it belongs to the labelled person who covers it."""
    flow_gate: float = 0.3
    """Change of velocity in a tenth of a second, in box widths, that flow may cause; beyond, it
    follows somebody else."""
    flow_share: float = 0.7
    """Weight of flow beside the velocity so far."""
    use_flow: bool = True
    """Whether points are followed from picture to picture."""
    use_template: bool = True
    """Whether the look of the box is searched for."""
    use_background: bool = True
    """Whether what moves is told from what never does, where the camera stands still."""


@dataclass(frozen=True, kw_only=True)
class CarryEvidence:
    """What is on record about a clip beside its pictures."""

    fps: float
    width: int
    height: int
    detections: Sequence[Detections] = ()
    """Boxes of each model, with all scores kept."""
    thresholds: Sequence[float] = ()
    """Operating threshold of each model."""
    labels: Sequence[LabelTrack] = ()
    """People who are labelled already: no carried box goes over to them."""


class CarryCandidates:
    """Boxes of all models and of all labels by frame.

    Args:
        evidence: what is on record.
        length: frames of the clip.
        options: parameters.
    """

    def __init__(self, evidence: CarryEvidence, length: int, options: CarryOptions) -> None:
        self._options = options
        self._limit = np.array([evidence.width, evidence.height], np.float64)
        parts = [(np.zeros(0, np.intp), np.zeros((0, 4)), np.zeros(0))]
        for detections, threshold in zip(evidence.detections, evidence.thresholds, strict=True):
            strengths = np.minimum(detections.scores / max(threshold, 1e-6), MAX_STRENGTH)
            valid = (strengths >= options.min_strength) & (detections.frames < length)
            frames = detections.frames[valid].astype(np.intp)
            parts.append((frames, detections.boxes[valid], strengths[valid]))
        frames, rows, strengths = (np.concatenate(column) for column in zip(*parts, strict=True))
        order = np.argsort(frames, kind="stable")
        self._boxes, self._strengths = rows[order].astype(np.float64), strengths[order]
        self._offsets = np.searchsorted(frames[order], np.arange(length + 1))
        label_frames = np.concatenate([np.zeros(0), *(track.frames for track in evidence.labels)])
        label_boxes = np.concatenate([np.zeros((0, 4)), *(t.boxes for t in evidence.labels)])
        order = np.argsort(label_frames, kind="stable")
        self._label_boxes = label_boxes[order]
        self._label_offsets = np.searchsorted(label_frames[order], np.arange(length + 1))
        self._labels = evidence.labels

    def labels_at(self, frame: int) -> FloatArray:
        """Return the boxes of labelled people in a frame, `(n, 4)` px."""
        low, high = self._label_offsets[frame : frame + 2]
        return self._label_boxes[low:high]

    def beginning_at(self, frame: int, before: int) -> FloatArray:
        """Return the boxes in a frame of labelled people without one in `before`, `(n, 4)` px."""
        rows = [
            track.boxes[np.searchsorted(track.frames, frame)]
            for track in self._labels
            if frame in track.frames and before not in track.frames
        ]
        return np.array(rows, np.float64).reshape(-1, 4)

    def measure(
        self, frame: int, predicted: FloatArray, variance: FloatArray
    ) -> tuple[FloatArray, float]:
        """Return where the detections of a frame see the person, and the probability that they do.

        All detections near the prediction count, each by its strength and distance (probabilistic
        data association, Bar-Shalom and Tse, Automatica 11, 1975).

        Args:
            frame: of the clip.
            predicted: `(4,)` px, centre x and y, width and height.
            variance: `(4,)` px².
        """
        rows = slice(self._offsets[frame], self._offsets[frame + 1])
        boxes, strengths = self._boxes[rows], self._strengths[rows]
        if not len(boxes):
            return predicted, 0.0
        states = self._complete(boxes, predicted)
        error = (POSITION_ERROR * np.tile(predicted[2:], 2)) ** 2
        distance = ((states - predicted) ** 2 / (variance + error)).sum(1)
        inside = geometry.clip(to_box(predicted)[None], *self._limit)
        overlap = geometry.iou(boxes, inside)[:, 0]
        valid = (distance < self._options.gate) & (overlap > 0.1)
        labels = self.labels_at(frame)
        if len(labels):
            claimed = geometry.iou(boxes, labels).max(1)
            valid &= (claimed < 0.5) | (claimed <= overlap)
            valid &= covers(boxes, labels) < self._options.claim_cover
        if not valid.any():
            return predicted, 0.0
        weights = strengths[valid] ** 1.5 * np.exp(-distance[valid] / 2)
        total = float(weights.sum())
        mean = (weights[:, None] * states[valid]).sum(0) / total
        return mean, total / (total + self._options.miss_weight)

    def _complete(self, boxes: FloatArray, predicted: FloatArray) -> FloatArray:
        """Return boxes as states; those cut off by the picture's edge get the predicted size."""
        states = np.concatenate([geometry.centres(boxes), boxes[:, 2:] - boxes[:, :2]], 1)
        for axis in range(2):
            low, high = boxes[:, axis], boxes[:, axis + 2]
            size = predicted[axis + 2]
            is_low, is_high = low <= BORDER, high >= self._limit[axis] - BORDER
            cut = (is_low | is_high) & (states[:, axis + 2] < size)
            centre = np.where(is_low, high - size / 2, low + size / 2)
            states[:, axis] = np.where(cut, centre, states[:, axis])
            states[:, axis + 2] = np.where(cut, size, states[:, axis + 2])
        return states


def covers(boxes: FloatArray, labels: FloatArray) -> FloatArray:
    """Return the largest share of each box that one label covers, `(n,)`; 0 without labels."""
    if not len(labels):
        return np.zeros(len(boxes))
    low = np.maximum(boxes[:, None, :2], labels[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], labels[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(2)
    share: FloatArray = shared.max(1) / np.maximum(geometry.area(boxes), 1)
    return share


def to_state(box: FloatArray) -> FloatArray:
    """Return corners as centre x and y, width and height, `(4,)` px."""
    return np.concatenate([(box[:2] + box[2:]) / 2, box[2:] - box[:2]])


def to_box(state: FloatArray) -> FloatArray:
    """Return centre x and y, width and height as corners, `(4,)` px."""
    return np.concatenate([state[:2] - state[2:] / 2, state[:2] + state[2:] / 2])

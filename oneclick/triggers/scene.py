"""Input of a trigger: the predictions of one video, their tracks, and a second opinion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from oneclick.core import association
from oneclick.core.detections import Detections
from oneclick.core.hits import Hit
from oneclick.core.spans import Span

Mask = NDArray[np.bool_]
Rows = NDArray[np.intp]


@dataclass(frozen=True, eq=False, kw_only=True)
class Scene:
    """Predictions of one video, and what they are compared with.

    Results that several triggers need are computed once and cached.

    Raises:
        ValueError: if detections, labels and signals differ in length, or the image has no size.
    """

    detections: Detections
    """All boxes of the deployed model (the predictor), low scores too."""
    threshold: float
    """Operating point of the predictor: a box counts from this score on."""
    width: float
    """Image size in px."""
    height: float
    rival_detections: Detections | None = None
    """Boxes of a rival model on the same video; its classes are matched by name."""
    rival_threshold: float = 0.0
    turned_detections: Detections | None = None
    """Boxes of the predictor in turned pictures, at the frames where it looked at them."""
    labels: Detections | None = None
    """Tracks that hindsight computed from the predictions of the same video."""
    signals: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    """One number per frame, `(length,)`, by name."""
    _cache: dict[tuple[str, float], object] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        if not (self.width > 0 and self.height > 0):
            raise ValueError(f"picture: expected a size, got {self.width} x {self.height}")
        for name, boxes in (
            ("rival", self.rival_detections),
            ("turned", self.turned_detections),
            ("labels", self.labels),
        ):
            if boxes is not None and boxes.length != self.length:
                raise ValueError(f"{name}: expected {self.length} frames, got {boxes.length}")
        for name, signal in self.signals.items():
            if signal.shape != (self.length,):
                raise ValueError(
                    f"signal {name}: expected {self.length} frames, got {signal.shape}"
                )

    @property
    def length(self) -> int:
        """Return the number of frames."""
        return self.detections.length

    @property
    def fps(self) -> float:
        """Return the frame rate in frames per second."""
        return self.detections.fps

    def frames(self, seconds: float) -> int:
        """Convert seconds to the nearest whole number of frames, at least one."""
        return max(1, round(seconds * self.fps))

    @cached_property
    def confident(self) -> Detections:
        """Return the boxes of the predictor at or above its operating point."""
        return self.detections.above(self.threshold)

    @cached_property
    def rival(self) -> Detections | None:
        """Return the rival's boxes at its operating point, with the predictor's class indices."""
        if self.rival_detections is None:
            return None
        return self._with_own_classes(self.rival_detections.above(self.rival_threshold))

    @cached_property
    def turned(self) -> Detections | None:
        """Return the turned boxes at the predictor's operating point, with its class indices."""
        if self.turned_detections is None:
            return None
        return self._with_own_classes(self.turned_detections.above(self.threshold))

    @cached_property
    def hindsight(self) -> Detections | None:
        """Return the hindsight labels with the predictor's class indices."""
        return None if self.labels is None else self._with_own_classes(self.labels)

    @property
    def visible(self) -> NDArray[np.intp]:
        """Return the number of `confident` boxes in each frame, `(length,)`."""
        return np.bincount(self.confident.frames, minlength=self.length)

    def tracks(self, hole: float) -> NDArray[np.int32]:
        """Return the track of each row of `confident`, linked over gaps up to `hole` seconds."""
        key = ("tracks", hole)
        if key not in self._cache:
            self._cache[key] = association.link(self.confident, max_hole_seconds=hole)
        return self._cache[key]  # type: ignore[return-value]

    def ends(self, hole: float) -> tuple[Rows, Rows]:
        """Return the first and the last row of `confident` of each track."""
        order, starts = self._in_tracks(hole)
        stops = np.append(starts[1:], len(order))[: len(starts)]
        return order[starts], order[stops - 1]

    def steps(self, hole: float) -> tuple[Rows, Rows]:
        """Return the rows of `confident` before and after each step of a track, in track order."""
        order, starts = self._in_tracks(hole)
        follows = np.ones(len(order), np.bool_)
        follows[starts] = False
        at = np.flatnonzero(follows)
        return order[at - 1], order[at]

    def _in_tracks(self, hole: float) -> tuple[Rows, Rows]:
        """Return the rows of `confident` sorted by track and time, and the start of each track."""
        key = ("in tracks", hole)
        if key not in self._cache:
            tracks = self.tracks(hole)
            # Rows are in order of time already.
            order = np.argsort(tracks, kind="stable")
            self._cache[key] = order, np.flatnonzero(np.diff(tracks[order], prepend=-1))
        return self._cache[key]  # type: ignore[return-value]

    def unmatched(self, against: Detections, min_iou: float) -> tuple[Mask, Mask]:
        """Return masks of rows of `confident` and of `against` without a match, one to one."""
        key = (f"unmatched {id(against)}", min_iou)
        if key not in self._cache:
            extra = np.ones(len(self.confident), np.bool_)
            absent = np.ones(len(against), np.bool_)
            i, j = association.match_frames(self.confident, against, min_iou)
            extra[i], absent[j] = False, False
            self._cache[key] = extra, absent
        return self._cache[key]  # type: ignore[return-value]

    def _with_own_classes(self, detections: Detections) -> Detections:
        """Map classes by name to the predictor's; boxes of classes it does not know are dropped."""
        names = self.detections.names
        if names == detections.names:
            return detections
        index = [names.index(name) if name in names else -1 for name in detections.names]
        classes = np.array(index)[detections.classes]
        mapped = replace(detections, names=names, classes=np.maximum(classes, 0))
        return mapped.where(classes >= 0)


def hits_from_rows(
    trigger: str,
    scene: Scene,
    tracks: NDArray[np.integer],
    rows: Rows,
    scores: NDArray[np.floating],
    join: float,
    reason: str,
) -> list[Hit]:
    """Return Hits from rows of `scene.confident`: one per track and stretch of time.

    Args:
        trigger: name of the trigger.
        scene: predictions that `rows` index.
        tracks: track of each row of `scene.confident`.
        rows: rows concerned, each once.
        scores: `(len(rows),)`; a Hit has their mean.
        join: breaks of at most so many seconds do not end a Hit.
        reason: as in `hits_from_boxes`.
    """
    order = np.lexsort((scene.confident.frames[rows], tracks[rows]))
    rows, scores = rows[order], scores[order]
    frames = scene.confident.frames[rows]
    breaks = (np.diff(tracks[rows]) != 0) | (np.diff(frames) > scene.frames(join))
    groups = np.cumsum(np.append(0, breaks))[: len(rows)]
    by_row = np.argsort(rows)
    detections = scene.confident.where(rows[by_row])
    return hits_from_boxes(trigger, detections, groups[by_row], scores[by_row], reason)


def hits_from_boxes(
    trigger: str,
    detections: Detections,
    groups: NDArray[np.integer],
    scores: NDArray[np.floating],
    reason: str,
) -> list[Hit]:
    """Return one Hit per group of boxes.

    Args:
        trigger: name of the trigger.
        detections: boxes concerned.
        groups: group of each box, `(n,)`.
        scores: `(n,)`; a Hit has their mean, limited to 0 … 1.
        reason: sentence for the reviewer. It may contain {cls}, {frames} ("3 frames", those with
            a box) and {seconds} ("0.4 s", from the first of them to the last).
    """
    if not len(detections):
        return []
    order = np.lexsort((detections.frames, groups))
    first = np.flatnonzero(np.diff(groups[order], prepend=groups[order[0]] - 1))
    stops = np.append(first[1:], len(order)).tolist()
    means = np.add.reduceat(scores[order].astype(np.float64), first) / np.diff([*first, len(order)])
    frames = detections.frames[order].tolist()
    sides = np.round(detections.boxes.take(order, axis=0).astype(np.float64), 2).T.tolist()
    places = list(zip(frames, *sides, strict=True))
    names = [detections.names[k] for k in detections.classes[order[first]].tolist()]
    hits = []
    limited = np.clip(means, 0, 1).round(4).tolist()
    texts: dict[tuple[str, int, int], str] = {}  # most Hits have the same text
    for start, stop, name, score in zip(first.tolist(), stops, names, limited, strict=True):
        low, high = frames[start], frames[stop - 1] + 1
        key = (name, high - low, stop - start)
        if key not in texts:
            count = "1 frame" if stop - start == 1 else f"{stop - start} frames"
            seconds = f"{(high - low) / detections.fps:.1f} s"
            texts[key] = reason.format(cls=name, seconds=seconds, frames=count)
        boxes = tuple(places[start:stop])
        span = Span(low, high)
        hits.append(Hit(trigger=trigger, span=span, score=score, boxes=boxes, why=texts[key]))
    return hits


def hits_from_frames(
    trigger: str,
    scene: Scene,
    mask: Mask,
    strength: NDArray[np.floating],
    seconds: float,
    join: float,
    reason: str,
) -> list[Hit]:
    """Return one Hit without boxes per stretch of frames in which a condition holds.

    Args:
        trigger: name of the trigger.
        scene: the video.
        mask: `(length,)` whether the condition holds in each frame.
        strength: `(length,)`; a Hit has the mean where the condition holds, limited to 0 … 1.
        seconds: shorter stretches are left out.
        join: breaks of at most so many seconds are part of a stretch.
        reason: sentence for the reviewer; it may contain {seconds} ("3.2 s").
    """
    frames = np.flatnonzero(mask)
    if not len(frames):
        return []
    breaks = np.flatnonzero(np.diff(frames) > scene.frames(join)) + 1
    hits = []
    for part in np.split(frames, breaks):
        span = Span(int(part[0]), int(part[-1]) + 1)
        if len(span) >= seconds * scene.fps:
            score = round(float(np.clip(strength[part].mean(), 0, 1)), 4)
            text = reason.format(seconds=f"{len(span) / scene.fps:.1f} s")
            hits.append(Hit(trigger=trigger, span=span, score=score, boxes=(), why=text))
    return hits

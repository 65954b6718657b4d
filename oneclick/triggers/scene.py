"""What a trigger looks at: the predictions of one video, their tracks, and a second opinion."""

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


@dataclass(frozen=True, eq=False)
class Scene:
    """One Prediction and what to hold against it; work that several triggers need is done once.

    Raises:
        ValueError: if the two Detections are not of the same frames, or the picture has no size.
    """

    detections: Detections
    """All boxes of the deployed model, low scores too."""
    threshold: float
    """Its operating point: a box counts from this score on."""
    width: float
    """Picture in px."""
    height: float
    other: Detections | None = None
    """What a rival says of the same video; classes pair by name, unknown ones are left out."""
    other_threshold: float = 0.0
    labels: Detections | None = None
    """What hindsight makes of the predictions of the same video."""
    signals: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    """One number per frame, by name."""
    _done: dict[tuple[str, float], object] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        if not (self.width > 0 and self.height > 0):
            raise ValueError(f"picture: expected a size, got {self.width} x {self.height}")
        for what, given in (("rival", self.other), ("labels", self.labels)):
            if given is not None and given.length != self.length:
                raise ValueError(f"{what}: expected {self.length} frames, got {given.length}")
        for what, signal in self.signals.items():
            if signal.shape != (self.length,):
                raise ValueError(
                    f"signal {what}: expected {self.length} frames, got {signal.shape}"
                )

    @property
    def length(self) -> int:
        """Frames in the video."""
        return self.detections.length

    @property
    def fps(self) -> float:
        """Frames per second."""
        return self.detections.fps

    def frames(self, seconds: float) -> int:
        """Nearest whole number of frames, at least one."""
        return max(1, round(seconds * self.fps))

    @cached_property
    def sure(self) -> Detections:
        """Boxes at or above the operating point."""
        return self.detections.above(self.threshold)

    @cached_property
    def rival(self) -> Detections | None:
        """Boxes of the rival at its operating point, with the class indices of the predictor."""
        if self.other is None:
            return None
        return self._renamed(self.other.above(self.other_threshold))

    @cached_property
    def hindsight(self) -> Detections | None:
        """The labels with the class indices of the predictor."""
        return None if self.labels is None else self._renamed(self.labels)

    @property
    def visible(self) -> NDArray[np.intp]:
        """Boxes of `sure` per frame, `(length,)`."""
        return np.bincount(self.sure.frames, minlength=self.length)

    def tracks(self, hole: float) -> NDArray[np.int32]:
        """Track of each row of `sure`, carried over holes of at most `hole` seconds."""
        key = ("tracks", hole)
        if key not in self._done:
            self._done[key] = association.link(self.sure, max_hole_seconds=hole)
        return self._done[key]  # type: ignore[return-value]

    def ends(self, hole: float) -> tuple[Rows, Rows]:
        """First and last row in `sure` of each track."""
        order, starts = self._in_tracks(hole)
        stops = np.append(starts[1:], len(order))[: len(starts)]
        return order[starts], order[stops - 1]

    def steps(self, hole: float) -> tuple[Rows, Rows]:
        """Rows of `sure` before and after each step of a track, track by track in order of time."""
        order, starts = self._in_tracks(hole)
        follows = np.ones(len(order), np.bool_)
        follows[starts] = False
        at = np.flatnonzero(follows)
        return order[at - 1], order[at]

    def _in_tracks(self, hole: float) -> tuple[Rows, Rows]:
        """Rows of `sure` track by track in order of time, and where each track starts there."""
        key = ("in tracks", hole)
        if key not in self._done:
            tracks = self.tracks(hole)
            # Rows are in order of time already.
            order = np.argsort(tracks, kind="stable")
            self._done[key] = order, np.flatnonzero(np.diff(tracks[order], prepend=-1))
        return self._done[key]  # type: ignore[return-value]

    def unmatched(self, against: Detections, min_iou: float) -> tuple[Mask, Mask]:
        """Rows of `sure` without a partner in `against`, and rows of `against` without one here."""
        key = (f"unmatched {id(against)}", min_iou)
        if key not in self._done:
            own, theirs = np.ones(len(self.sure), np.bool_), np.ones(len(against), np.bool_)
            i, j = association.match_frames(self.sure, against, min_iou)
            own[i], theirs[j] = False, False
            self._done[key] = own, theirs
        return self._done[key]  # type: ignore[return-value]

    def _renamed(self, theirs: Detections) -> Detections:
        """With our class indices; boxes of classes that we do not know are left out."""
        own = self.detections.names
        if own == theirs.names:
            return theirs
        index = np.array([own.index(name) if name in own else -1 for name in theirs.names])
        classes = index[theirs.classes]
        return replace(theirs, names=own, classes=np.maximum(classes, 0)).where(classes >= 0)


def stretches(
    trigger: str,
    scene: Scene,
    tracks: NDArray[np.integer],
    rows: Rows,
    scores: NDArray[np.floating],
    join: float,
    why: str,
) -> list[Hit]:
    """`runs` of rows of `sure`, each once; one Hit per track and breaks of at most `join` seconds.

    Args:
        tracks: track of each row of `sure`.
        scores: one per row of `rows`.
    """
    order = np.lexsort((scene.sure.frames[rows], tracks[rows]))
    rows, scores = rows[order], scores[order]
    frames = scene.sure.frames[rows]
    fresh = (np.diff(tracks[rows]) != 0) | (np.diff(frames) > scene.frames(join))
    groups = np.cumsum(np.append(0, fresh))[: len(rows)]
    by_row = np.argsort(rows)
    return runs(trigger, scene.sure.where(rows[by_row]), groups[by_row], scores[by_row], why)


def runs(
    trigger: str,
    found: Detections,
    groups: NDArray[np.integer],
    scores: NDArray[np.floating],
    why: str,
) -> list[Hit]:
    """One Hit per group of boxes; its score is their mean, limited to 0 … 1.

    `why` may name {cls}, {frames} ("3 frames", those with a box) and {seconds} ("0.4 s", from the
    first of them to the last).
    """
    if not len(found):
        return []
    order = np.lexsort((found.frames, groups))
    first = np.flatnonzero(np.diff(groups[order], prepend=groups[order[0]] - 1))
    stops = np.append(first[1:], len(order)).tolist()
    means = np.add.reduceat(scores[order].astype(np.float64), first) / np.diff([*first, len(order)])
    frames = found.frames[order].tolist()
    sides = np.round(found.boxes.take(order, axis=0).astype(np.float64), 2).T.tolist()
    places = list(zip(frames, *sides, strict=True))
    names = [found.names[k] for k in found.classes[order[first]].tolist()]
    hits = []
    limited = np.clip(means, 0, 1).round(4).tolist()
    texts: dict[tuple[str, int, int], str] = {}  # most Hits read alike
    for start, stop, name, score in zip(first.tolist(), stops, names, limited, strict=True):
        low, high = frames[start], frames[stop - 1] + 1
        key = (name, high - low, stop - start)
        if key not in texts:
            texts[key] = _text(why, *key, found.fps)
        hits.append(Hit(trigger, Span(low, high), score, tuple(places[start:stop]), texts[key]))
    return hits


def _text(why: str, cls: str, length: int, count: int, fps: float) -> str:
    frames = "1 frame" if count == 1 else f"{count} frames"
    return why.format(cls=cls, seconds=f"{length / fps:.1f} s", frames=frames)


def spells(
    trigger: str,
    scene: Scene,
    when: Mask,
    strength: NDArray[np.floating],
    seconds: float,
    join: float,
    why: str,
) -> list[Hit]:
    """One Hit without boxes per stretch of frames in which something is so.

    Args:
        when: `(length,)`; breaks of at most `join` seconds are part of a stretch.
        strength: `(length,)`; the score is its mean where it is so, limited to 0 … 1.
        seconds: shorter stretches are left out.
        why: may name {seconds} ("3.2 s").
    """
    frames = np.flatnonzero(when)
    if not len(frames):
        return []
    fresh = np.flatnonzero(np.diff(frames) > scene.frames(join)) + 1
    hits = []
    for part in np.split(frames, fresh):
        span = Span(int(part[0]), int(part[-1]) + 1)
        if len(span) >= seconds * scene.fps:
            score = round(float(np.clip(strength[part].mean(), 0, 1)), 4)
            text = why.format(seconds=f"{len(span) / scene.fps:.1f} s")
            hits.append(Hit(trigger, span, score, (), text))
    return hits

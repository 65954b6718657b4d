"""Simulated annotators: they correct labels from the truth, at the speed of people.

What they do to a clip, track by track and not box by box:
- a run of boxes of one track that shows nobody is deleted, in one operation;
- a run of frames in which somebody has no box gets boxes; a run in which somebody's box fits badly
  (IoU below GOOD) gets better ones. They set key boxes at both ends, look at the straight line
  between, and add a key box where it fits worst until it is GOOD everywhere;
- everything else they only look at.

Now and then a run is overlooked, and no key box is exact to the pixel. Costs are seconds: 7 s to
draw a box is published (extreme clicking, Papadopoulos et al., ICCV 2017); the others are
assumptions, to be replaced by the times that the review tool will log.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from oneclick.core import association, boxes
from oneclick.core.detections import Detections
from oneclick.core.labels import LabelSet, LabelTrack, from_tracks, to_tracks
from oneclick.core.review import Verdict
from oneclick.core.tracks import HUMAN, Tracks

Rows = NDArray[np.intp]
Boxes = NDArray[np.float32]

SAME = 0.3
"""A box and a person belong together from this IoU on."""
GOOD = 0.7
"""A box is left as it is from this IoU on."""


@dataclass(frozen=True)
class Costs:
    """Seconds of work."""

    frame: float = 1.6
    """To look at one frame."""
    look: float = 0.2
    """More for every box in it."""
    delete: float = 1.5
    """Of one run."""
    draw: float = 7.0
    """A key box where there was none."""
    adjust: float = 3.5
    """A key box out of one that fits badly."""


@dataclass(frozen=True, eq=False)
class Operation:
    """One thing an annotator does to one object."""

    kind: str
    """delete, draw or adjust."""
    rows: Rows
    """Of the labels for delete, of the truth for the others; consecutive frames of one track."""


@dataclass(frozen=True)
class Annotator:
    """Somebody who corrects labels; the same labels are corrected in the same way every time."""

    name: str
    seed: int = 0
    costs: Costs = Costs()
    jitter: float = 1.2
    """Standard deviation of each side of a key box, px."""
    slip: float = 0.02
    """Probability that a run is overlooked."""

    def review(self, labels: LabelSet, truth: Tracks, at: datetime | None = None) -> Verdict:
        """Correct one clip: `truth` is about the clip's own frames.

        The verdict carries the whole of the corrected tracks. What was edited has the origin h and
        a score of 1; the rest keeps its own. `edits` counts boxes deleted, drawn and moved.

        Raises:
            ValueError: if labels and truth differ in length.
        """
        if labels.frames != truth.length:
            raise ValueError(
                f"clip {labels.clip} has {labels.frames} frames, the truth {truth.length}"
            )
        key = zlib.crc32(f"{self.name}/{labels.clip}/{labels.revision}".encode())
        rng = np.random.default_rng([self.seed, key])
        desk = _Desk(self, labels, truth, rng)
        for operation in plan(labels, truth):
            if rng.random() >= self.slip:
                desk.do(operation)
        seconds = desk.seconds + self._looking(labels)
        when = at or datetime.now(UTC)
        return Verdict(labels.clip, "accept", self.name, when, desk.tracks(), seconds, desk.edits)

    def _looking(self, labels: LabelSet) -> float:
        return self.costs.frame * labels.frames + self.costs.look * labels.boxes()


def team(count: int = 2, seed: int = 0) -> list[Annotator]:
    """annotator-1, annotator-2 …"""
    return [Annotator(f"annotator-{number + 1}", seed + number) for number in range(count)]


def plan(labels: LabelSet, truth: Tracks) -> list[Operation]:
    """What has to be done to the labels, in the order in which it is done."""
    said = to_tracks(labels, truth.fps)
    i, j = _pairs(said, truth)
    false = np.setdiff1d(np.arange(len(said)), i)
    missing = np.setdiff1d(np.arange(len(truth)), j)
    bad = j[boxes.iou_pairs(said.boxes[i], truth.boxes[j]) < GOOD]
    return [
        *(Operation("delete", rows) for rows in _runs(said, false)),
        *(Operation("adjust", rows) for rows in _runs(truth, np.sort(bad))),
        *(Operation("draw", rows) for rows in _runs(truth, missing)),
    ]


def _pairs(said: Tracks, truth: Tracks) -> tuple[Rows, Rows]:
    """Rows of labels and of truth that show the same person."""
    return association.match_frames(_detections(said), _detections(truth), SAME)


def _detections(tracks: Tracks) -> Detections:
    return Detections(
        tracks.frames,
        tracks.boxes,
        tracks.scores,
        tracks.classes,
        tracks.length,
        tracks.fps,
        tracks.names,
    )


def _runs(tracks: Tracks, rows: Rows) -> Iterator[Rows]:
    """The rows as runs of consecutive frames of one track."""
    order = rows[np.lexsort((tracks.frames[rows], tracks.tracks[rows]))]
    if not len(order):
        return
    other = np.diff(tracks.tracks[order]) != 0
    yield from np.split(order, np.flatnonzero(other | (np.diff(tracks.frames[order]) != 1)) + 1)


class _Desk:
    """The tracks of one clip while they are corrected."""

    def __init__(
        self, annotator: Annotator, labels: LabelSet, truth: Tracks, rng: np.random.Generator
    ) -> None:
        self.annotator, self.labels, self.truth, self.rng = annotator, labels, truth, rng
        self.said = to_tracks(labels, truth.fps)
        self.kept = np.ones(len(self.said), np.bool_)
        places = zip(self.said.frames.tolist(), self.said.tracks.tolist(), strict=True)
        self.taken = set(places)
        i, j = _pairs(self.said, truth)
        self.row_of = dict(zip(j.tolist(), i.tolist(), strict=True))
        self.names = _names(self.said, truth, i, j)
        self.spare = 1 + max([-1, *self.names.values(), *self.said.tracks.tolist()])
        self.made: list[tuple[int, int, Boxes, int]] = []
        self.keys: dict[int, set[int]] = {}
        self.seconds, self.edits = 0.0, 0

    def do(self, operation: Operation) -> None:
        self.edits += len(operation.rows)
        costs = self.annotator.costs
        if operation.kind == "delete":
            self._drop(operation.rows)
            self.seconds += costs.delete
            return
        keys, fitted = self._fit(self.truth.boxes[operation.rows])
        self.seconds += len(keys) * (costs.draw if operation.kind == "draw" else costs.adjust)
        for place, (row, box) in enumerate(zip(operation.rows.tolist(), fitted, strict=True)):
            frame, track = int(self.truth.frames[row]), self._track(row)
            self.made.append((frame, track, box, int(self.truth.classes[row])))
            self.taken.add((frame, track))
            if place in keys:
                self.keys.setdefault(track, set()).add(frame)

    def tracks(self) -> tuple[LabelTrack, ...]:
        """What is left and what was made; key frames and attributes of before stay."""
        whole = from_tracks(self._joined())
        old = {track.id: track for track in self.labels.tracks}
        return tuple(self._with_notes(track, old.get(track.id)) for track in whole)

    def _fit(self, true: Boxes) -> tuple[list[int], Boxes]:
        """Key boxes set by hand, and the straight line through them, GOOD everywhere."""
        moved = true + self.rng.normal(0, self.annotator.jitter, true.shape).astype(np.float32)
        size = np.array([self.labels.width, self.labels.height] * 2, np.float32)
        moved = np.clip(moved, 0, size)
        moved[:, 2:] = np.maximum(moved[:, 2:], moved[:, :2] + 1)
        keys = sorted({0, len(true) - 1})
        while True:
            places = np.arange(len(true))
            line = np.stack([np.interp(places, keys, side) for side in moved[keys].T], axis=1)
            fit = boxes.iou_pairs(line, true)
            fit[keys] = 1
            worst = int(fit.argmin())
            if fit[worst] >= GOOD:
                return keys, line.astype(np.float32)
            keys = sorted([*keys, worst])

    def _drop(self, rows: Rows) -> None:
        self.kept[rows] = False
        self.taken -= {(int(self.said.frames[r]), int(self.said.tracks[r])) for r in rows}

    def _track(self, row: int) -> int:
        """A moved box stays in its track, a drawn one joins the track of its person."""
        old = self.row_of.get(row)
        if old is not None:
            self._drop(np.array([old]))
            return int(self.said.tracks[old])
        person, frame = int(self.truth.tracks[row]), int(self.truth.frames[row])
        name = self.names[person]
        # Where that track shows somebody else in this frame, the person gets one of its own.
        return self.spare + person if (frame, name) in self.taken else name

    def _joined(self) -> Tracks:
        left, n = self.said.where(self.kept), len(self.made)
        frames, tracks, drawn, classes = zip(*self.made, strict=True) if n else ((), (), (), ())
        return replace(
            left,
            frames=np.append(left.frames, np.array(frames, np.int32)),
            tracks=np.append(left.tracks, np.array(tracks, np.int32)),
            boxes=np.concatenate([left.boxes, np.reshape(drawn, (n, 4))]),
            scores=np.append(left.scores, np.ones(n, np.float32)),
            classes=np.append(left.classes, np.array(classes, np.int16)),
            origins=np.append(left.origins, np.full(n, HUMAN)),
        )

    def _with_notes(self, track: LabelTrack, before: LabelTrack | None) -> LabelTrack:
        frames = set(track.frames.tolist())
        known = frames & set(before.keyframes) if before else set()
        keys = known | self.keys.get(track.id, set())
        return replace(
            track,
            keyframes=tuple(sorted(keys)),
            attributes=before.attributes if before else {},
        )


def _names(said: Tracks, truth: Tracks, i: Rows, j: Rows) -> dict[int, int]:
    """The label track that shows each person most often; a new one for whom none shows.

    Two people never share one: it goes to whom it shows more often.
    """
    votes = Counter(zip(truth.tracks[j].tolist(), said.tracks[i].tolist(), strict=True))
    names: dict[int, int] = {}
    for (person, track), _ in votes.most_common():
        if person not in names and track not in names.values():
            names[person] = track
    fresh = 1 + max([-1, *said.tracks.tolist()])
    for person in np.unique(truth.tracks).tolist():
        if person not in names:
            names[person], fresh = fresh, fresh + 1
    return names

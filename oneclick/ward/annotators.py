"""Simulated annotators: they correct labels from the truth, at the speed of people.

What they do to a clip, track by track and not box by box:
- a run of boxes of one track that shows nobody is deleted, in one operation;
- a run of frames in which a person has no box gets boxes; a run in which a box fits badly (IoU
  below GOOD) gets better ones. They set key boxes at both ends, look at the linear interpolation
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
from oneclick.core.labels import LabelSet, LabelTrack, from_tracks, to_tracks
from oneclick.core.review import Verdict
from oneclick.core.tracks import HUMAN, Tracks

Rows = NDArray[np.intp]
Boxes = NDArray[np.float32]

SAME = 0.3
"""Least IoU at which a box and a person belong together."""
GOOD = 0.7
"""Least IoU at which a box is left as it is."""


@dataclass(frozen=True, kw_only=True)
class AnnotationCosts:
    """Seconds that a simulated annotator needs for each action."""

    frame: float = 1.6
    """To look at one frame."""
    look: float = 0.2
    """More for every box in it."""
    delete: float = 1.5
    """Of one run."""
    draw: float = 7.0
    """A new key box."""
    adjust: float = 3.5
    """A key box out of one that fits badly."""


@dataclass(frozen=True, eq=False)
class EditOperation:
    """One operation of an annotator on one object."""

    kind: str
    """delete, draw or adjust."""
    rows: Rows
    """Of the labels for delete, of the truth for the others; consecutive frames of one track."""


@dataclass(frozen=True, kw_only=True)
class Annotator:
    """A simulated reviewer, who corrects the same labels in the same way every time."""

    name: str
    seed: int = 0
    costs: AnnotationCosts = AnnotationCosts()
    jitter: float = 1.2
    """Standard deviation of each side of a key box, px."""
    slip: float = 0.02
    """Probability that a run is overlooked."""

    def review(self, labels: LabelSet, truth: Tracks, at: datetime | None = None) -> Verdict:
        """Correct one clip, of whose own frames `truth` is, and return the verdict.

        The verdict carries all of the corrected tracks. What was edited has the origin h and
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
        session = _CorrectionSession(self, labels, truth, rng)
        for operation in plan(labels, truth):
            if rng.random() >= self.slip:
                session.apply(operation)
        viewing = self.costs.frame * labels.frames + self.costs.look * labels.boxes()
        return Verdict(
            clip=labels.clip,
            decision="accept",
            by=self.name,
            at=at or datetime.now(UTC),
            tracks=session.tracks(),
            seconds=session.seconds + viewing,
            edits=session.edits,
        )


def team(count: int = 2, seed: int = 0) -> list[Annotator]:
    """Return annotators with the names annotator-1, annotator-2 and so on."""
    return [Annotator(name=f"annotator-{k + 1}", seed=seed + k) for k in range(count)]


def plan(labels: LabelSet, truth: Tracks) -> list[EditOperation]:
    """Return the operations that correct the labels, in the order of execution."""
    labelled = to_tracks(labels, truth.fps)
    i, j = match_people(labelled, truth)
    false_positives = np.setdiff1d(np.arange(len(labelled)), i)
    false_negatives = np.setdiff1d(np.arange(len(truth)), j)
    poor_fits = j[boxes.iou_pairs(labelled.boxes[i], truth.boxes[j]) < GOOD]
    return [
        *(EditOperation("delete", rows) for rows in _runs(labelled, false_positives)),
        *(EditOperation("adjust", rows) for rows in _runs(truth, np.sort(poor_fits))),
        *(EditOperation("draw", rows) for rows in _runs(truth, false_negatives)),
    ]


def match_people(labelled: Tracks, truth: Tracks) -> tuple[Rows, Rows]:
    """Return the rows of labels and of truth, (n,) each, that show the same person."""
    return association.match_frames(labelled.detections, truth.detections, SAME)


def name_people(labelled: Tracks, truth: Tracks, i: Rows, j: Rows) -> dict[int, int]:
    """Return the label track of each person: the one that shows the person most often.

    Two people never share a track: it goes to the one whom it shows more often. A person whom no
    track shows gets a new one. `i` and `j` are the rows of `match_people`.
    """
    votes = Counter(zip(truth.tracks[j].tolist(), labelled.tracks[i].tolist(), strict=True))
    names: dict[int, int] = {}
    for (person, track), _ in votes.most_common():
        if person not in names and track not in names.values():
            names[person] = track
    new_track = 1 + max([-1, *labelled.tracks.tolist()])
    for person in np.unique(truth.tracks).tolist():
        if person not in names:
            names[person], new_track = new_track, new_track + 1
    return names


def _runs(tracks: Tracks, rows: Rows) -> Iterator[Rows]:
    """Yield the rows as runs of consecutive frames of one track."""
    order = rows[np.lexsort((tracks.frames[rows], tracks.tracks[rows]))]
    if not len(order):
        return
    other_track = np.diff(tracks.tracks[order]) != 0
    breaks = other_track | (np.diff(tracks.frames[order]) != 1)
    yield from np.split(order, np.flatnonzero(breaks) + 1)


class _CorrectionSession:
    """The tracks of one clip while they are corrected."""

    def __init__(
        self, annotator: Annotator, labels: LabelSet, truth: Tracks, rng: np.random.Generator
    ) -> None:
        self.annotator, self.labels, self.truth, self.rng = annotator, labels, truth, rng
        self.labelled = to_tracks(labels, truth.fps)
        self.retained = np.ones(len(self.labelled), np.bool_)
        places = zip(self.labelled.frames.tolist(), self.labelled.tracks.tolist(), strict=True)
        self.occupied = set(places)
        i, j = match_people(self.labelled, truth)
        self.label_row = dict(zip(j.tolist(), i.tolist(), strict=True))
        self.names = name_people(self.labelled, truth, i, j)
        self.spare = 1 + max([-1, *self.names.values(), *self.labelled.tracks.tolist()])
        self.edited: list[tuple[int, int, Boxes, int]] = []
        """Frame, track, box and class of the boxes set by hand."""
        self.keyframes: dict[int, set[int]] = {}
        self.seconds, self.edits = 0.0, 0

    def apply(self, operation: EditOperation) -> None:
        """Apply one operation and count its cost."""
        self.edits += len(operation.rows)
        costs = self.annotator.costs
        if operation.kind == "delete":
            self._drop(operation.rows)
            self.seconds += costs.delete
            return
        keys, fitted = self.fit_boxes(self.truth.boxes[operation.rows])
        self.seconds += len(keys) * (costs.draw if operation.kind == "draw" else costs.adjust)
        for place, (row, box) in enumerate(zip(operation.rows.tolist(), fitted, strict=True)):
            frame, track = int(self.truth.frames[row]), self.assign_track(row)
            self.edited.append((frame, track, box, int(self.truth.classes[row])))
            self.occupied.add((frame, track))
            if place in keys:
                self.keyframes.setdefault(track, set()).add(frame)

    def fit_boxes(self, true_boxes: Boxes) -> tuple[list[int], Boxes]:
        """Set key boxes by hand until their linear interpolation is GOOD everywhere.

        Args:
            true_boxes: (n, 4) px of consecutive frames.

        Returns:
            Indices of the key boxes, and all boxes, (n, 4) px.
        """
        noise = self.rng.normal(0, self.annotator.jitter, true_boxes.shape).astype(np.float32)
        size = np.array([self.labels.width, self.labels.height] * 2, np.float32)
        hand_boxes = np.clip(true_boxes + noise, 0, size)
        hand_boxes[:, 2:] = np.maximum(hand_boxes[:, 2:], hand_boxes[:, :2] + 1)
        keys = sorted({0, len(true_boxes) - 1})
        while True:
            places = np.arange(len(true_boxes))
            line = np.stack([np.interp(places, keys, side) for side in hand_boxes[keys].T], axis=1)
            fit = boxes.iou_pairs(line, true_boxes)
            fit[keys] = 1
            worst = int(fit.argmin())
            if fit[worst] >= GOOD:
                return keys, line.astype(np.float32)
            keys = sorted([*keys, worst])

    def assign_track(self, row: int) -> int:
        """Return the track for the box of a row of the truth.

        A moved box stays in its track, a drawn one joins the track of its person.
        """
        label_row = self.label_row.get(row)
        if label_row is not None:
            self._drop(np.array([label_row]))
            return int(self.labelled.tracks[label_row])
        person, frame = int(self.truth.tracks[row]), int(self.truth.frames[row])
        name = self.names[person]
        # Where that track shows another person in this frame, this one gets a track of its own.
        return self.spare + person if (frame, name) in self.occupied else name

    def tracks(self) -> tuple[LabelTrack, ...]:
        """Return all boxes left or set; keyframes and attributes of before are retained."""
        rest, n = self.labelled.where(self.retained), len(self.edited)
        columns = zip(*self.edited, strict=True) if n else ((), (), (), ())
        frames, track_ids, hand_boxes, classes = columns
        corrected = replace(
            rest,
            frames=np.append(rest.frames, np.array(frames, np.int32)),
            tracks=np.append(rest.tracks, np.array(track_ids, np.int32)),
            boxes=np.concatenate([rest.boxes, np.reshape(hand_boxes, (n, 4))]),
            scores=np.append(rest.scores, np.ones(n, np.float32)),
            classes=np.append(rest.classes, np.array(classes, np.int16)),
            origins=np.append(rest.origins, np.full(n, HUMAN)),
        )
        before = {track.id: track for track in self.labels.tracks}
        tracks = []
        for track in from_tracks(corrected):
            old = before.get(track.id)
            keyframes = set(track.frames.tolist()) & set(old.keyframes) if old else set()
            keyframes |= self.keyframes.get(track.id, set())
            attributes = old.attributes if old else {}
            tracks.append(replace(track, keyframes=tuple(sorted(keyframes)), attributes=attributes))
        return tuple(tracks)

    def _drop(self, rows: Rows) -> None:
        self.retained[rows] = False
        frames, tracks = self.labelled.frames[rows].tolist(), self.labelled.tracks[rows].tolist()
        self.occupied -= set(zip(frames, tracks, strict=True))

"""An annotator who knows the truth and corrects the labels of a clip through operations.

He sees an error only in a frame that he looks at, answers for it with the cheapest operations of
the review page, and pays for looks and operations by a cost model (COSTS). Every second counts as
his work; nothing that he did not pay for is used.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from oneclick.core import boxes as geometry
from oneclick.core.labels import LabelTrack
from oneclick.core.tracks import HUMAN
from oneclick.editing import operations
from oneclick.editing.operations import Box, Operation
from oneclick.editing.state import EditState

People = dict[int, NDArray[np.float64]]
"""Boxes in one frame by person."""
COSTS: Mapping[str, float] = {
    "frame": 1.6,
    "box": 0.2,
    "draw": 7.0,
    "move": 3.5,
    "key": 1.5,
}
"""Seconds for a frame looked at, for each box in it, for a box drawn, for one adjusted, and for an
operation of one key. Only that of drawing (extreme clicks) is published, the others are assumed."""
RIGHT, STRICT = 0.5, 0.6
"""IoU with the truth from which on an annotator leaves a box alone: what F1 counts as right, and
one who is stricter than that."""
FITS = 0.7
"""IoU from which on he sets a box that the page offers as it is."""
WOBBLE = 0.02
"""Standard deviation of what a hand misses, as a share of the side of a box."""
SAME = 0.2
"""IoU from which on a wrong box is adjusted, and not replaced."""
CLEAR = 0.5
"""Share of wrong boxes from which on a whole track is deleted, and not only trimmed; one with a
right box that was set by hand never is."""
BEYOND_SECONDS = 1.0
"""How far a key box takes a track beyond its end; further away, people are drawn and carried."""


@dataclass
class Work:
    """What reviewing cost."""

    seconds: float = 0.0
    frames: int = 0
    """Frames of the clip."""
    looks: int = 0
    """Frames looked at."""
    operations: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: Work) -> Work:
        return Work(
            self.seconds + other.seconds,
            self.frames + other.frames,
            self.looks + other.looks,
            self.operations + other.operations,
        )


class SimulatedAnnotator:
    """Reviews one clip.

    Args:
        state: returns the labels as they are now.
        edit: does an operation.
        truth: people by frame; a frame without anybody may be absent.
        rng: draws how far a hand misses a corner.
        wobble: standard deviation of that, as a share of the side of a box.
        right: IoU with the truth from which on he leaves a box alone.
    """

    def __init__(
        self,
        state: Callable[[], EditState],
        edit: Callable[[Operation], object],
        truth: Mapping[int, People],
        rng: np.random.Generator,
        wobble: float = WOBBLE,
        right: float = RIGHT,
    ) -> None:
        self._state, self._edit, self._truth = state, edit, truth
        self._rng, self._wobble, self._right = rng, wobble, right
        self._places: Mapping[int, Sequence[Box]] = {}
        self.work = Work(frames=state().frames)

    def review(
        self,
        frames: Iterable[int],
        places: Mapping[int, Sequence[Box]] = MappingProxyType({}),
        more: Mapping[int, Iterable[int]] = MappingProxyType({}),
        ends: Mapping[int, Iterable[Sequence[int]]] = MappingProxyType({}),
    ) -> Work:
        """Look at some frames in turn, correcting what is wrong in each.

        A person drawn is looked at again in the frames before, once a second.

        Args:
            frames: to look at.
            places: by frame, boxes where the page asks whether anybody is there; these frames come
                first. Who is there is added with the box shown, adjusted where it does not fit.
            more: by frame, others to look at where something is wrong in it.
            ends: by frame next to ends of tracks, the frames beyond each of them, furthest first.
                If somebody has no box here, the page asks for one at the far end: he goes back from
                there to where that person still is. What is filled between is looked at no more.
        """
        self._places = places
        seen: set[int] = set()
        others = sorted(set(frames) - set(places), reverse=True)
        agenda: list[int] = [*others, *reversed(list(places))]
        while agenda:
            frame = agenda.pop()
            self._look(frame)
            seen.add(frame)
            for beyond in ends.get(frame, ()):
                for far in beyond:
                    if far in seen or not self._lacks_somebody(frame):
                        break
                    self._look(far)
                    seen.add(far)
                    agenda += self._correct(far)
            before = self.work.operations.total()
            agenda += self._correct(frame)
            if self.work.operations.total() > before:
                agenda += sorted(set(more.get(frame, ())) - seen - set(agenda), reverse=True)
        return self.work

    def _correct(self, frame: int) -> list[int]:
        """Correct a frame; return the frames to look at for the sake of who was drawn, last first.

        A person is followed backwards, too.
        """
        again: list[int] = []
        for _ in range(20):  # one repair may show the next; never without end
            tracks = {track.id for track in self._state().tracks}
            if not self._repair(frame):
                break
            for track in self._state().tracks:
                if track.id not in tracks and frame - int(track.frames[0]) > 1:
                    first, second = int(track.frames[0]), round(self._state().fps)
                    again += sorted(range(first, frame, second), reverse=True)
        return again

    def _lacks_somebody(self, frame: int) -> bool:
        """Check whether a person has no box in a frame."""
        people = list(self._truth.get(frame, {}).values())
        return len(match(people, boxes_in(self._state(), frame)[1])) < len(people)

    def _look(self, frame: int) -> None:
        shown = sum(frame in track.frames for track in self._state().tracks)
        self.work.looks += 1
        self.work.seconds += COSTS["frame"] + COSTS["box"] * shown

    def _do(self, operation: Operation, cost: str) -> None:
        self._edit(operation)
        self.work.seconds += COSTS[cost]
        self.work.operations[type(operation).__name__] += 1

    def _repair(self, frame: int) -> bool:
        """Correct the first thing that is wrong in a frame; return whether there was one."""
        state = self._state()
        tracks, corners = boxes_in(state, frame)
        people = self._truth.get(frame, {})
        pairs = match(list(people.values()), corners)
        names, paired_tracks = list(people), {row for _, row, _ in pairs}
        overlaps = {names[column]: (tracks[row], overlap) for column, row, overlap in pairs}
        for person, box in people.items():
            track, overlap = overlaps.get(person, (None, 0.0))
            if track is not None and overlap < self._right:
                self._do(operations.MoveBox(track.id, frame, self._aim(box)), "move")
                return True
        for person, box in people.items():
            if person not in overlaps:
                self._add(state, frame, person, box)
                return True
        for row, track in enumerate(tracks):
            if row not in paired_tracks:
                self._remove(track, frame)
                return True
        return False

    def _add(self, state: EditState, frame: int, person: int, box: NDArray[np.float64]) -> None:
        """Give a person without a box one: in or beyond their track, or by drawing it."""
        for track in state.tracks:
            if frame in track.frames or self._share(track, person) < CLEAR:
                continue
            before, after = track.frames[track.frames < frame], track.frames[track.frames > frame]
            if len(before) and len(after):
                span = int(before[-1]) + 1, int(after[0])
                self._do(operations.FillTrack(track.id, *span), "key")
                return
            span = (int(before[-1]) + 1, frame) if len(before) else (frame + 1, int(after[0]))
            if span[1] - span[0] < BEYOND_SECONDS * state.fps:
                self._extend(track, frame, box, span)
                return
        new = max((track.id for track in state.tracks), default=0) + 1
        shown, overlap = self._nearest_place(frame, box)
        fits = overlap >= FITS
        draw = operations.DrawTrack(
            track=new,
            cls=state.classes[0],
            frame=frame,
            box=shown if fits else self._aim(box),
        )
        if overlap < SAME:
            self._do(draw, "draw")
            return
        # Space takes the box to where it is shown; enter sets it, or a hand adjusts it first.
        self._do(draw, "key")
        self.work.seconds += COSTS["key" if fits else "move"]

    def _extend(
        self, track: LabelTrack, frame: int, box: NDArray[np.float64], span: tuple[int, int]
    ) -> None:
        """Set a box at the far end, as the page asks for one at an open end, and fill the span.

        One key goes there, with the last box of the track; enter sets it, or a hand adjusts it
        first. The page fills what lies between.
        """
        last = track.boxes[0 if frame < track.frames[0] else -1].astype(np.float64)
        fits = float(geometry.iou(last[None], box[None])[0, 0]) >= FITS
        x1, y1, x2, y2 = last.tolist()
        there = (x1, y1, x2, y2) if fits else self._aim(box)
        self._do(operations.MoveBox(track.id, frame, there), "key" if fits else "move")
        self.work.seconds += COSTS["key"]
        if span[0] < span[1]:
            self._edit(operations.FillTrack(track.id, *span))

    def _nearest_place(self, frame: int, box: NDArray[np.float64]) -> tuple[Box, float]:
        """Return the box of the place asked about that overlaps a person most, and its IoU."""
        boxes = self._places.get(frame, ())
        overlaps = [float(geometry.iou(np.array([each]), box[None])[0, 0]) for each in boxes]
        best = max(range(len(boxes)), key=overlaps.__getitem__, default=None)
        return ((0, 0, 0, 0), 0.0) if best is None else (boxes[best], overlaps[best])

    def _remove(self, track: LabelTrack, frame: int) -> None:
        """Delete a track that is mostly wrong, or the wrong boxes around a frame."""
        is_right = [self._is_paired(track, int(at)) for at in track.frames]
        is_own = HUMAN in {origin for origin, r in zip(track.origins, is_right, strict=True) if r}
        if 1 - np.mean(is_right) >= CLEAR and not is_own:
            self._do(operations.DeleteTrack(track.id), "key")
            return
        row = int(np.searchsorted(track.frames, frame))
        first, last = row, row
        while first > 0 and not is_right[first - 1]:
            first -= 1
        while last + 1 < len(is_right) and not is_right[last + 1]:
            last += 1
        span = int(track.frames[first]), int(track.frames[last]) + 1
        self._do(operations.TrimTrack(track.id, *span), "key")

    def _is_paired(self, track: LabelTrack, frame: int) -> bool:
        """Check whether the box of a track is that of somebody, and not the second one."""
        tracks, corners = boxes_in(self._state(), frame)
        pairs = match(list(self._truth.get(frame, {}).values()), corners)
        return any(tracks[row] is track for _, row, _ in pairs)

    def _share(self, track: LabelTrack, person: int) -> float:
        """Return the share of the boxes of a track that lie on a person."""
        overlaps = [
            float(geometry.iou(box[None], self._truth[int(at)][person][None])[0, 0]) >= SAME
            if person in self._truth.get(int(at), {})
            else False
            for at, box in zip(track.frames, track.boxes.astype(np.float64), strict=True)
        ]
        return float(np.mean(overlaps)) if overlaps else 0.0

    def _aim(self, box: NDArray[np.float64]) -> Box:
        """Return a box as a hand draws it."""
        sides = np.tile(box[2:] - box[:2], 2)
        x1, y1, x2, y2 = (box + self._rng.normal(0, self._wobble, 4) * sides).round(2).tolist()
        return x1, y1, max(x2, x1 + 1), max(y2, y1 + 1)


def boxes_in(state: EditState, frame: int) -> tuple[list[LabelTrack], NDArray[np.float64]]:
    """Return the tracks with a box in a frame, and the boxes `(n, 4)`."""
    tracks, rows = [], []
    for track in state.tracks:
        row = int(np.searchsorted(track.frames, frame))
        if row < len(track.frames) and track.frames[row] == frame:
            tracks.append(track)
            rows.append(track.boxes[row].astype(np.float64))
    return tracks, np.array(rows, np.float64).reshape(-1, 4)


def match(
    people: list[NDArray[np.float64]], corners: NDArray[np.float64], least: float = SAME
) -> list[tuple[int, int, float]]:
    """Pair people with boxes one to one, by the largest total IoU; each pair with its IoU."""
    if not people or not len(corners):
        return []
    overlaps = geometry.iou(np.array(people), corners)
    rows, columns = linear_sum_assignment(-np.where(overlaps >= least, overlaps, 0))
    return [
        (int(row), int(column), float(overlaps[row, column]))
        for row, column in zip(rows, columns, strict=True)
        if overlaps[row, column] >= least
    ]


def f1(state: EditState, truth: Mapping[int, People], least: float = 0.5) -> tuple[int, int, int]:
    """Return right boxes, boxes and people over all frames; F1 is 2 × right / (boxes + people)."""
    right = shown = people = 0
    for frame in range(state.frames):
        corners = boxes_in(state, frame)[1]
        here = list(truth.get(frame, {}).values())
        right += len(match(here, corners, least))
        shown += len(corners)
        people += len(here)
    return right, shown, people

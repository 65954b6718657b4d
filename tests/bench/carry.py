"""Boxes drawn to restore people who are missing: `python -m tests.bench.carry [--quick]`.

A third of the people of every clip of `vtest.avi` and `TUD-Campus.mp4` are removed from the labels,
at random. Then two simulated annotators restore them until F1 at IoU 0.5 is TARGET in each clip,
both with the boxes of the truth:

carried     draws the person with most missing boxes once, in the frame where nobody covers the box
            most nearly in the middle, and lets `editing.carry` carry it; then, always at the
            longest run of errors, draws another box of the run (the carry is repeated from all
            boxes drawn) or cuts off boxes where nobody is.
line        draws key boxes with linear interpolation between: the first and the last box of a
            person, then always the worst frame of the longest run of errors.
fewest      the least number of key boxes any choice of frames needs, by dynamic programming over
            all of them: no human finds it, it is a bound.

Evidence of the carry: `pictures` alone; `low` scores, all below the models' thresholds, without
pictures; both of them; `all` scores with pictures. Labels of the others are the truth, in the rows
`hindsight` those of YOLOX-nano, where the target is TARGET of the F1 they had before. `turned`: the
video lies on its side, pictures alone. Seconds by the cost model of labelling: DRAW a box, CUT an
operation; looking at each frame once (1.6 s) is the same for all and left out. `ratio` is line over
carried, `worst` that of the worst seed, `bound` fewest over carried; `F1` the least of any clip;
`wide` the processor time of a carry over 100 frames of 1280×720 px, JPEG and background included.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache, partial

import cv2
import numpy as np
from numpy.typing import NDArray

from oneclick.core import boxes as geometry
from oneclick.editing import carry
from tests.bench import carry_clips
from tests.bench import hindsight as bench
from tests.bench.carry_clips import (
    TARGET,
    ClipCase,
    Drawn,
    EncodedPictures,
    Person,
    Setting,
)

DRAW, CUT = 7.0, 1.5
SEEDS = 4
MOST_OPERATIONS = 60
Correction = tuple[int, bool, Callable[[], None]]
"""Boxes that would be mended, whether it takes a drawn box, and what to do."""


@dataclass(frozen=True)
class Work:
    """What restoring one clip took."""

    people: int
    boxes: int
    cuts: int
    f1: float


class Calibration:
    """Scores of carried boxes, and which were right."""

    def __init__(self) -> None:
        self.scores: list[NDArray[np.float32]] = []
        self.right: list[NDArray[np.bool_]] = []
        self.seconds: list[float] = []

    def add(self, scores: NDArray[np.float32], right: NDArray[np.bool_], seconds: float) -> None:
        """Take in one carry of one drawn box."""
        self.scores.append(scores)
        self.right.append(right)
        self.seconds.append(seconds)

    def line(self) -> str:
        """Return the share that is right by score."""
        scores, right = np.concatenate(self.scores), np.concatenate(self.right)
        parts = []
        for low in np.arange(0, 1, 0.2):
            mask = (scores >= low) & (scores < low + 0.2)
            if mask.any():
                parts.append(f"{low:.1f}: {right[mask].mean():.2f} of {mask.sum()}")
        return "right by score " + ", ".join(parts)


class CarryAnnotator:
    """Draws boxes that are carried, until a clip is good enough."""

    def __init__(self, case: ClipCase, calibration: Calibration) -> None:
        self.case, self.calibration = case, calibration
        self.pictures = case.pictures()
        self.background = None if self.pictures is None else carry.Background(self.pictures)
        self.tracks: list[Drawn] = []
        self.queue = list(case.removed)

    def restore(self) -> Work:
        """Do what mends most, again and again."""
        boxes = cuts = 0
        while (f1 := self.case.f1(self.tracks)) < self.case.target:
            corrections = [*self.additions(), *self.repairs()]
            if not corrections or boxes + cuts >= MOST_OPERATIONS:
                break
            _, is_drawn, correct = max(corrections, key=lambda correction: correction[0])
            correct()
            boxes, cuts = boxes + is_drawn, cuts + (not is_drawn)
        return Work(len(self.case.removed), boxes, cuts, f1)

    def additions(self) -> Iterator[Correction]:
        """Yield the first boxes that could be drawn."""
        for person in self.queue:
            yield len(person.frames), True, partial(self.add, person)

    def repairs(self) -> Iterator[Correction]:
        """Yield what could be done about wrong boxes of the people drawn."""
        for track in self.tracks:
            overlap, present, labelled = track.overlaps(self.case.length)
            for low, high in runs(present & (overlap < 0.5)):
                errors = high - low + int(labelled[low:high].sum())
                yield errors, True, partial(self.redraw, track, np.arange(low, high))
            for low, high in runs(labelled & ~present):
                yield high - low, False, partial(self.cut, track, low, high)

    def add(self, person: Person) -> None:
        """Draw the first box of a person."""
        self.queue.remove(person)
        track = Drawn(person)
        self.redraw(track, person.frames)
        self.tracks.append(track)

    def redraw(self, track: Drawn, frames: NDArray[np.integer]) -> None:
        """Draw the true box in one of some frames, and carry all boxes drawn again."""
        person, case = track.person, self.case
        frame = case.visible_frame(person, frames)
        row = int(np.searchsorted(person.frames, frame))
        track.keys[frame] = person.boxes[row].astype(np.float64)
        evidence = case.evidence([other for other in self.tracks if other is not track])
        start = time.process_time()
        carried = carry.carry_keys(
            track.keys, self.pictures, evidence, length=case.length, background=self.background
        )
        seconds = time.process_time() - start
        track.frames, track.boxes = carried.frames, carried.boxes
        if len(track.keys) == 1:
            overlap = track.overlaps(case.length)[0]
            self.calibration.add(carried.scores, overlap[carried.frames] >= 0.5, seconds)
        for low, high in track.cuts:
            self.apply_cut(track, low, high)

    def cut(self, track: Drawn, low: int, high: int) -> None:
        """Remove the boxes of a span."""
        track.cuts.append((low, high))
        self.apply_cut(track, low, high)

    @staticmethod
    def apply_cut(track: Drawn, low: int, high: int) -> None:
        """Leave out a span."""
        outside = (track.frames < low) | (track.frames >= high)
        track.frames, track.boxes = track.frames[outside], track.boxes[outside]


def restore_by_line(case: ClipCase) -> Work:
    """Draw key boxes with straight lines between until the clip is good enough."""
    tracks: list[Drawn] = []
    queue = list(case.removed)
    while (f1 := case.f1(tracks)) < case.target:
        errors = [(len(person.frames), Drawn(person), -1) for person in queue]
        for track in tracks:
            overlap, present, _ = track.overlaps(case.length)
            for low, high in runs(present & (overlap < 0.5)):
                # Of equally wrong frames the one nearest to the middle of the run.
                aside = np.abs(np.arange(low, high) - (low + high) / 2)
                worst = low + int(np.argmin(overlap[low:high] + 1e-6 * aside))
                errors.append((2 * (high - low), track, worst))
        if not errors:
            break
        _, track, frame = max(errors, key=lambda error: error[0])
        person = track.person
        frames = [frame]
        if frame < 0:
            queue.remove(person)
            tracks.append(track)
            frames = [int(person.frames[0]), int(person.frames[-1])]
        for key in frames:
            track.keys[key] = person.boxes[np.searchsorted(person.frames, key)].astype(float)
        keys = np.array(sorted(track.keys))
        key_boxes = np.stack([track.keys[key] for key in keys])
        track.frames = person.frames
        track.boxes = geometry.interpolate(keys, key_boxes, person.frames)
    return Work(len(case.removed), sum(len(track.keys) for track in tracks), 0, f1)


@cache
def right_by_keys(
    setting: tuple[str, bool], start: int, length: int, identity: int
) -> tuple[int, ...]:
    """Return the most boxes that 1, 2, … key boxes with straight lines between get right."""
    (person,) = (p for p in carry_clips.people(*setting) if p.id == identity)
    inside = (person.frames >= start) & (person.frames < start + length)
    frames, boxes = person.frames[inside].astype(float), person.boxes[inside].astype(float)
    n = len(frames)
    between = np.zeros((n, n), int)
    for i in range(n):
        for j in range(i + 2, n):
            share = ((frames[i + 1 : j] - frames[i]) / (frames[j] - frames[i]))[:, None]
            line = boxes[i] * (1 - share) + boxes[j] * share
            between[i, j] = (geometry.iou_pairs(line, boxes[i + 1 : j]) >= 0.5).sum()
    best = np.ones(n, int)
    counts = [1]
    while counts[-1] < n:
        further = np.full(n, -1)
        for j in range(len(counts), n):
            further[j] = (best[:j] + between[:j, j]).max() + 1
        best = further
        counts.append(max(counts[-1], int(best.max())))
    return tuple(counts)


def fewest_keys(case: ClipCase) -> int:
    """Return the least number of key boxes that reach the target, over all people together."""
    total = sum(len(p.frames) for p in case.everybody)
    needed = int(np.ceil(TARGET * total)) - (total - sum(len(p.frames) for p in case.removed))
    setting = (case.setting.video, case.setting.turned)
    most = [0]
    for person in case.removed:
        counts = (0, *right_by_keys(setting, case.start, case.length, person.id))
        sums = np.add.outer(most, counts)
        flipped = np.zeros(sum(sums.shape) - 1, int)
        np.maximum.at(flipped, np.add.outer(np.arange(len(most)), np.arange(len(counts))), sums)
        most = flipped.tolist()
    return int(np.argmax(np.array(most) >= needed))


def runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return the half-open runs of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(int), [0]])))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def measure(setting: Setting, seeds: int) -> None:
    """Print one row of the table."""
    rows, calibration = [], Calibration()
    for seed in range(seeds):
        works = []
        for case in carry_clips.clips(setting, seed):
            work = CarryAnnotator(case, calibration).restore()
            line = restore_by_line(case)
            works.append(
                (work.people, work.boxes, work.cuts, line.boxes, fewest_keys(case), work.f1)
            )
        columns = np.array(works, float).T
        rows.append([*columns[:5].sum(1), columns[5].min()])
    people, boxes, cuts, line_boxes, fewest, f1 = np.array(rows).T
    seconds = DRAW * boxes.mean() + CUT * cuts.mean()
    ratio = line_boxes / boxes
    print(
        f"{setting.name:38}{people.mean():7.1f}{boxes.mean():8.1f}{cuts.mean():6.1f}"
        f"{line_boxes.mean():8.1f}{fewest.mean():8.1f}{ratio.mean():7.2f}{ratio.min():7.2f}"
        f"{(fewest / boxes).mean():7.2f}{seconds:8.0f}{DRAW * line_boxes.mean():8.0f}"
        f"{f1.min():7.3f}{np.mean(calibration.seconds):9.2f}\n    {calibration.line()}",
        flush=True,
    )


def wide_seconds() -> float:
    """Return the processor time of a carry over 100 frames of 1280×720 px."""
    setting = Setting(video="PETS09-S2L1", length=100, evidence="all")
    case = next(carry_clips.clips(setting, 0))
    pictures = [carry_clips.decode(jpeg) for jpeg in carry_clips.encoded(setting, 0)]
    height, width = pictures[0].shape[:2]
    scale = np.array([1280 / width, 720 / height] * 2)
    wide = EncodedPictures(
        [cv2.imencode(".jpg", cv2.resize(picture, (1280, 720)))[1] for picture in pictures]
    )
    person = max(case.removed, key=lambda person: len(person.frames))
    evidence = replace(case.evidence([]), width=1280, height=720, detections=(), thresholds=())
    start = time.process_time()
    row = len(person.frames) // 2
    carry.carry(
        int(person.frames[row]), person.boxes[row] * scale, wide, replace(evidence, labels=())
    )
    return time.process_time() - start


def settings(quick: bool) -> Iterator[Setting]:
    """Yield all rows of the table."""
    for video, lengths in (("PETS09-S2L1", (100, 50, 200)), ("TUD-Campus", (71,))):
        for length in lengths[:1] if quick else lengths:
            for evidence in ("pictures", "low", "both", "all"):
                if length == lengths[0] or evidence in ("both", "all"):
                    yield Setting(video=video, length=length, evidence=evidence)
        if not quick:
            yield Setting(video=video, length=lengths[0], evidence="all", others="hindsight")
            yield Setting(video=video, length=lengths[0], evidence="pictures", turned=True)


HEADS = {
    "people": 7,
    "boxes": 8,
    "cuts": 6,
    "line": 8,
    "fewest": 8,
    "ratio": 7,
    "worst": 7,
    "bound": 7,
    "s": 8,
    "line s": 8,
    "F1": 7,
    "s/carry": 9,
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="one seed, fewer rows")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--only", default="", help="rows whose name contains this")
    arguments = parser.parse_args()
    print(f"wide: {wide_seconds():.2f} s")
    print(f"{'':38}" + "".join(f"{head:>{width}}" for head, width in HEADS.items()))
    for setting in settings(arguments.quick):
        if arguments.only in setting.name:
            measure(setting, 1 if arguments.quick else arguments.seeds)


if __name__ == "__main__":
    if not bench.DATA.is_dir():
        sys.exit(f"skipped: {bench.DATA} is absent")
    cv2.setNumThreads(1)
    main()

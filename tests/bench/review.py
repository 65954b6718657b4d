"""What a clip costs an annotator: `python -m tests.bench.review [--seeds N]`.

A simulated annotator (simulated_annotator.py, cost model COSTS) corrects labels of PETS09-S2L1, cut
into clips of 10 s, until they agree with the truth. He looks at every question, every few frames in
it, and at one frame a second of the rest. `hindsight` begins with the labels that hindsight makes
of the detections of one small model, `raw boxes` with its detections linked into tracks, `nothing`
with no label. `no carry` is hindsight with drawn boxes that stay in their frame.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from oneclick import hindsight
from oneclick.core import association
from oneclick.core import labels as core_labels
from oneclick.core.detections import Detections
from oneclick.core.spans import Span
from oneclick.core.tracks import DETECTED, Tracks
from oneclick.editing import carry, operations
from oneclick.editing.history import History
from oneclick.editing.operations import Operation
from oneclick.editing.state import EditState
from oneclick.formats import mot_text
from oneclick.hindsight import questions
from tests.bench.hindsight import DATA, THRESHOLDS
from tests.bench.simulated_annotator import COSTS, People, SimulatedAnnotator, Work, f1

SEQUENCE, DETECTOR, VIDEO = "PETS09-S2L1", "yoloxnano", "vtest.avi"
FPS, LENGTH, WIDTH, HEIGHT = 10.0, 100, 768, 576
IN_QUESTION, ELSEWHERE = 3, 10
"""Frames from one look to the next."""
DAY_SECONDS = 7 * 3600
STARTS = ("hindsight", "no carry", "raw boxes", "nothing")


@dataclass(frozen=True, kw_only=True)
class BenchClip:
    """Ten seconds of the sequence."""

    detections: Detections
    pictures: list[np.ndarray]
    truth: dict[int, People]


def clips() -> Iterator[BenchClip]:
    """Cut the sequence into clips."""
    capture = cv2.VideoCapture(str(DATA.parent / "video" / VIDEO))
    rows = np.loadtxt(DATA / SEQUENCE / "gt" / "gt.txt", delimiter=",", ndmin=2)
    total = int(rows[:, 0].max())
    detections = mot_text.load(DATA / SEQUENCE / "det" / f"{DETECTOR}.txt", FPS, total)
    for start in range(0, total, LENGTH):
        stop = min(start + LENGTH, total)
        truth: dict[int, People] = {}
        for row in rows[(rows[:, 0] > start) & (rows[:, 0] <= stop)]:
            corners = np.concatenate([row[2:4], row[2:4] + row[4:6]])
            truth.setdefault(int(row[0]) - 1 - start, {})[int(row[1])] = corners
        pictures = []
        for _ in range(start, stop):
            is_read, picture = capture.read()
            assert is_read
            pictures.append(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY))
        yield BenchClip(
            detections=detections.cut(Span(start, stop)), pictures=pictures, truth=truth
        )


def first_labels(clip: BenchClip, start: str) -> Tracks:
    """Return the labels with which a review begins."""
    threshold = THRESHOLDS[DETECTOR]
    if start == "nothing":
        return Tracks.empty(clip.detections.length, FPS)
    if start == "raw boxes":
        raw = clip.detections.above(threshold)
        return Tracks(
            frames=raw.frames,
            tracks=association.link(raw, 0.3, 0.5),
            boxes=raw.boxes,
            scores=raw.scores,
            classes=raw.classes,
            origins=np.full(len(raw), DETECTED),
            length=raw.length,
            fps=raw.fps,
        )
    return hindsight.label([clip.detections], [threshold])


class Desk:
    """The labels of a clip in front of an annotator, and the machine that carries boxes."""

    def __init__(self, clip: BenchClip, tracks: Tracks, with_carry: bool) -> None:
        self._clip, self._with_carry = clip, with_carry
        state = EditState(
            clip="bench-20260101T000000Z-0",
            frames=clip.detections.length,
            fps=FPS,
            width=WIDTH,
            height=HEIGHT,
            classes=("person",),
            attributes={},
            tracks=core_labels.from_tracks(tracks),
        )
        self._history = History(state)

    def state(self) -> EditState:
        """Return the labels as they are now."""
        return self._history.state

    def edit(self, operation: Operation) -> None:
        """Do an operation; a drawn box is carried through the clip."""
        if isinstance(operation, operations.DrawTrack) and self._with_carry:
            evidence = carry.CarryEvidence(
                fps=FPS,
                width=WIDTH,
                height=HEIGHT,
                detections=(self._clip.detections,),
                thresholds=(THRESHOLDS[DETECTOR],),
                labels=self.state().tracks,
            )
            track = carry.carry(operation.frame, operation.box, self._clip.pictures, evidence)
            carried = operations.CarriedBoxes(
                frames=track.frames.tolist(),
                boxes=[tuple(box) for box in track.boxes.astype(float).tolist()],
                scores=track.scores.tolist(),
                origins=track.origins,
            )
            operation = replace_carried(operation, carried)
        self._history.push(operation)


def replace_carried(
    operation: operations.DrawTrack, carried: operations.CarriedBoxes
) -> operations.DrawTrack:
    """Return the drawing of a box with the boxes that follow from it."""
    return operations.DrawTrack(
        track=operation.track,
        cls=operation.cls,
        frame=operation.frame,
        box=operation.box,
        carried=carried,
    )


def frames_to_look_at(tracks: Tracks) -> list[int]:
    """Return the frames of a clip that its questions show, and one a second of the others."""
    frames = set(range(0, tracks.length, ELSEWHERE)) | {tracks.length - 1}
    for question in questions.questions(tracks, WIDTH, HEIGHT):
        frames |= set(range(question.span.start, question.span.stop, IN_QUESTION))
    return sorted(frames)


def review(start: str, bench_clips: list[BenchClip], seed: int) -> tuple[Work, float, float]:
    """Review all clips; return the work, and F1 at IoU 0.5 before and after."""
    total, before, after = Work(), np.zeros(3), np.zeros(3)
    for number, clip in enumerate(bench_clips):
        tracks = first_labels(clip, start)
        desk = Desk(clip, tracks, with_carry=start != "no carry")
        before += f1(desk.state(), clip.truth)
        annotator = SimulatedAnnotator(
            desk.state, desk.edit, clip.truth, np.random.default_rng([seed, number])
        )
        total += annotator.review(frames_to_look_at(tracks))
        after += f1(desk.state(), clip.truth)
    return total, _f1(before), _f1(after)


def _f1(counts: np.ndarray) -> float:
    right, shown, people = counts
    return float(2 * right / max(shown + people, 1))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=3)
    seeds = parser.parse_args().seeds
    if not DATA.is_dir():
        sys.exit(f"skipped: {DATA} is absent")
    bench_clips = list(clips())
    prices = ", ".join(f"{name} {seconds}" for name, seconds in COSTS.items())
    print(f"{SEQUENCE}, {DETECTOR}, {len(bench_clips)} clips; seconds: {prices}")
    heads = ("F1 before", "after", "s/image", "ops/image", "looks", "images/day of two")
    print(f"{'':12}" + "".join(f"{head:>12}" for head in heads))
    for start in STARTS:
        works = [review(start, bench_clips, seed) for seed in range(seeds)]
        work = sum((each for each, _, _ in works), Work())
        per_image = work.seconds / work.frames
        row = (
            np.mean([before for _, before, _ in works]),
            np.mean([after for _, _, after in works]),
            per_image,
            work.operations.total() / work.frames,
            work.looks / work.frames,
            2 * DAY_SECONDS / per_image,
        )
        print(f"{start:12}" + "".join(f"{value:12.3f}" for value in row))
        print(f"{'':12}  {dict(work.operations.most_common())}")


if __name__ == "__main__":
    main()

"""What a clip costs an annotator: `python -m tests.bench.review [--seeds N]`.

A simulated annotator (simulated_annotator.py, cost model COSTS) corrects labels of PETS09-S2L1, cut
into clips of 10 s, until they agree with the truth: on the real server, through its API, up to the
accepted labels. He looks at every question, every few frames in it, and at one frame a second of
the rest. `hindsight` begins with the labels that hindsight makes of the detections of one small
model, `raw boxes` with its detections linked into tracks, `nothing` with no label. `strict` is
hindsight with an annotator who also adjusts boxes that F1 counts as right, `no carry` hindsight
with drawn boxes that stay in their frame.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from oneclick import hindsight
from oneclick.core import association
from oneclick.core.detections import Detections
from oneclick.core.spans import Span
from oneclick.core.tracks import DETECTED, Tracks
from oneclick.editing.state import EditState
from oneclick.formats import mot_text
from oneclick.stages import review
from oneclick.storage import labels
from tests.bench.hindsight import DATA, THRESHOLDS
from tests.bench.served_review import ServedClips, ServedDesk
from tests.bench.simulated_annotator import (
    COSTS,
    RIGHT,
    STRICT,
    People,
    SimulatedAnnotator,
    Work,
    f1,
)

SEQUENCE, DETECTOR, VIDEO = "PETS09-S2L1", "yoloxnano", "vtest.avi"
FPS, LENGTH = 10.0, 100
IN_QUESTION, ELSEWHERE = 3, 10
"""Frames from one look to the next."""
DAY_SECONDS = 7 * 3600
STARTS = ("hindsight", "strict", "no carry", "raw boxes", "nothing")


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
            pictures.append(picture)
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


def frames_to_look_at(desk: ServedDesk) -> list[int]:
    """Return the frames of a clip that its questions show, and one a second of the others."""
    length = desk.state().frames
    frames = set(range(0, length, ELSEWHERE)) | {length - 1}
    for question in desk.questions:
        frames |= set(range(question["start"], question["stop"], IN_QUESTION))
    return sorted(frames)


def review_all(start: str, bench_clips: list[BenchClip], seed: int) -> tuple[Work, float, float]:
    """Review all clips; return the work, and F1 at IoU 0.5 of what was sent and accepted."""
    total, before, after = Work(), np.zeros(3), np.zeros(3)
    with tempfile.TemporaryDirectory() as folder:
        site = ServedClips(Path(folder), FPS)
        for clip in bench_clips:
            tracks = first_labels(clip, start)
            site.add(clip.pictures, tracks, DETECTOR, clip.detections, THRESHOLDS[DETECTOR])
        site.send()
        with site.served(), site.annotator() as client:
            for number, (clip, served) in enumerate(zip(bench_clips, site.clips, strict=True)):
                desk = ServedDesk(client, served.id, carry=start != "no carry")
                before += f1(desk.state(), clip.truth)
                rng = np.random.default_rng([seed, number])
                right = STRICT if start == "strict" else RIGHT
                annotator = SimulatedAnnotator(desk.state, desk.edit, clip.truth, rng, right=right)
                work = annotator.review(frames_to_look_at(desk))
                desk.accept(work.seconds)
                total += work
        assert review.collect_own(site.home).failed == {}
        for clip, served in zip(bench_clips, site.clips, strict=True):
            accepted = labels.latest(site.workspace, served.id)
            assert accepted is not None
            assert accepted.kind == "human"
            after += f1(EditState.from_labels(accepted, FPS, {}), clip.truth)
    return total, _f1(before), _f1(after)


def _f1(counts: np.ndarray) -> float:
    right, shown, people = counts
    return float(2 * right / max(shown + people, 1))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--start", choices=STARTS, help="only this one")
    arguments = parser.parse_args()
    seeds = arguments.seeds
    if not DATA.is_dir():
        sys.exit(f"skipped: {DATA} is absent")
    bench_clips = list(clips())
    prices = ", ".join(f"{name} {seconds}" for name, seconds in COSTS.items())
    print(f"{SEQUENCE}, {DETECTOR}, {len(bench_clips)} clips; seconds: {prices}")
    heads = ("F1 before", "after", "s/image", "ops/image", "looks", "images/day of two")
    print(f"{'':12}" + "".join(f"{head:>12}" for head in heads))
    for start in [arguments.start] if arguments.start else STARTS:
        works = [review_all(start, bench_clips, seed) for seed in range(seeds)]
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

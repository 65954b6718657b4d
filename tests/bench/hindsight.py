"""Hindsight labels against ground truth: `python tests/bench/hindsight.py [SEQUENCE…|--video]`.

Every row is a sequence and a detections file of the shared data; raw is the file cut at its
operating threshold, labels is `hindsight.label` with one set of parameters for all rows.
`--video` runs `opencv:hog` and `opencv:motion` over the real video, then labels all of it and
random clips of 3 s with some context around them.
"""

from __future__ import annotations

import configparser
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from oneclick import hindsight
from oneclick.core import association, boxes
from oneclick.core.detections import Detections
from oneclick.core.spans import Span
from oneclick.core.tracks import Tracks
from oneclick.formats import mot_text

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "mot"
THRESHOLDS = {
    "yoloxnano": 0.6,
    "nanodet": 0.45,
    "fastestdet": 0.7,
    "acf": 0.7,
    "frcnn": 0.3,
    "dpm": 0.3,
    "sdp_clean": 0.5,
}
STATIC = ("PETS09-S2L1", "TUD-Campus", "ADL-Rundle-6", "MOT17-09")
IGNORED = (2, 7, 8, 12)


@dataclass(frozen=True)
class Truth:
    """Boxes that count, and boxes that a detection may match without being right or wrong."""

    people: Detections
    ignored: Detections


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    sequence: str
    detector: str
    raw: tuple[float, float, float]
    """Precision, recall and F1 at IoU 0.5 of the detections at their threshold."""
    made: tuple[float, float, float]
    """The same of the labels."""
    tight: tuple[float, float]
    """F1 at IoU 0.75 of both."""
    seconds: float
    """Processor time of the labels."""


def info(sequence: Path) -> tuple[float, int]:
    """Frames per second and length of a sequence."""
    parser = configparser.ConfigParser()
    parser.read(sequence / "seqinfo.ini")
    return parser.getfloat("Sequence", "frameRate"), parser.getint("Sequence", "seqLength")


def truth(sequence: Path) -> Truth:
    """Ground truth; in MOT17 only class 1 with flag 1 counts."""
    rows = np.loadtxt(sequence / "gt" / "gt.txt", delimiter=",", ndmin=2)
    counts, ignored = np.ones(len(rows), np.bool_), np.zeros(len(rows), np.bool_)
    if sequence.name.startswith("MOT17"):
        person = rows[:, 7] == 1
        counts = person & (rows[:, 6] == 1)
        ignored = np.isin(rows[:, 7], IGNORED) | (person & (rows[:, 6] == 0))
    fps, length = info(sequence)
    length = max(length, int(rows[:, 0].max()))
    corners = np.concatenate([rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]], 1)

    def pick(mask: np.ndarray) -> Detections:
        n = int(mask.sum())
        return Detections(
            frames=rows[mask, 0].astype(np.int32) - 1,
            boxes=corners[mask].astype(np.float32),
            scores=np.ones(n, np.float32),
            classes=np.zeros(n, np.int16),
            length=length,
            fps=fps,
        )

    return Truth(pick(counts), pick(ignored))


def score(truth: Truth, detections: Detections, at: float) -> tuple[float, float, float]:
    """Precision, recall and F1 over all frames, one-to-one by largest total IoU."""
    matched, _ = association.match_frames(detections, truth.people, at)
    used = np.zeros(len(detections), np.bool_)
    used[matched] = True
    excused = on_ignored(detections, truth.ignored) & ~used
    hits, wrong = len(matched), int((~used & ~excused).sum())
    missed = len(truth.people) - hits
    f1 = 2 * hits / max(2 * hits + wrong + missed, 1)
    return hits / max(hits + wrong, 1), hits / max(hits + missed, 1), f1


def on_ignored(detections: Detections, regions: Detections) -> np.ndarray:
    """(n,) boxes that lie on a region that does not count."""
    touched = np.zeros(len(detections), np.bool_)
    for frame in np.unique(regions.frames):
        rows, others = detections.rows(int(frame)), regions.rows(int(frame))
        overlap = boxes.iou(detections.boxes[rows], regions.boxes[others])
        touched[rows] = (overlap >= 0.5).any(1)
    return touched


def as_detections(tracks: Tracks) -> Detections:
    """The boxes of the labels without their identities."""
    return Detections(
        frames=tracks.frames,
        boxes=tracks.boxes,
        scores=tracks.scores,
        classes=tracks.classes,
        length=tracks.length,
        fps=tracks.fps,
    )


def measure(sequence: Path, detector: str) -> Row:
    """One row of the table."""
    fps, length = info(sequence)
    real = truth(sequence)
    raw_detections = mot_text.load(
        sequence / "det" / f"{detector}.txt", fps, real.people.length or length
    )
    threshold = THRESHOLDS[detector]
    start = time.process_time()
    labels = as_detections(hindsight.label([raw_detections], [threshold]))
    seconds = time.process_time() - start
    raw = raw_detections.above(threshold)
    tight = score(real, raw, 0.75)[2], score(real, labels, 0.75)[2]
    return Row(
        sequence.name, detector, score(real, raw, 0.5), score(real, labels, 0.5), tight, seconds
    )


def rows(only: list[str]) -> Iterator[Row]:
    """All sequences × detections, or those of the sequences named."""
    for sequence in sorted(DATA.iterdir()):
        if sequence.is_dir() and (not only or sequence.name in only):
            for file in sorted((sequence / "det").glob("*.txt")):
                yield measure(sequence, file.stem)


def _line(name: str, values: list[float]) -> str:
    return f"{name:26}" + "".join(f"{value:8.3f}" for value in values)


def _numbers(row: Row) -> list[float]:
    gain, tight = row.made[2] - row.raw[2], row.tight[1] - row.tight[0]
    return [*row.raw, *row.made, 100 * gain, *row.tight, 100 * tight, row.seconds]


def main(only: list[str]) -> None:
    """Print the table."""
    heads = ("P", "R", "F1", "P'", "R'", "F1'", "gain", "F1@.75", "F1'@.75", "gain", "s")
    print(f"{'':26}" + "".join(f"{head:>8}" for head in heads))
    table = list(rows(only))
    for row in table:
        print(_line(f"{row.sequence} {row.detector}", _numbers(row)))
    sides = {
        "static": [row for row in table if row.sequence in STATIC],
        "moving": [row for row in table if row.sequence not in STATIC],
        "all": table,
    }
    for name, side in sides.items():
        if side:
            print(_line(f"mean, {name}", np.mean([_numbers(row) for row in side], 0).tolist()))


def video() -> None:
    """Labels of the real video by the detectors that need no download, whole and in clips."""
    from oneclick import detectors, video

    file = DATA.parent / "video" / "vtest.avi"
    probe = video.probe(file)
    models = [detectors.create(name) for name in ("opencv:hog", "opencv:motion")]
    parts = [
        detectors.run(model, video.frames(file), probe.frames, probe.fps, ("person",))
        for model in models
    ]
    thresholds = [model.threshold for model in models]
    annotation = truth(DATA / "PETS09-S2L1")
    people = replace(annotation.people, length=probe.frames, fps=probe.fps)
    real = replace(annotation, people=people)
    detections = as_detections(hindsight.label(parts, thresholds))
    print(_line("", []) + "       P       R      F1")
    print(_line("HOG alone", list(score(real, parts[0].above(thresholds[0]), 0.5))))
    print(_line("labels, whole video", list(score(real, detections, 0.5))))
    for context in (0.0, 2.0, 5.0):
        scores = clips(real, parts, thresholds, context)
        print(_line(f"labels, 3 s + {context:g} s around", list(scores)))


def clips(
    real: Truth, parts: list[Detections], thresholds: list[float], context: float, count: int = 60
) -> tuple[float, float, float]:
    """Precision, recall and F1 over `count` random clips of 3 s labelled by themselves."""
    rng, length, fps = np.random.default_rng(0), parts[0].length, parts[0].fps
    totals = np.zeros(3)
    for start in rng.integers(0, length - round(3 * fps), count):
        span = Span(int(start), int(start) + round(3 * fps))
        around = span.padded(round(context * fps), length)
        label_set = hindsight.label([part.cut(around) for part in parts], thresholds)
        inside = label_set.cut(Span(span.start - around.start, span.stop - around.start))
        people = real.people.cut(span)
        hits = len(association.match_frames(as_detections(inside), people, 0.5)[0])
        totals += hits, len(inside), len(people)
    matched, label_boxes, true_boxes = totals.tolist()
    f1 = 2 * matched / (label_boxes + true_boxes)
    return matched / label_boxes, matched / true_boxes, f1


if __name__ == "__main__":
    if not DATA.is_dir():
        sys.exit(f"skipped: {DATA} is absent")
    if "--video" in sys.argv:
        video()
    else:
        main(sys.argv[1:])

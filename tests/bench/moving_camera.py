"""Hindsight labels where the camera moves: `python -m tests.bench.moving_camera [NAME…]`.

Static sequences of the shared data are shown through a virtual camera that pans, zooms, shakes, is
carried forwards or stops and goes: truth and detections are moved alike, and what leaves the
picture is lost. Real and virtual sequences are also thinned to every second and third frame,
detectors are weakened, and people are shown one at a time, as in a resident's room. Every line is
raw detections against labels, as tests/bench/hindsight.py scores them; a name selects the lines
that contain it.
"""

from __future__ import annotations

import configparser
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from oneclick import hindsight
from oneclick.core import association
from oneclick.core.detections import Detections
from oneclick.formats import mot_text
from tests.bench.hindsight import DATA, STATIC, THRESHOLDS, Truth, info, score, truth

FloatArray = NDArray[np.float64]
CameraPath = Callable[[FloatArray, np.random.Generator], FloatArray]
"""From seconds `(n,)` to zoom, shift in x and in y `(n, 3)`; shifts in picture heights."""
ROWS = (
    ("PETS09-S2L1", "yoloxnano"),
    ("PETS09-S2L1", "acf"),
    ("TUD-Campus", "nanodet"),
    ("TUD-Campus", "fastestdet"),
    ("ADL-Rundle-6", "acf"),
    ("MOT17-09", "frcnn"),
    ("MOT17-09", "sdp_clean"),
)
"""Static sequences with detections that are moved."""
ALONE = ((ROWS[0], 3), (ROWS[6], 3))
"""Sequences in which so many people, longest in view, are shown alone."""
ALLOWED = {0.5: 0.0, 0.75: -1.0}
"""Least gain by IoU, in points of F1."""


def _wander(
    seconds: FloatArray, rng: np.random.Generator, amplitude: float, hertz: float
) -> FloatArray:
    """Return a random smooth curve of standard deviation `amplitude`, `(n,)`."""
    curve = np.zeros(len(seconds))
    for frequency in rng.uniform(0.2, 1, 8) * hertz:
        curve += np.sin(2 * np.pi * (frequency * seconds + rng.random())) * np.sqrt(2 / 8)
    return amplitude * curve


def _pan(height_per_second: float) -> CameraPath:
    def path(seconds: FloatArray, rng: np.random.Generator) -> FloatArray:
        period = 4.0
        turn = np.abs((seconds / period + rng.random()) % 1 * 2 - 1) - 0.5
        shift = turn * height_per_second * period / 2
        return np.stack([np.ones(len(seconds)), shift, np.zeros(len(seconds))], 1)

    return path


def _zoom(seconds: FloatArray, rng: np.random.Generator) -> FloatArray:
    zoom = np.exp(0.35 * np.sin(2 * np.pi * (seconds / 5 + rng.random())))
    return np.stack([zoom, np.zeros(len(seconds)), np.zeros(len(seconds))], 1)


def _shake(amplitude: float, hertz: float) -> CameraPath:
    def path(seconds: FloatArray, rng: np.random.Generator) -> FloatArray:
        shifts = [_wander(seconds, rng, amplitude, hertz) for _ in range(2)]
        return np.stack([np.ones(len(seconds)), *shifts], 1)

    return path


def _stop_and_go(seconds: FloatArray, rng: np.random.Generator) -> FloatArray:
    goes = (seconds + rng.uniform(0, 6)) % 6 < 2
    step = np.gradient(seconds) if len(seconds) > 1 else np.zeros(len(seconds))
    direction = np.where((seconds // 6) % 2 < 1, 1, -1)
    shift = np.cumsum(goes * direction * step * 0.35)
    return np.stack([np.ones(len(seconds)), shift - shift.mean(), np.zeros(len(seconds))], 1)


def _ride(seconds: FloatArray, rng: np.random.Generator) -> FloatArray:
    """A walk with the camera in the hand: sway, steps, a slow turn, and nearer and further."""
    zoom = np.exp(_wander(seconds, rng, 0.12, 0.3))
    across = _wander(seconds, rng, 0.15, 0.3) + _wander(seconds, rng, 0.01, 2)
    return np.stack([zoom, across, _wander(seconds, rng, 0.02, 2)], 1)


def _knocked(seconds: FloatArray, rng: np.random.Generator) -> FloatArray:
    """At rest, but shaken for 1.5 s in every 8."""
    path = _shake(0.04, 3)(seconds, rng)
    path[:, 1:] *= ((seconds + rng.uniform(0, 8)) % 8 < 1.5)[:, None]
    return path


def _swung(seconds: FloatArray, rng: np.random.Generator) -> FloatArray:
    """At rest, but turned to another view within 0.7 s, and back, in every 8."""
    phase = (seconds + rng.uniform(0, 16)) % 16
    turned = np.clip(phase / 0.7, 0, 1) - np.clip((phase - 8) / 0.7, 0, 1)
    return np.stack([np.ones(len(seconds)), 0.8 * turned - 0.4, np.zeros(len(seconds))], 1)


PATHS: dict[str, CameraPath] = {
    "pan slow": _pan(0.15),
    "pan": _pan(0.5),
    "pan fast": _pan(1.0),
    "zoom": _zoom,
    "tremor": _shake(0.01, 4),
    "shake": _shake(0.04, 3),
    "stop and go": _stop_and_go,
    "ride": _ride,
    "knocked": _knocked,
    "swung": _swung,
}


@dataclass(frozen=True, kw_only=True)
class Case:
    """A sequence, the detections of it, and how both were changed."""

    name: str
    truth: Truth
    detections: Detections
    threshold: float


@dataclass(frozen=True)
class Line:
    """F1 of raw detections and of labels, by IoU."""

    name: str
    raw: dict[float, float]
    labels: dict[float, float]

    def gain(self, iou: float) -> float:
        """Points of F1 that labels have more than raw detections."""
        return 100 * (self.labels[iou] - self.raw[iou])

    def is_worse(self) -> bool:
        """Check whether labels are worse than allowed."""
        return any(self.gain(iou) < least - 1e-9 for iou, least in ALLOWED.items())


def load(sequence: str, detector: str) -> Case:
    """Read a sequence as it is."""
    fps, length = info(DATA / sequence)
    real = truth(DATA / sequence)
    file = DATA / sequence / "det" / f"{detector}.txt"
    boxes = mot_text.load(file, fps, real.people.length or length)
    return Case(
        name=f"{sequence} {detector}",
        truth=real,
        detections=boxes,
        threshold=THRESHOLDS[detector],
    )


def size(sequence: str) -> tuple[float, float]:
    """Return width and height of the picture."""
    parser = configparser.ConfigParser()
    parser.read(DATA / sequence / "seqinfo.ini")
    return parser.getfloat("Sequence", "imWidth"), parser.getfloat("Sequence", "imHeight")


def moved(case: Case, path_name: str, picture: tuple[float, float]) -> Case:
    """Show a case through a virtual camera."""
    rng = np.random.default_rng(sum(map(ord, case.name.split()[0] + path_name)))
    seconds = np.arange(case.detections.length) / case.detections.fps
    path = PATHS[path_name](seconds, rng)

    def show(boxes: Detections) -> Detections:
        width, height = picture
        centre = np.array([width, height] * 2) / 2
        at = path[boxes.frames]
        shift = np.tile(at[:, 1:], 2) * height
        corners = (boxes.boxes - centre) * at[:, :1] + centre + shift
        clipped = np.clip(corners, 0, [width, height, width, height])
        area = np.prod(clipped[:, 2:] - clipped[:, :2], axis=1)
        full = np.prod(corners[:, 2:] - corners[:, :2], axis=1)
        return replace(boxes, boxes=clipped.astype(np.float32)).where(area > 0.4 * full)

    return replace(
        case,
        name=f"{case.name}, {path_name}",
        truth=Truth(show(case.truth.people), show(case.truth.ignored)),
        detections=show(case.detections),
    )


def alone(sequence: str, case: Case, count: int) -> Iterator[Case]:
    """Yield the case with one person in it, for each of the people who are longest in view."""
    rows = np.loadtxt(DATA / sequence / "gt" / "gt.txt", delimiter=",", ndmin=2)
    if sequence.startswith("MOT17"):
        rows = rows[(rows[:, 6] == 1) & (rows[:, 7] == 1)]
    numbers, counts = np.unique(rows[:, 1], return_counts=True)
    nobody = case.truth.ignored.where(np.zeros(len(case.truth.ignored), bool))
    for number in numbers[np.argsort(-counts, kind="stable")][:count].tolist():
        person = rows[rows[:, 1] == number]
        person = person[np.argsort(person[:, 0])]
        people = replace(
            nobody,
            frames=(person[:, 0] - 1).astype(np.int32),
            boxes=np.concatenate([person[:, 2:4], person[:, 2:4] + person[:, 4:6]], 1).astype(
                np.float32
            ),
            scores=np.ones(len(person), np.float32),
            classes=np.zeros(len(person), np.int16),
        )
        rows_of_person, _ = association.match_frames(case.detections, people, 0.4)
        yield replace(
            case,
            name=f"{case.name}, alone {number:.0f}",
            truth=Truth(people, nobody),
            detections=case.detections.where(np.sort(rows_of_person)),
        )


def thinned(case: Case, every: int) -> Case:
    """Keep every n-th frame."""

    def thin(boxes: Detections) -> Detections:
        rows = boxes.where(boxes.frames % every == 0)
        length = -(-boxes.length // every)
        return replace(rows, frames=rows.frames // every, length=length, fps=boxes.fps / every)

    return replace(
        case,
        name=f"{case.name}, 1/{every}",
        truth=Truth(thin(case.truth.people), thin(case.truth.ignored)),
        detections=thin(case.detections),
    )


def weakened(case: Case) -> Case:
    """Lose a third of the boxes and shift the sides of the others by 5% of the height."""
    rng = np.random.default_rng(len(case.detections))
    boxes = case.detections.where(rng.random(len(case.detections)) > 0.33)
    height = (boxes.boxes[:, 3] - boxes.boxes[:, 1])[:, None]
    sides = boxes.boxes + rng.normal(0, 0.05, boxes.boxes.shape) * height
    sides[:, 2:] = np.maximum(sides[:, 2:], sides[:, :2] + 1)
    weak = replace(boxes, boxes=sides.astype(np.float32))
    return replace(case, name=f"{case.name}, weak", detections=weak)


def cases() -> Iterator[Case]:
    """Yield all cases: real sequences, thinned and weakened, then those with a virtual camera."""
    for sequence in sorted(DATA.iterdir()):
        for file in sorted((sequence / "det").glob("*.txt")) if sequence.is_dir() else []:
            real = load(sequence.name, file.stem)
            kind = "static" if sequence.name in STATIC else "moving"
            real = replace(real, name=f"{real.name}, {kind}")
            for case in (real, thinned(real, 2), thinned(real, 3), weakened(real)):
                yield case
    for sequence_name, detector in ROWS:
        real = load(sequence_name, detector)
        for path_name in PATHS:
            case = moved(real, path_name, size(sequence_name))
            yield from (case, thinned(case, 2), thinned(case, 3), weakened(case))
    for (sequence_name, detector), count in ALONE:
        for single in alone(sequence_name, load(sequence_name, detector), count):
            for path_name in PATHS:
                yield moved(single, path_name, size(sequence_name))


def measure(case: Case) -> Line:
    """Label a case, and score raw detections and labels."""
    labels = hindsight.label([case.detections], [case.threshold]).detections
    raw = case.detections.above(case.threshold)
    return Line(
        case.name,
        {iou: score(case.truth, raw, iou)[2] for iou in ALLOWED},
        {iou: score(case.truth, labels, iou)[2] for iou in ALLOWED},
    )


def main(wanted: list[str]) -> None:
    """Print the table, and how many lines are worse than allowed."""
    lines = []
    print(f"{'':48}{'F1':>8}{'labels':>8}{'gain':>8}{'F1@.75':>8}{'labels':>8}{'gain':>8}")
    for case in cases():
        if wanted and not any(name in case.name for name in wanted):
            continue
        line = measure(case)
        lines.append(line)
        numbers = [(line.raw[iou], line.labels[iou], line.gain(iou)) for iou in ALLOWED]
        text = "".join(f"{a:8.3f}{b:8.3f}{gain:8.2f}" for a, b, gain in numbers)
        print(f"{line.name:48}{text}{'  worse' if line.is_worse() else ''}")
    kinds = ["static", "moving", *PATHS, "alone"]
    for kind in [*kinds, ""]:
        part = [line for line in lines if f", {kind}" in line.name] if kind else lines
        if not part:
            continue
        gains = {iou: [line.gain(iou) for line in part] for iou in ALLOWED}
        text = "".join(f"{np.mean(g):8.2f} mean {np.min(g):7.2f} worst" for g in gains.values())
        worse = sum(line.is_worse() for line in part)
        print(f"{kind or 'all':16}{text}   {worse} of {len(part)} worse")


if __name__ == "__main__":
    if not DATA.is_dir():
        sys.exit(f"skipped: {DATA} is absent")
    main(sys.argv[1:])

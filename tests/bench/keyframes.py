"""Key boxes of hindsight labels: `python tests/bench/keyframes.py [SEQUENCE…]`.

The labels of each row of `tests/bench/hindsight.py` are thinned at the default IoU and made dense
again; both are measured against the truth. `--long` times a clip of 9,000 frames and 6 tracks.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

import hindsight as bench

from oneclick import hindsight
from oneclick.core import boxes
from oneclick.core.detections import Detections
from oneclick.core.tracks import Tracks
from oneclick.formats import mot_text
from oneclick.hindsight import keyframes


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    name: str
    boxes: int
    keys: int
    worst: float
    """Least IoU of a box and what its keys make of it."""
    before: tuple[float, float]
    """F1 of the labels at IoU 0.5 and 0.75."""
    after: tuple[float, float]
    """F1 of what the keys make of them."""
    seconds: float
    """Processor time of thinning."""

    @property
    def ratio(self) -> float:
        """Boxes a key."""
        return self.boxes / max(self.keys, 1)


def measure(labels: Tracks, name: str, real: bench.Truth | None = None) -> Row:
    """Thins, makes dense again and compares."""
    start = time.process_time()
    keys = keyframes.thin(labels)
    seconds = time.process_time() - start
    dense = keyframes.densify(keys)
    overlap = boxes.iou_pairs(dense.boxes.astype(np.float64), labels.boxes.astype(np.float64))
    before, after = _f1(real, labels), _f1(real, dense)
    return Row(name, len(labels), len(keys), float(overlap.min()), before, after, seconds)


def _f1(real: bench.Truth | None, labels: Tracks) -> tuple[float, float]:
    if real is None:
        return np.nan, np.nan
    detections = bench.as_detections(labels)
    return bench.score(real, detections, 0.5)[2], bench.score(real, detections, 0.75)[2]


def rows(only: list[str]) -> Iterator[Row]:
    """All sequences × detections, or those of the sequences named."""
    for sequence in sorted(bench.DATA.iterdir()):
        if not sequence.is_dir() or (only and sequence.name not in only):
            continue
        fps, length = bench.info(sequence)
        real = bench.truth(sequence)
        for file in sorted((sequence / "det").glob("*.txt")):
            raw_detections = mot_text.load(file, fps, real.people.length or length)
            labels = hindsight.label([raw_detections], [bench.THRESHOLDS[file.stem]])
            yield measure(labels, f"{sequence.name} {file.stem}", real)


def walkers(people: int = 6, length: int = 9000, fps: float = 25.0) -> Tracks:
    """Labels of people who stroll, stop and turn, seen with an error of some hundredths."""
    rng = np.random.default_rng(0)
    at = np.arange(length) / fps
    turns = rng.uniform(0.005, 0.08, (people, 2, 6, 1)), rng.uniform(0, 6.3, (people, 2, 6, 1))
    centre = 60 * np.sin(6.3 * turns[0] * at + turns[1]).sum(2) + 500
    height = 100 + 20 * np.sin(at / 11)
    half = np.stack([0.2 * height * (1 + 0.1 * np.sin(6.3 * at)), height / 2])
    corners = np.concatenate([centre - half, centre + half], 1)
    sides = np.concatenate([half, half])
    noisy = corners + rng.normal(0, 0.06, corners.shape) * sides
    noisy += 1000 * np.arange(people)[:, None, None]
    noisy_boxes = np.moveaxis(noisy, 2, 1).reshape(-1, 4)
    n = len(noisy_boxes)
    frames = np.tile(np.arange(length, dtype=np.int32), people)
    raw_detections = Detections(
        frames=frames,
        boxes=noisy_boxes,
        scores=np.full(n, 0.9),
        classes=np.zeros(n, np.int16),
        length=length,
        fps=fps,
    )
    return hindsight.label([raw_detections], [0.5])


def main(table: list[Row]) -> None:
    """Print the table."""
    heads = ("boxes", "keys", "ratio", "worst", "F1", "F1'", "F1@.75", "F1'@.75", "s")
    print(f"{'':26}" + "".join(f"{head:>9}" for head in heads))
    for row in table:
        numbers = (row.ratio, row.worst, row.before[0], row.after[0], row.before[1], row.after[1])
        counts = f"{row.boxes:9}{row.keys:9}"
        print(f"{row.name:26}{counts}" + "".join(f"{n:9.3f}" for n in (*numbers, row.seconds)))
    total = sum(row.boxes for row in table) / sum(row.keys for row in table)
    f1 = np.mean([(*row.before, *row.after) for row in table], 0)
    print(f"all: {total:.2f} boxes a key; mean F1 {f1[0]:.4f} -> {f1[2]:.4f},", end=" ")
    print(f"at IoU .75 {f1[1]:.4f} -> {f1[3]:.4f}")


if __name__ == "__main__":
    if "--long" in sys.argv:
        main([measure(walkers(), "9,000 frames, 6 tracks")])
    elif bench.DATA.is_dir():
        main(list(rows(sys.argv[1:])))
    else:
        sys.exit(f"skipped: {bench.DATA} is absent")

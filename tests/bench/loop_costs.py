"""What the arms of the loop's benchmark pay for labels: `python -m tests.bench.loop_costs FOLDER`.

Random clips of the ward with the labeller of a first week (motion alone), and of PETS09-S2L1 with
that of a later one (a small model beside motion), labelled by every way of tests/bench/loop.py:
seconds by clip and by image, edits by 100 boxes, and F1 of what is published. Without training.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from oneclick import detectors
from oneclick.core import association
from oneclick.core.detections import Detections
from oneclick.formats import mot_text
from tests.bench import loop, loop_films
from tests.bench.hindsight import DATA, THRESHOLDS
from tests.bench.loop_films import FPS, Film
from tests.bench.loop_review import CLASSES, Candidate

WAYS = (
    "random, manual",
    "random, one a second",
    "random, key boxes",
    "random, hindsight",
    "default",
)
MODEL = "yoloxnano"


def pets_model(film: Film) -> Detections:
    """Return the boxes of a small model on a part of vtest.avi."""
    whole = mot_text.load(DATA / "PETS09-S2L1" / "det" / f"{MODEL}.txt", 10.0, 795)
    numbers = np.arange(film.start, film.start + film.length * film.step, film.step)
    rows = whole.where(np.isin(whole.frames, numbers))
    frames = np.searchsorted(numbers, rows.frames).astype(np.int32)
    return replace(rows, frames=frames, length=film.length, fps=FPS)


def candidates(source: str, folder: Path, count: int, seed: int) -> list[Candidate]:
    """Return random clips with the predictions of their labellers."""
    if source == "ward":
        films = loop_films.ward_films(folder / "films", seed, 1)
    else:
        films = loop_films.real_films(source, folder, 1, 1)
    motion = detectors.create(loop.MOTION)
    parts: dict[str, tuple[Detections, ...]] = {}
    thresholds = (motion.threshold,) if source == "ward" else (THRESHOLDS[MODEL], motion.threshold)
    for film in films:
        moving = detectors.run(motion, film.pictures(), film.length, FPS, CLASSES)
        parts[film.name] = (moving,) if source == "ward" else (pets_model(film), moving)
    spans = list(loop.random_spans(films, seed, 1))[:count]
    return [Candidate(film, span, parts[film.name], thresholds) for film, span in spans]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--clips", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    for source in ("ward", "pets") if DATA.is_dir() else ("ward",):
        clips = candidates(source, options.folder, options.clips, options.seed)
        heads = ("s/clip", "s/image", "edits/100", "F1")
        print(f"{source + f', {len(clips)} clips':24}" + "".join(f"{head:>12}" for head in heads))
        for way in WAYS:
            seconds = edits = boxes = images = right = people = 0.0
            for clip in clips:
                labelled = loop.annotate(way, clip, options.seed)
                shown = labelled.tracks.where(np.isin(labelled.tracks.frames, labelled.frames))
                truth = clip.truth.where(np.isin(clip.truth.frames, labelled.frames))
                right += len(association.match_frames(shown.detections, truth.detections, 0.5)[0])
                boxes, people = boxes + len(shown), people + len(truth)
                seconds, edits = seconds + labelled.seconds, edits + labelled.edits
                images += len(labelled.frames)
            row = (
                seconds / len(clips),
                seconds / images,
                100 * edits / max(boxes, 1),
                2 * right / max(boxes + people, 1),
            )
            print(f"{way:24}" + "".join(f"{value:12.2f}" for value in row))


if __name__ == "__main__":
    main()

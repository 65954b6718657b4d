"""Several labellers whose skills were learned on other footage: `python -m tests.bench.ensemble`.

A row is a sequence to label, a number of models, and another sequence that taught their skills.
`best` is hindsight over the best single model of all that exist there, `votes` what they make of
the clip while nothing is known of them, `learned` with their skills. `stranger` is the longest
track of `learned` that meets no box of the truth: on PETS09-S2L1 a man who walks along the path
in the background from frame 80 on, in full view, and is not annotated.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache

import numpy as np

from oneclick import hindsight
from oneclick.core import association
from oneclick.core.detections import Detections
from oneclick.core.tracks import Tracks
from oneclick.formats import mot_text
from oneclick.hindsight import learn
from oneclick.hindsight.learn import LabellerExample
from tests.bench.hindsight import DATA, THRESHOLDS, Truth, info, score, truth

PAIRS = (
    ("PETS09-S2L1", "TUD-Campus", ("yoloxnano", "nanodet", "acf", "fastestdet")),
    ("MOT17-09", "MOT17-05", ("sdp_clean", "frcnn", "dpm")),
)


@cache
def known(sequence: str) -> Truth:
    """Ground truth of a sequence."""
    return truth(DATA / sequence)


@cache
def said(sequence: str, model: str) -> Detections:
    """All boxes of a model."""
    people = known(sequence).people
    return mot_text.load(
        DATA / sequence / "det" / f"{model}.txt", info(DATA / sequence)[0], people.length
    )


def lesson(sequence: str, models: Sequence[str]) -> LabellerExample:
    """A sequence as one reviewed clip."""
    parts = tuple(said(sequence, model) for model in models)
    return LabellerExample(parts, tuple(THRESHOLDS[m] for m in models), known(sequence).people)


@cache
def alone(sequence: str, model: str) -> Tracks:
    """Labels from one model."""
    return hindsight.label([said(sequence, model)], [THRESHOLDS[model]])


def stranger(tracks: Tracks, people: Detections) -> int:
    """Boxes of the longest track of which less than a tenth meets the truth."""
    met = np.zeros(len(tracks), np.bool_)
    met[association.match_frames(tracks.detections, people, 0.3)[0]] = True
    return max((len(rows) for rows in tracks.rows_by_track() if met[rows].mean() < 0.1), default=0)


def row(sequence: str, teacher: str, models: tuple[str, ...], everyone: tuple[str, ...]) -> str:
    """One line of the table."""
    example, real = lesson(sequence, models), known(sequence)
    team = learn.learn([lesson(teacher, models)], hindsight.DEFAULT)
    weighted = hindsight.label(example.parts, example.thresholds, hindsight.DEFAULT, team)
    votes = hindsight.label(example.parts, example.thresholds)
    best = max(
        (alone(sequence, m) for m in everyone), key=lambda t: score(real, t.detections, 0.5)[2]
    )
    f1 = [score(real, t.detections, at)[2] for at in (0.5, 0.75) for t in (best, votes, weighted)]
    gain = 100 * (f1[2] - f1[0])
    numbers = "".join(f"{value:8.3f}" for value in f1[:3])
    tight = "".join(f"{value:8.3f}" for value in f1[3:])
    name = f"{sequence} {len(models)} models, from {teacher}"
    return f"{name:42}{numbers}{gain:+8.1f}{tight}{stranger(weighted, real.people):10d}"


def main() -> None:
    """Print the table."""
    heads = "".join(f"{head:>8}" for head in ("best", "votes", "learned", "gain", "best"))
    print(f"{'':42}{heads}{'votes':>8}{'learned':>8}{'stranger':>10}")
    print(f"{'':42}{'F1@.5':>8}{'':24}{'F1@.75':>8}")
    for first, other, models in PAIRS:
        for size in range(2, len(models) + 1):
            for sequence, teacher in ((first, other), (other, first)):
                print(row(sequence, teacher, models[:size], models))


if __name__ == "__main__":
    if not DATA.is_dir():
        sys.exit(f"skipped: {DATA} is absent")
    main()

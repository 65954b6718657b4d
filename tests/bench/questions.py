"""How well questions point at the errors of labels: `python -m tests.bench.questions`.

Labels of every sequence and detections file are asked about, with beliefs learned on the other
footage. `least sure` is the share of all wrong boxes among the fifth of the boxes with the lowest
confidence; `in questions` the share of wrong boxes that some question asks about, and `asked` the
share of all boxes that are asked about: the rest is accepted as it stands, `left` percent of them
wrong. `right`, expected and true, is how far the confidence means what it says.
"""

from __future__ import annotations

import configparser
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from oneclick import hindsight
from oneclick.core import association, logistic
from oneclick.core.tracks import Tracks
from oneclick.formats import mot_text
from oneclick.hindsight import confidence, questions
from tests.bench.hindsight import DATA, THRESHOLDS, info, on_ignored, truth

SAME = {"ADL-Rundle-6": "MOT17-09", "ETH-Pedcross2": "MOT17-05"}
"""Footage that exists under two names."""
BOXES = 300.0
"""What every file weighs in learning, however long it is."""


@dataclass(frozen=True)
class Case:
    """Labels made from one file of detections."""

    sequence: str
    detector: str
    made: Tracks
    counts: NDArray[np.bool_]
    """Boxes that are either right or wrong."""
    right: NDArray[np.bool_]
    size: tuple[float, float]


def case(sequence: Path, detector: str) -> Case:
    """Label one file and compare with the truth."""
    fps, length = info(sequence)
    real = truth(sequence)
    raw_detections = mot_text.load(
        sequence / "det" / f"{detector}.txt", fps, real.people.length or length
    )
    tracks = hindsight.build_tracks([raw_detections], [THRESHOLDS[detector]])
    right = np.zeros(len(tracks), np.bool_)
    right[association.match_frames(tracks.detections, real.people, 0.5)[0]] = True
    parser = configparser.ConfigParser()
    parser.read(sequence / "seqinfo.ini")
    size = tuple(parser.getfloat("Sequence", side) for side in ("imWidth", "imHeight"))
    counts = right | ~on_ignored(tracks.detections, real.ignored)
    return Case(sequence.name, detector, tracks, counts, right, size)  # type: ignore[arg-type]


def cases() -> list[Case]:
    """All sequences and detections files."""
    return [
        case(sequence, file.stem)
        for sequence in sorted(DATA.iterdir())
        if sequence.is_dir()
        for file in sorted((sequence / "det").glob("*.txt"))
    ]


def learned(training_cases: list[Case]) -> tuple[float, ...]:
    """Beliefs from some files, each of equal weight."""
    columns = [confidence.features(case.made)[case.counts] for case in training_cases]
    right = [case.right[case.counts] for case in training_cases]
    sample_weights = [np.full(len(part), BOXES / max(len(part), 1)) for part in right]
    weights = logistic.fit(
        np.concatenate(columns),
        np.concatenate(right),
        np.zeros(len(confidence.FEATURE_NAMES)),
        prior_precision=3.0,
        sample_weight=np.concatenate(sample_weights),
    )
    return tuple(weights.tolist())


def ranked(chance: NDArray[np.floating], right: NDArray[np.bool_]) -> float:
    """Probability that a wrong box has a lower chance than a right one."""
    ranks, good = rankdata(chance), int(right.sum())
    bad = len(right) - good
    return float((ranks[right].sum() - good * (good + 1) / 2) / max(good * bad, 1))


def measure(bench_case: Case, beliefs: tuple[float, ...]) -> list[float]:
    """The numbers of one line."""
    probabilities = confidence.to_probabilities(bench_case.made, beliefs)
    right, chance = bench_case.right[bench_case.counts], probabilities.scores[bench_case.counts]
    in_question = questions.question_mask(
        probabilities, questions.questions(probabilities, *bench_case.size)
    )[bench_case.counts]
    fifth = np.argsort(chance, kind="stable")[: len(chance) // 5]
    wrong = max(int((~right).sum()), 1)
    return [
        ranked(bench_case.made.scores[bench_case.counts], right),
        ranked(chance, right),
        (~right)[fifth].sum() / wrong,
        in_question.mean(),
        (~right & in_question).sum() / wrong,
        100 * (~right & ~in_question).sum() / max(int((~in_question).sum()), 1),
        float(chance.mean()),
        float(right.mean()),
    ]


def main() -> None:
    """Print the table."""
    heads = ("strength", "all", "least sure", "asked", "in quest.", "left %", "expected", "true")
    print(f"{'':26}" + "".join(f"{head:>11}" for head in heads))
    all_cases, lines = cases(), []
    for bench_case in all_cases:
        footage = SAME.get(bench_case.sequence, bench_case.sequence)
        others = [
            other for other in all_cases if SAME.get(other.sequence, other.sequence) != footage
        ]
        lines.append(measure(bench_case, learned(others)))
        name = f"{bench_case.sequence} {bench_case.detector}"
        print(f"{name:26}" + "".join(f"{value:11.3f}" for value in lines[-1]))
    print(f"{'mean':26}" + "".join(f"{value:11.3f}" for value in np.mean(lines, 0)))
    beliefs = dict(zip(confidence.FEATURE_NAMES, learned(all_cases), strict=True))
    print("\nall files: " + "  ".join(f"{name} {value:+.2f}" for name, value in beliefs.items()))


if __name__ == "__main__":
    if not DATA.is_dir():
        sys.exit(f"skipped: {DATA} is absent")
    main()

from __future__ import annotations

import numpy as np
import pytest

from oneclick.training import evaluate, gate, precision
from oneclick.training.evaluate import Evaluation


def worth(skill: float, clips: int = 12, images: int = 5, seed: int = 0) -> Evaluation:
    """A model that finds a box with probability `skill`; one box an image, luck drawn by seed."""
    rng = np.random.default_rng(seed)
    box = np.array([[0, 0, 10, 10]], np.float32)
    true = (box, np.zeros(1, np.int64))
    truths = [true] * (clips * images)
    predictions = [
        (box if rng.random() < skill else box + 50, rng.uniform(0.4, 1, 1), np.zeros(1, np.int64))
        for _ in truths
    ]
    matches = precision.match(predictions, truths, np.arange(len(truths)) // images)
    names = tuple(f"c{k}" for k in range(clips))
    return Evaluation(evaluate.score(predictions, truths), matches, names)


QUICK = gate.Options(draws=200)
CASES = {
    "first model": (worth(0.9), None, (), "promote", "first model"),
    "hopeless first model": (worth(0.0), None, (), "refuse", "below the floor"),
    "too few images": (worth(0.9, clips=3), None, (), "not enough evidence", "15 test images"),
    "test clip in training": (worth(0.9), None, ("c3",), "refuse", "c3"),
    "much better": (worth(0.9), worth(0.4, seed=1), (), "promote", "better by more"),
    "worse": (worth(0.5), worth(0.9, seed=1), (), "refuse", "not better"),
    "itself": (worth(0.7), worth(0.7), (), "refuse", "not better"),
    "one clip": (
        worth(0.9, clips=1, images=30),
        worth(0.4, clips=1, images=30, seed=1),
        (),
        "not enough evidence",
        "one test clip",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_gate_decides_and_says_why(case: str) -> None:
    candidate, champion, trained_on, verdict, word = CASES[case]
    decision = gate.decide(candidate, champion, trained_on)
    assert decision.verdict == verdict, decision.reasons
    assert word in " ".join(decision.reasons)
    assert [row.name for row in decision.rows] == ["candidate", "champion"][: 1 + bool(champion)]


def test_a_margin_must_be_won_too() -> None:
    better, base = worth(0.8), worth(0.6, seed=1)
    gain = better.metrics.map - base.metrics.map
    assert gate.decide(better, base).verdict == "promote"
    options = gate.Options(margin=gain + 0.01)
    assert gate.decide(better, base, options=options).verdict == "refuse"


def test_a_small_gain_within_chance_is_not_enough_evidence() -> None:
    pairs = [(worth(0.72, seed=k), worth(0.7, seed=k + 100)) for k in range(20)]
    verdicts = [gate.decide(*pair, options=QUICK).verdict for pair in pairs]
    assert "not enough evidence" in verdicts
    assert verdicts.count("promote") <= 6


def test_an_equal_model_is_rarely_promoted() -> None:
    pairs = [(worth(0.7, seed=2 * k), worth(0.7, seed=2 * k + 1)) for k in range(60)]
    promoted = sum(gate.decide(*pair, options=QUICK).verdict == "promote" for pair in pairs)
    assert promoted / 60 <= 0.2  # confidence 0.9, one-sided: 10% are expected


def test_different_images_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="different images"):
        gate.decide(worth(0.9), worth(0.9, clips=10))

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from oneclick.training import gate
from oneclick.training.evaluation import average_precision, evaluate
from oneclick.training.evaluation.evaluate import Evaluation
from oneclick.training.gate import significance
from tests.bench import gate as bench


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
    matches = average_precision.match(predictions, truths, np.arange(len(truths)) // images)
    names = tuple(f"c{k}" for k in range(clips))
    return Evaluation(metrics=evaluate.score(predictions, truths), matches=matches, clips=names)


QUICK = gate.GateOptions(draws=200)


def simulations(few: int, many: int) -> pytest.MarkDecorator:
    """Parametrize a test by how many simulations it judges; `-m slow` runs the many."""
    return pytest.mark.parametrize("number", [few, pytest.param(many, marks=pytest.mark.slow)])


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
    candidate, champion, trained_on, verdict, phrase = CASES[case]
    decision = gate.decide(candidate, champion, trained_on)
    assert decision.verdict == verdict, decision.reasons
    assert phrase in " ".join(decision.reasons)
    assert [row.name for row in decision.rows] == ["candidate", "champion"][: 1 + bool(champion)]


def test_a_margin_must_be_won_too() -> None:
    better, base = worth(0.8), worth(0.6, seed=1)
    gain = better.metrics.map - base.metrics.map
    assert gate.decide(better, base).verdict == "promote"
    options = gate.GateOptions(margin=gain + 0.01)
    assert gate.decide(better, base, options=options).verdict == "refuse"


def test_a_small_gain_within_chance_is_not_enough_evidence() -> None:
    pairs = [(worth(0.72, seed=k), worth(0.7, seed=k + 100)) for k in range(20)]
    verdicts = [gate.decide(*pair, options=QUICK).verdict for pair in pairs]
    assert "not enough evidence" in verdicts
    assert verdicts.count("promote") <= 6


@simulations(20, 60)
def test_an_equal_model_is_rarely_promoted(number: int) -> None:
    pairs = [(worth(0.7, seed=2 * k), worth(0.7, seed=2 * k + 1)) for k in range(number)]
    promoted = sum(gate.decide(*pair, options=QUICK).verdict == "promote" for pair in pairs)
    assert promoted / number <= 0.2  # confidence 0.9, one-sided: 10% are expected


def test_different_images_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="different images"):
        gate.decide(worth(0.9), worth(0.9, clips=10))


def simulated(clips: int, seed: int, **shift: float) -> tuple[Evaluation, Evaluation]:
    """Candidate and champion on a simulated test set; skill is shifted by day and by night."""
    rng = np.random.default_rng(seed)
    world = bench.World.draw(clips, rng)
    night = world.mask("light=night")
    return bench.compared(world, np.where(night, shift.get("night", 0), shift.get("day", 0)), rng)


def test_a_loss_by_night_is_named_and_never_promoted_though_the_whole_is_better() -> None:
    decisions = [
        gate.decide(*simulated(60, k, night=-0.6, day=1.2), options=QUICK) for k in range(8)
    ]
    assert sum(decision.rows[0].map > decision.rows[1].map for decision in decisions) >= 6
    assert "promote" not in {decision.verdict for decision in decisions}
    named = [
        decision for decision in decisions if "worse on light=night" in " ".join(decision.reasons)
    ]
    assert len(named) >= 6
    assert all(decision.verdict == "refuse" for decision in named)
    overall, worst = named[0].slices[:2]
    assert overall.name == "all"
    assert worst.word == "worse"


@simulations(7, 20)
def test_no_regression_is_named_between_equal_models(number: int) -> None:
    decisions = [gate.decide(*simulated(20, k), options=QUICK) for k in range(number)]
    named = sum("worse" in {row.word for row in decision.slices} for decision in decisions)
    assert named / number <= 0.15  # 5% are expected, over all slices together


def test_a_dozen_clips_are_enough_for_a_clearly_better_model() -> None:
    decisions = [
        gate.decide(*simulated(12, k, night=1.2, day=1.2), options=QUICK) for k in range(8)
    ]
    assert [decision.verdict for decision in decisions].count("promote") >= 7
    assert any(row.word == "too small" for row in decisions[0].slices)


def test_what_a_slice_may_have_lost_delays_the_promotion() -> None:
    candidate, champion = simulated(40, 3, night=0.25, day=0.25)
    strict = replace(QUICK, slice_margin=0.0, slice_confidence=0.999)
    decision = gate.decide(candidate, champion, options=strict)
    assert decision.verdict == "not enough evidence"
    assert "may lose more than 0.0 on" in " ".join(decision.reasons)
    only = replace(strict, named=("weather",))
    decision = gate.decide(candidate, champion, options=only)
    assert decision.verdict == "promote"
    assert {row.word for row in decision.slices[1:]} == {"not judged"}


def test_slices_are_shown_worst_first_after_the_whole() -> None:
    decision = gate.decide(*simulated(40, 5), options=QUICK)
    order = ["worse", "unclear", "no worse", "better", "too small"]
    places = [order.index(row.word) for row in decision.slices[1:]]
    assert places == sorted(places)
    empty = next(row for row in decision.slices if row.name == "people=0")
    assert (empty.boxes, empty.gain, empty.word) == (0, None, "too small")


def test_the_first_model_shows_its_slices_and_loses_nothing() -> None:
    candidate, _ = simulated(12, 0)
    decision = gate.decide(candidate, None)
    assert decision.slices[0].candidate == pytest.approx(candidate.metrics.map, abs=1e-6)
    assert {row.word for row in decision.slices} == {"not judged"}


def test_a_test_clip_in_training_is_never_promoted() -> None:
    candidate, champion = simulated(12, 0, night=1.2, day=1.2)
    assert gate.decide(candidate, champion, options=QUICK).verdict == "promote"
    for leaked in candidate.clips:
        assert gate.decide(candidate, champion, {leaked}, QUICK).verdict == "refuse"


@simulations(20, 60)
def test_intervals_cover_the_true_gain_though_clips_are_few(number: int) -> None:
    covered = 0
    for seed in range(number):
        candidate, champion = simulated(8, seed)
        gains = significance.estimate_gains(
            [(candidate.matches, champion.matches)],
            np.array([[candidate.metrics.map, champion.metrics.map]]),
            200,
            seed,
        )
        low, high = gains.bounds(0.95)
        covered += bool(low[0] < 0 < high[0])
    assert covered / number >= 0.8  # 90% are expected


def test_steps_down_name_more_than_the_largest_loss() -> None:
    rng = np.random.default_rng(0)
    draws = rng.normal(size=(2000, 3))
    lost = np.array([-9.0, -2.0, 0.5])
    errors = np.ones(3)
    gains = significance.GainEstimates(
        champion=np.zeros(3), candidate=lost, error=errors, freedom=100 * errors, draws=draws
    )
    assert gains.worse(0.95, [0, 1, 2]).tolist() == [True, True, False]
    assert gains.worse(0.999, [0, 1, 2]).tolist() == [True, False, False]

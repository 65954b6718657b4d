import pytest
from hypothesis import given
from hypothesis import strategies as st

from oneclick.core.hits import Hit
from oneclick.core.spans import Span
from oneclick.triggers import calibrate, priors
from oneclick.triggers.calibrate import PRIOR_ERROR_RATE, Calibration, TriggerSet, TriggerTally
from tests.triggers.scenes import boxes, person


def fired(*names: str) -> TriggerSet:
    return frozenset(names)


def hit(trigger: str, frame: int, x: float = 100.0) -> Hit:
    box = (frame, x, 200.0, x + 40, 300.0)
    return Hit(trigger=trigger, span=Span(frame, frame + 1), score=0.5, boxes=(box,), why="why")


@pytest.mark.parametrize(
    ("tallies", "names", "expected"),
    [
        ({}, ["a"], 1 / 3),
        ({fired("a"): TriggerTally(0, 0)}, ["a"], 1 / 3),
        ({fired("a"): TriggerTally(7, 7)}, ["a"], 8 / 10),
        ({fired("a"): TriggerTally(7, 0)}, ["a"], 1 / 10),
        ({fired("a"): TriggerTally(97, 97)}, ["a", "b"], 0.98),
        ({fired("a"): TriggerTally(40, 40), fired("b"): TriggerTally(57, 57)}, ["a", "b"], 0.98),
        ({fired("a", "b"): TriggerTally(97, 97)}, ["a"], 1 / 3),
        ({fired("b"): TriggerTally(97, 97)}, ["a"], 1 / 3),
    ],
    ids=[
        "nothing seen",
        "no event",
        "always",
        "never",
        "like its part",
        "like its parts",
        "a larger set",
        "unrelated",
    ],
)
def test_belief_is_laplace_smoothed(
    tallies: dict[TriggerSet, TriggerTally], names: list[str], expected: float
) -> None:
    probability = Calibration(tallies).error_probability(fired(*names))
    assert probability == pytest.approx(expected)


def test_a_pair_without_reviews_is_believed_like_its_base() -> None:
    base = Calibration({fired("a"): TriggerTally(97, 97)})
    assert Calibration({}, base).error_probability(fired("a")) == base.error_probability(fired("a"))
    assert (
        Calibration({fired("a"): TriggerTally(300, 0)}, base).error_probability(fired("a")) < 0.02
    )


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))
def test_a_belief_is_a_probability_and_grows_with_evidence(a: int, b: int, c: int, d: int) -> None:
    base = Calibration({fired("x"): TriggerTally(c + d, d)})
    less = Calibration({fired("x"): TriggerTally(a + b, b)}, base).error_probability(fired("x"))
    more = Calibration({fired("x"): TriggerTally(a + b + 1, b + 1)}, base).error_probability(
        fired("x")
    )
    assert 0 < less < more < 1


def test_the_priors_believe_agreement_more_than_any_single_trigger() -> None:
    agreed = priors.BELIEFS.error_probability(fired("conflict_miss", "flicker", "hindsight_miss"))
    assert agreed > 0.8
    assert all(
        priors.BELIEFS.error_probability(fired(n)) < 0.5
        for n in ("flicker", "blip", "conflict_miss")
    )
    assert priors.BELIEFS.error_probability(fired("somebody_elses")) == PRIOR_ERROR_RATE


def test_events_are_one_per_object_and_frame() -> None:
    hits = [hit("a", 3), hit("b", 3, 105), hit("a", 3, 400), hit("b", 9)]
    groups = calibrate.group_hits(hits, 40)
    wrong = boxes(person([3], 102))
    got = calibrate.judge_objects(groups, [wrong])
    assert sorted((sorted(names), bad) for names, bad in got) == [
        (["a"], False),
        (["a", "b"], True),
        (["b"], False),
    ]
    assert calibrate.judge_objects(calibrate.group_hits([], 40), [wrong]) == []


def test_mistakes_are_false_alarms_and_misses() -> None:
    sure, truth = boxes(person([1, 2], 100) + person([2], 400)), boxes(person([1, 2, 3], 102))
    false, missed = calibrate.find_model_errors(sure, truth)
    assert false.boxes[:, 0].tolist() == [400]
    assert missed.frames.tolist() == [3]


def test_tallies_of_two_reviews_add_up() -> None:
    tallies = calibrate.count_events([(fired("a"), True), (fired("a"), False), (fired("b"), True)])
    assert tallies == {fired("a"): TriggerTally(2, 1), fired("b"): TriggerTally(1, 1)}
    assert calibrate.merge_tallies([tallies, tallies])[fired("a")] == TriggerTally(4, 2)

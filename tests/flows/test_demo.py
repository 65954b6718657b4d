"""Tests of what the demo says of its laps."""

from pathlib import Path

import numpy as np
import pytest

from oneclick.cli import summary
from oneclick.flows import demo
from oneclick.flows.demo import Demo, DemoGain, DemoLap, UnseenResult, UnseenTest
from oneclick.training.evaluation import average_precision, evaluate

BOX = np.array([[10.0, 10.0, 50.0, 90.0]])
PIECES = 12


def lap(number: int, champion: str | None) -> DemoLap:
    return DemoLap(
        lap=number,
        clips=16,
        edits_per_100_boxes=80.0,
        seconds_per_image=3.0,
        dataset_images=480 * number,
        candidate=f"tiny-{number}",
        verdict="promote" if champion == f"tiny-{number}" else "refuse",
        champion=champion,
        map=0.2 if champion else 0.0,
        ap50=0.5 if champion else 0.0,
        test_images=200 if champion else 0,
    )


@pytest.mark.parametrize(
    ("champions", "gain", "text"),
    [
        (
            ["tiny-1", "tiny-2"],
            DemoGain(first=0.1, last=0.3, low=0.15, high=0.25),
            "the last champion is better: mAP 0.100 → 0.300 "
            "(gain +0.200, 90% interval +0.150 … +0.250)",
        ),
        (
            [None, "tiny-2", "tiny-3"],
            DemoGain(first=0.3, last=0.2, low=-0.2, high=0.01),
            "the last champion is no better: mAP 0.300 → 0.200 "
            "(gain -0.100, 90% interval -0.200 … +0.010)",
        ),
        ([None, None, "tiny-3"], None, "3 laps gave one champion, in lap 3, and none better"),
        (["tiny-1", "tiny-1"], None, "2 laps gave one champion, in lap 1, and none better"),
        ([None, None, None], None, "3 laps gave no model good enough to serve"),
    ],
)
def test_a_demo_says_whether_its_champions_got_better(
    champions: list[str | None], gain: DemoGain | None, text: str
) -> None:
    laps = tuple(lap(number, champion) for number, champion in enumerate(champions, 1))
    result = Demo(home=Path("demo"), seed=0, laps=laps, gain=gain, seconds={})
    assert summary.describe_gain(result) == text


def unseen(shifts: np.ndarray) -> UnseenResult:
    """Make the result of a model whose box is that many px beside the person in each image."""
    truths = [(BOX, np.array([0]))] * len(shifts)
    predictions = [(BOX + np.array([s, 0, s, 0]), np.array([0.9]), np.array([0])) for s in shifts]
    groups = np.arange(len(shifts)) * PIECES // len(shifts)
    matches = average_precision.match(predictions, truths, groups)
    return UnseenResult(evaluate.score(predictions, truths), matches)


def test_the_gain_of_a_demo_has_an_interval_over_pieces_of_its_recordings() -> None:
    rng = np.random.default_rng(0)
    first, last = unseen(rng.uniform(0, 30, 120)), unseen(rng.uniform(0, 10, 120))
    gain = demo.compare([first, last, last])
    assert gain is not None
    assert (gain.first, gain.last) == (first.metrics.map, last.metrics.map)
    assert 0 < gain.low < gain.last - gain.first < gain.high
    same = demo.compare([first, first])
    assert same is not None
    assert (same.low, same.high) == pytest.approx((0, 0), abs=1e-9)
    assert demo.compare([first]) is None


@pytest.mark.parametrize(
    ("verdicts", "laps"),
    [("yy", 2), ("ny", 3), ("yn", 3), ("nny", 3), ("nnn", 3)],
)
def test_a_third_lap_follows_two_without_two_champions(
    verdicts: str, laps: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def train(number: int, films: object, test: UnseenTest, watch: object) -> DemoLap:
        if verdicts[number - 1 : number] == "y":
            test.results[f"tiny-{number}"] = unseen(np.full(PIECES, 10.0 / number))
        return lap(number, next(reversed(test.results), None))

    monkeypatch.setattr(demo, "run_lap", train)
    monkeypatch.setattr(demo, "render_shifts", lambda folder, shifts: None)
    monkeypatch.setattr(demo.Film, "load", lambda folder, shift: shift)
    result = demo.demo(tmp_path)
    assert len(result.laps) == laps
    assert list(result.seconds) == ["render"]
    assert (result.gain is not None) == (verdicts.count("y") > 1)

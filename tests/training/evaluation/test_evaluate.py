from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from oneclick.detectors import networks
from oneclick.training.data import Batch
from oneclick.training.evaluation import (
    average_precision,
    coco,
    error_analysis,
    evaluate,
    matching,
    model_profile,
)
from oneclick.training.gate import bootstrap
from tests.training.evaluation.test_average_precision import A, B, crowd, image, truth
from tests.training.evaluation.test_slices import line

REGION = np.array([[0, 0, 10, 20]], np.float32)
NOWHERE = np.zeros((0, 4), np.float32)

INSIDE = {
    "whole": ((2, 2, 8, 8), True),
    "just half": ((5, 0, 15, 10), True),
    "less than half": ((6, 0, 16, 10), False),
    "around it": ((0, 0, 100, 100), False),
    "no area": ((3, 3, 3, 3), False),
}


@pytest.mark.parametrize("case", INSIDE)
def test_half_of_a_box_inside_a_region_is_enough(case: str) -> None:
    box, expected = INSIDE[case]
    assert matching.inside(np.array([box], float), REGION.astype(float)).tolist() == [expected]


def test_a_false_box_in_a_region_to_ignore_counts_neither_way() -> None:
    predictions, truths = [image((1, 1, 9, 9, 0.9, 0), (*B, 0.8, 0))], [truth((*B, 0))]
    plain = evaluate.score(predictions, truths, 0.5)
    spared = evaluate.score(predictions, truths, 0.5, [REGION])
    assert (plain.map, plain.precision) == pytest.approx((0.5, 0.5))
    assert (spared.map, spared.precision, spared.recall) == pytest.approx((1, 1, 1))
    assert spared.recall_at_01 == 1 > plain.recall_at_01


def test_a_true_box_in_a_region_to_ignore_is_found_all_the_same() -> None:
    metrics = evaluate.score([image((*A, 0.9, 0))], [truth((*A, 0))], 0.5, [REGION])
    assert (metrics.map, metrics.recall, metrics.precision) == pytest.approx((1, 1, 1))


@pytest.mark.parametrize("seed", range(4))
def test_with_regions_to_ignore_ours_agrees_with_the_coco_evaluator(seed: int) -> None:
    predictions, truths = crowd(seed)
    rng = np.random.default_rng(seed + 50)
    low = rng.uniform(0, 100, (len(truths), 2, 2))
    ignored = list(np.concatenate([low, low + rng.uniform(10, 50, low.shape)], 2))
    official = coco.mean_average_precision(predictions, truths, ignored)
    precisions = average_precision.average(
        average_precision.match(predictions, truths, ignored=ignored)
    )
    # A crowd as large as one detection forgives another that lies within it: a few of a hundred.
    assert average_precision.mean(precisions)[0] == pytest.approx(official[0], abs=0.01)
    assert (
        average_precision.mean(precisions)[0] > coco.mean_average_precision(predictions, truths)[0]
    )


def test_recall_at_a_rate_of_false_boxes_is_read_off_the_curve() -> None:
    # True, false, true, false, true, in falling score, over two images.
    rows = [(*A, 0.9, 0), (*B, 0.8, 0)], [(*A, 0.7, 0), (40, 0, 50, 10, 0.6, 0), (*B, 0.5, 0)]
    predictions = [image(*rows[0]), image(*rows[1])]
    matches = average_precision.match(predictions, [truth((*A, 0)), truth((*A, 0), (*B, 0))])
    shares = [error_analysis.recall_at(matches, 2, rate) for rate in (0.1, 0.5, 1)]
    assert shares == pytest.approx([1 / 3, 2 / 3, 1])


def test_boxes_of_one_score_come_together() -> None:
    predictions = [image((*A, 0.9, 0), (*B, 0.9, 0))]
    matches = average_precision.match(predictions, [truth((*A, 0))])
    assert error_analysis.recall_at(matches, 1, 0.1) == 0
    assert error_analysis.recall_at(matches, 1, 1) == 1


def test_the_worst_clips_come_first_with_their_worst_image() -> None:
    both = truth((*A, 0), (*B, 0))
    predictions = [
        image((*A, 0.9, 0), (*B, 0.9, 0)),  # fine
        image((*A, 0.9, 0)), image(),  # one missed, two missed
        image((40, 0, 50, 10, 0.9, 0), (*A, 0.1, 0), (*B, 0.9, 0)),  # one missed, one false
    ]  # fmt: skip
    keys = [("fine", 0), ("blind", 0), ("blind", 2), ("half", 4)]
    matches = average_precision.match(predictions, [both] * 4, np.array([0, 1, 1, 2]))
    first, second = error_analysis.worst_clips(matches, keys, 0.5)
    assert (first.clip, first.frame, first.missed, first.alarms) == ("blind", 2, 3, 0)
    assert first.f1 == pytest.approx(0.4)
    assert (second.clip, second.frame, second.missed, second.alarms) == ("half", 4, 1, 1)
    assert error_analysis.worst_clips(matches, keys, 0.5, most=1) == (first,)


@pytest.mark.parametrize("seed", range(3))
def test_bootstrap_by_counts_is_the_exact_one(seed: int) -> None:
    predictions, truths = crowd(seed, images=30)
    groups = np.arange(30) // 3
    matches = average_precision.match(predictions, truths, groups)
    draws = bootstrap.draw_clips(10, 50, seed)
    exact = average_precision.mean(average_precision.average(matches, draws))
    assert bootstrap.mean_average_precision(matches, draws) == pytest.approx(exact, abs=1e-3)


def test_a_draw_without_any_true_box_is_no_number() -> None:
    matches = average_precision.match([image((*A, 0.9, 0)), image()], [truth((*A, 0)), truth()])
    means = bootstrap.mean_average_precision(matches, np.array([[0, 2], [1, 1]], np.float32))
    assert np.isnan(means[0])
    assert means[1] == pytest.approx(1)


class Says(nn.Module):
    """A network that knows its answers."""

    def __init__(self, answers: list[dict[str, Any]]) -> None:
        super().__init__()
        self.answers = answers

    def forward(self, images: list[torch.Tensor]) -> list[dict[str, Any]]:
        return [self.answers.pop(0) for _ in images]


def answer(*rows: tuple[float, ...]) -> dict[str, torch.Tensor]:
    table = torch.tensor(rows, dtype=torch.float32).reshape(-1, 4)
    ones = torch.ones(len(table))
    return {"boxes": table, "scores": ones, "labels": ones.long()}


def test_a_network_is_scored_by_class_slice_and_clip() -> None:
    tall = (0.0, 0.0, 10.0, 20.0)
    target = {"boxes": torch.tensor([tall]), "labels": torch.tensor([1])}
    day = torch.tensor([200, 90, 40], dtype=torch.uint8)[:, None, None].expand(3, 30, 30)
    batch = Batch(
        images=[day, torch.zeros(3, 30, 30, dtype=torch.uint8)],
        targets=[target, target],
        keys=[("a", 0), ("b", 4)],
        ignored=[torch.zeros(0, 4), torch.tensor([[15.0, 0.0, 30.0, 30.0]])],
        traits=[(("posture=lying",),), ()],
    )
    network = Says([answer(tall), answer((16.0, 2.0, 28.0, 20.0))])
    lines = (line("a", "lounge", "flicker"), line("b", "hall", "jump"))
    evaluation = evaluate.evaluate(network, [batch], 0.5, lines, ("person", "chair"))
    assert evaluation.clips == ("a", "b")
    assert evaluation.metrics.recall == 0.5
    assert evaluation.metrics.precision == 1  # the false box lies where nothing is asked
    person, chair = evaluation.classes
    assert (person.name, person.boxes, chair.map) == ("person", 2, None)
    assert person.map == pytest.approx(evaluation.metrics.map, abs=2e-3)
    scores = {row.score.name: row.score.map for row in evaluation.slices}
    assert scores["light=day"] == scores["camera=lounge"] == scores["posture=lying"] == 1
    assert scores["light=night"] == scores["trigger=jump"] == 0
    (worst,) = evaluation.worst
    assert (worst.clip, worst.frame, worst.f1, worst.missed, worst.alarms) == ("b", 4, 0, 1, 0)


def test_the_cost_of_a_network_is_measured_where_it_is() -> None:
    network = networks.build(networks.TINY, ("person",))
    network.train()
    profile = model_profile.measure(network, (64, 96), runs=2)
    assert profile.ms > 0
    assert profile.runs == 2
    assert profile.parameters == sum(p.numel() for p in network.parameters())
    assert profile.megabytes == pytest.approx(4e-6 * profile.parameters, rel=0.2)
    assert "cpu" in profile.device
    assert network.training

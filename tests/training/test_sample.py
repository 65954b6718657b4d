from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oneclick.core import shuffle
from oneclick.core.datasets import DatasetClip
from oneclick.storage import datasets
from oneclick.training import sample
from oneclick.training.sample import SamplingPlan, TrainingSampler, VisitIndex

FRAMES = np.array([3, 1, 5])


@given(st.integers(1, 3000), st.integers(0, 9))
def test_a_shuffle_moves_every_place_to_another(length: int, key: int) -> None:
    permutation = shuffle.permute(np.arange(length), length, key)
    assert sorted(permutation.tolist()) == list(range(length))


def test_a_shuffle_mixes_and_depends_on_its_key() -> None:
    places = np.arange(10_000)
    permutation = shuffle.permute(places, len(places), (3, 1))
    assert not np.array_equal(permutation, shuffle.permute(places, len(places), (3, 2)))
    # Neither the order nor the neighbours survive: what chance alone would leave, within 4 sigma.
    assert abs(np.corrcoef(places, permutation)[0, 1]) < 0.04
    assert abs(np.corrcoef(permutation[:-1], permutation[1:])[0, 1]) < 0.04
    assert abs(np.diff(permutation) == 1).sum() < 6


def test_a_shuffle_of_ten_million_is_computed_where_it_is_asked() -> None:
    some = shuffle.permute(np.array([0, 1, 9_999_999]), 10_000_000, 0)
    assert len(set(some.tolist())) == 3
    assert (some >= 0).all()
    assert (some < 10_000_000).all()


def images(draws: TrainingSampler) -> list[tuple[int, int]]:
    return [(draw.clip, draw.frame) for draw in draws]


def test_every_epoch_shows_every_image_once_in_another_order() -> None:
    walk = VisitIndex(FRAMES, 1)
    assert walk.length == 9
    samples = images(TrainingSampler(walk, SamplingPlan(steps=6, batch=3, seed=3)))
    assert len(set(samples[:9])) == len(set(samples[9:])) == 9
    assert samples[:9] != samples[9:]


def test_a_clip_is_visited_for_several_images_far_apart() -> None:
    frames = np.full(3 * sample.WINDOW, 40)
    assert sample.visit_length(frames) == 4
    walk = VisitIndex(frames, 1, visit=4)
    samples = images(TrainingSampler(walk, SamplingPlan(steps=120 * sample.WINDOW // 8, batch=8)))
    assert len(set(samples)) == len(samples) == frames.sum()
    assert len({clip for clip, _ in samples[:64]}) > 50
    for first, second in zip(samples[:64], samples[64:128], strict=True):
        assert (first[0], abs(first[1] - second[1])) == (second[0], 10)


def test_clips_too_short_for_it_are_not_visited_twice() -> None:
    assert sample.visit_length(np.array([1, 1, 1, 90])) == 2
    assert sample.visit_length(np.array([1] * 50)) == 1
    assert sample.visit_length(np.array([45, 45])) == 4


def test_a_stride_leaves_frames_out() -> None:
    walk = VisitIndex(FRAMES, 2)
    places = [(d.clip, d.frame) for d in sample.plain_samples(walk)]
    assert places == [(0, 0), (0, 2), (1, 0), (2, 0), (2, 2), (2, 4)]
    assert [d.clip for d in sample.plain_samples(walk, 3)] == [0, 1, 2]


@pytest.mark.parametrize("ranks", [2, 4])
@pytest.mark.parametrize("start", [0, 3])
def test_ranks_share_each_step_without_overlap(ranks: int, start: int) -> None:
    walk = VisitIndex(FRAMES, 1)
    all_samples = list(TrainingSampler(walk, SamplingPlan(steps=5, batch=4, seed=1)))[start * 4 :]
    parts = [
        list(
            TrainingSampler(
                walk, SamplingPlan(steps=5, batch=4, seed=1, start=start, rank=rank, ranks=ranks)
            )
        )
        for rank in range(ranks)
    ]
    share = 4 // ranks
    mixed = [
        draw
        for step in range(5 - start)
        for part in parts
        for draw in part[step * share : (step + 1) * share]
    ]
    assert mixed == all_samples


def test_a_clip_of_double_weight_is_drawn_twice_as_often() -> None:
    walk = VisitIndex(np.array([10, 10, 20]), 1, np.array([1.0, 2.0, 0.5]))
    draw_counts = Counter(
        draw.clip for draw in TrainingSampler(walk, SamplingPlan(steps=400, batch=4))
    )
    assert [round(draw_counts[clip] / 400, 1) for clip in range(3)] == [1.0, 2.0, 1.0]
    frames = Counter(
        draw.frame
        for draw in TrainingSampler(walk, SamplingPlan(steps=400, batch=4))
        if draw.clip == 1
    )
    assert set(frames) == set(range(10))
    assert max(frames.values()) - min(frames.values()) <= 4


def test_weights_come_from_triggers_and_from_the_origins_of_boxes(tmp_path: Path) -> None:
    def line(clip: str, origins: dict[str, int], chosen_by: str, led: str) -> DatasetClip:
        return DatasetClip(
            clip=clip,
            camera="cam",
            revision=1,
            label_digest="",
            clip_digest="",
            split="train",
            frames=5,
            width=64,
            height=48,
            fps=10.0,
            origins=origins,
            chosen_by=chosen_by,
            led_by=led,
        )

    lines = [
        line("a", {"h": 3, "i": 1}, "trigger", "flicker"),
        line("b", {}, "control", ""),
        line("c", {"d": 2}, "trigger", "jump"),
    ]
    version = datasets.build(1, None, ("person",), lines)
    for name, content in datasets.documents(version, _now()).items():
        (tmp_path / name).write_bytes(content)
    index = datasets.open_index(tmp_path, "train")
    assert sample.clip_weights(index, {}) is None
    weights = sample.clip_weights(index, {"flicker": 2, "control": 0.5, "h": 3})
    assert weights is not None
    assert weights.tolist() == [2 * (3 * 3 + 1) / 4, 0.5, 1]


def _now() -> datetime:

    return datetime(2026, 1, 1, tzinfo=UTC)

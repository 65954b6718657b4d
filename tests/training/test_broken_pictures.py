"""Broken pictures are left out, named and counted; too many of them end a training."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from oneclick.core.errors import BadInput
from oneclick.training import data, sample, train
from oneclick.training.broken_pictures import BrokenPicture, BrokenPictures
from oneclick.training.config import Equipment, TrainingConfig, TrainingJob, TrainingPaths
from tests.training import ranks, toy

SIDES = {"a": "train", "b": "train", "c": "test"}
TINY = TrainingConfig(steps=3, batch=2, stride=1)
LENIENT = Equipment("cpu", max_broken=0.1)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """12 training pictures and 6 for testing."""
    toy.server(tmp_path, SIDES)  # type: ignore[arg-type]
    return tmp_path


def version(root: Path) -> str:
    return next((root / "datasets").iterdir()).name


def frame(root: Path, clip: str, number: int) -> Path:
    return root / "clips" / clip / "frames" / f"{number:06d}.jpg"


def images(root: Path, split: str = "train", **options: object) -> data.ClipImages:
    view = data.ImageOptions("fcos-tiny", ("person",), **options)  # type: ignore[arg-type]
    return data.ClipImages(root, version(root), split, view)  # type: ignore[arg-type]


def batches(root: Path, rank: int = 0, ranks: int = 1) -> list[data.Batch]:
    plan = sample.SamplingPlan(steps=40, batch=2, seed=1, rank=rank, ranks=ranks)
    view = images(root)
    return list(data.training_batches(view, view.visits({}), plan))


def test_a_broken_picture_is_replaced_and_named(root: Path) -> None:
    frame(root, "a", 2).write_bytes(b"")
    os.truncate(frame(root, "b", 4), 900)
    loaded = batches(root)
    assert {len(batch.images) for batch in loaded} == {2}
    assert not {("a", 2), ("b", 4)} & {key for batch in loaded for key in batch.keys}
    broken = {picture.name: picture.reason for batch in loaded for picture in batch.broken}
    assert sorted(broken) == ["a frame 2", "b frame 4"]
    assert "is empty" in broken["a frame 2"]
    assert "ends too early" in broken["b frame 4"]


def test_the_picture_in_place_of_a_broken_one_is_the_same_on_every_number_of_ranks(
    root: Path,
) -> None:
    frame(root, "a", 2).unlink()
    one = [item for batch in batches(root) for item in zip(batch.keys, batch.images, strict=True)]
    halves = [batches(root, rank, 2) for rank in range(2)]
    two = [(b.keys[0], b.images[0]) for pair in zip(*halves, strict=True) for b in pair]
    assert [key for key, _ in one] == [key for key, _ in two]
    for (_, first), (_, second) in zip(one, two, strict=True):
        torch.testing.assert_close(first, second)


def test_a_clip_whose_labels_are_broken_is_left_out_too(root: Path) -> None:
    (root / "clips" / "a" / "labels-0001.json").write_bytes(b"{")
    loaded = batches(root)
    assert {key[0] for batch in loaded for key in batch.keys} == {"b"}
    assert {picture.clip for batch in loaded for picture in batch.broken} == {"a"}


def test_pictures_for_testing_are_left_out_without_another_in_their_place(root: Path) -> None:
    for number in range(5):
        frame(root, "c", number).unlink()
    (first, second, third) = data.plain_batches(images(root, "test"), 2)
    assert (len(first.images), len(second.images)) == (0, 0)
    assert (third.keys, [p.frame for p in third.broken]) == ([("c", 5)], [4])


LIMITS = [(0.0, 1, False), (0.01, 1, True), (0.01, 2, False), (0.1, 10, True), (0.1, 11, False)]


@pytest.mark.parametrize(("share", "count", "is_allowed"), LIMITS)
def test_the_share_that_may_be_broken(share: float, count: int, is_allowed: bool) -> None:
    broken = BrokenPictures("train", 100, share)
    pictures = [BrokenPicture("a", number, "is empty") for number in range(count)]
    if is_allowed:
        broken.add(pictures)
        broken.add(pictures)
        assert broken.sorted() == pictures
        return
    with pytest.raises(BadInput, match=r"a frame 0: is empty; oneclick data verify"):
        broken.add(pictures)


def test_a_training_names_what_it_left_out_in_card_and_log(root: Path) -> None:
    frame(root, "a", 2).write_bytes(b"")
    frame(root, "c", 1).unlink()
    config = TrainingConfig(steps=12, batch=2, stride=1)
    trained = train.train(config, version(root), TrainingPaths(root, root / "models"), LENIENT)
    assert trained
    assert [line.split(":")[0] for line in trained.card.broken] == ["a frame 2", "c frame 1"]
    assert trained.card.metrics["images"] == 5
    log = (root / "models" / trained.card.id / "metrics.jsonl").read_text().splitlines()
    assert json.loads(log[-1])["broken_pictures"] == 2


def test_above_the_share_a_training_ends_with_one_line(root: Path) -> None:
    for number in range(4):
        frame(root, "a", number).write_bytes(b"")
    places = TrainingPaths(root, root / "models")
    with pytest.raises(BadInput, match=r"of 12 train pictures are broken, 2 may be") as caught:
        train.train(TrainingConfig(steps=12, batch=2, stride=1), version(root), places, LENIENT)
    assert "\n" not in str(caught.value)


def test_excluded_clips_have_no_pictures_and_make_another_model(root: Path) -> None:
    view = images(root, excluded=("a",))
    assert len(view) == 6
    assert {view[k].key[0] for k in range(6)} == {"b"}
    assert len(pickle.loads(pickle.dumps(view))) == 6
    plan = sample.SamplingPlan(steps=9, batch=2, seed=1)
    loaded = data.training_batches(view, view.visits({"flicker": 2.0}), plan)
    assert {key[0] for batch in loaded for key in batch.keys} == {"b"}
    assert TINY.key() != TrainingConfig(steps=3, batch=2, stride=1, excluded=("a",)).key()


def test_a_config_without_exclusions_has_the_key_it_always_had() -> None:
    origins = {"r": 0.5, "i": 0.2}
    assert TrainingConfig(steps=7, batch=8, origins=origins, turned=0, laid=0).key() == "226070"


def test_ranks_agree_on_what_they_left_out(root: Path) -> None:
    for number in range(6):
        frame(root, "a", number).unlink()
    config = TrainingConfig(steps=8, batch=2, stride=1)
    equipment = Equipment("cpu", workers=0, max_broken=0.5)
    places = TrainingPaths(root, root / "models")
    job = TrainingJob.create(config, version(root), places, equipment)
    card = ranks.train_together(job, 2) / "card.json"
    assert np.isfinite(json.loads(card.read_bytes())["metrics"]["map"])
    names = {line.split(":")[0] for line in json.loads(card.read_bytes())["broken"]}
    assert names == {f"a frame {number}" for number in range(6)}

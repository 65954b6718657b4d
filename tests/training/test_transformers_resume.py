"""A training of a network of transformers: it learns, and is killed, resumed and shared."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from oneclick.storage import model_cards
from oneclick.training import loop, model, train
from oneclick.training.config import Equipment, TrainingConfig, TrainingJob, TrainingPaths
from oneclick.training.distributed import ProcessContext
from tests.detectors import tiny_transformers
from tests.training import ranks, toy

pytestmark = pytest.mark.e2e

EAGER = Equipment("cpu", checkpoint_seconds=0)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A training server, and beside its clips the folder `net` of a network."""
    toy.server(tmp_path, {"a": "train", "b": "train", "c": "test"}, frames=6)
    tiny_transformers.save(tmp_path / "net", "rt_detr_v2")
    return tmp_path


def config(root: Path, **changes: Any) -> TrainingConfig:
    start = TrainingConfig(
        arch=f"transformers:{root / 'net'}", steps=4, batch=2, stride=2, transformers_lr=2e-3
    )
    return replace(start, **changes)


def version(root: Path) -> str:
    return next((root / "datasets").iterdir()).name


def losses(folder: Path) -> list[float]:
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [row["loss"] for row in rows if "loss" in row]


class Killed(BaseException):
    """The process ends here."""


def test_it_learns_and_its_card_says_what_it_started_from(root: Path) -> None:
    longer = config(root, steps=20, batch=4, warmup=2, turned=0, laid=0)
    trained = train.train(longer, version(root), TrainingPaths(root, root / "models"), EAGER)
    assert trained
    card = trained.card
    values = losses(root / "models" / card.id)
    assert len(values) == 20
    assert sum(values[-5:]) < 0.8 * sum(values[:5])
    assert card.size == (96, 160)
    assert card.network["config"]["model_type"] == "rt_detr_v2"
    assert card.start
    assert card.start["source"] == longer.arch
    assert card.start["classes"] == ("person",)
    assert card.start["fresh"] == ()  # it knew beds too; that row is left out
    assert card.pretrained


def test_killed_and_resumed_it_ends_with_the_same_weights_though_its_source_is_gone(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train.train(config(root), version(root), TrainingPaths(root, root / "whole"), EAGER)
    assert whole
    step, places = loop.Trainer.step, TrainingPaths(root, root / "killed")

    def killed(self: loop.Trainer, number: int, batches: list) -> dict:  # type: ignore[type-arg]
        if number == 2:
            raise Killed
        return step(self, number, batches)

    with monkeypatch.context() as patch:
        patch.setattr(loop.Trainer, "step", killed)
        with pytest.raises(Killed):
            train.train(config(root), version(root), places, EAGER)
    shutil.rmtree(root / "net")
    resumed = train.train(config(root), version(root), places, EAGER)
    assert resumed
    first, second = (
        model.load(root / name / whole.card.id)[0].state_dict() for name in ("whole", "killed")
    )
    for name, value in first.items():
        assert torch.equal(value, second[name]), name
    assert losses(root / "whole" / whole.card.id) == losses(root / "killed" / whole.card.id)
    assert resumed.card.start == whole.card.start
    assert resumed.card.metrics == whole.card.metrics


def test_it_is_tuned_from_a_champion_whose_source_is_gone(root: Path) -> None:
    places = TrainingPaths(root, root / "models")
    champion = train.train(config(root, steps=1), version(root), places, EAGER)
    assert champion
    shutil.rmtree(root / "net")
    parent = replace(places, parent=root / "models" / champion.card.id)
    tuned = train.train(config(root, steps=1, seed=1), version(root), parent, EAGER)
    assert tuned
    assert tuned.card.parent == champion.card.id
    assert tuned.card.network == champion.card.network
    card = model_cards.read(root / "models" / tuned.card.id)
    assert card
    assert (card.network, card.size) == (champion.card.network, champion.card.size)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_in_half_precision_it_learns_from_about_the_same_loss(
    dtype: torch.dtype, root: Path
) -> None:
    schedule = loop.Schedule.from_config(config(root), 1, finetuning=False)
    batch, values = toy.batch(root), []
    for precision in (torch.float32, dtype):
        network, _ = model.initialize(config(root).arch, ("person",), None, pretrained=True)
        process = ProcessContext(torch.device("cpu"), precision)
        values.append(loop.Trainer(network, schedule, process).step(0, [batch])["loss"])
        assert all(value.dtype is torch.float32 for value in network.parameters())
        assert all(torch.isfinite(value).all() for value in network.parameters())
    assert values[0] == pytest.approx(values[1], rel=0.05)


def test_two_processes_share_it_though_one_sees_nobody(root: Path) -> None:
    toy.publish(
        root,
        [
            toy.publish_clip(root, "a", "train", 2, 0),
            toy.publish_clip(root, "b", "train", 0, 1),
            toy.publish_clip(root, "c", "test", 2, 2),
        ],
    )
    names = sorted((root / "datasets").iterdir(), key=lambda path: path.stat().st_mtime)
    places = TrainingPaths(root, root / "models")
    job = TrainingJob.create(config(root, steps=3), names[-1].name, places, EAGER)
    values = losses(ranks.train_together(job, 2))
    assert len(values) == 3
    assert all(value > 0 for value in values)

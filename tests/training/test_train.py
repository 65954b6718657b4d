"""A training as it is started: what it needs, what it writes, and what it refuses.

A digest that nobody asks for was looked for wherever weights are read: promotion, fine-tuning, the
gate, prediction, exported graphs and models of novelty ask for theirs; the checkpoint of a killed
training had none, and has a seal now.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from oneclick import detectors
from oneclick.core.errors import BadInput, DetectorUnavailable, OneclickError, UsageError
from oneclick.storage import datasets, model_cards, model_registry
from oneclick.storage.model_cards import ModelCard
from oneclick.storage.workspace import Workspace
from oneclick.training import loop, model, train
from oneclick.training.config import Equipment, TrainingConfig, TrainingPaths
from oneclick.training.evaluation import inference
from oneclick.training.evaluation.inference import LabelledPredictions
from tests.training import toy

TINY = TrainingConfig(steps=2, batch=2, stride=3)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("server")
    toy.server(root, {"a": "train", "b": "train", "c": "test"}, frames=6)
    return root


def version(root: Path) -> str:
    return next((root / "datasets").iterdir()).name


@pytest.fixture(scope="module")
def trained(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model trained for two steps."""
    places = TrainingPaths(root, tmp_path_factory.mktemp("models"))
    return places.models / trained_card(TINY, root, places).id


def trained_card(config: TrainingConfig, root: Path, places: TrainingPaths) -> ModelCard:
    training = train.train(config, version(root), places)
    assert training
    return training.card


def test_a_model_testifies_where_it_comes_from(root: Path, trained: Path) -> None:
    card = model_cards.read(trained)
    assert card
    assert card.id == trained.name == f"fcos-tiny-{version(root)}-{TINY.key()}"
    assert card.dataset.name == version(root)
    assert len(card.dataset.digest) == 64
    assert card.config["steps"] == 2
    assert card.metrics["images"] == 2
    lines = [json.loads(line) for line in (trained / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [0, 1, 2]
    assert {"loss", "lr", "classification"} <= lines[0].keys()
    assert "test_map" in lines[-1]


def test_who_is_left_out_does_not_raise_the_operating_score(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that finds people in ignore regions is right there, or nobody knows."""
    person, region = np.array([[0.0, 0, 10, 30]]), np.array([[50.0, 0, 80, 40]])
    scores = np.array([0.7, 0.3])
    labelled = LabelledPredictions(
        predictions=[
            (np.concatenate([person, region]), np.array([score, 0.5]), np.zeros(2, np.int64))
            for score in scores
        ],
        truths=[(person, np.zeros(1, np.int64))] * 2,
        ignored=[region.astype(np.float32)] * 2,
    )
    monkeypatch.setattr(inference, "predict", lambda *_: labelled)
    header = datasets.load_header(root / "datasets" / version(root))
    run = train.TrainingRun.prepare(TINY, header, TrainingPaths(root, tmp_path), Equipment())
    assert run.calibrate(run.network) == 0.3
    labelled.ignored = [region[:0].astype(np.float32)] * 2
    assert run.calibrate(run.network) > 0.3


def test_the_same_training_twice_gives_the_same_weights(
    root: Path, trained: Path, tmp_path: Path
) -> None:
    again = trained_card(TINY, root, TrainingPaths(root, tmp_path))
    first, second = model.load(trained)[0], model.load(tmp_path / again.id)[0]
    for name, value in first.state_dict().items():
        assert torch.equal(value, second.state_dict()[name]), name
    assert (tmp_path / again.id / "metrics.jsonl").read_bytes() == (
        trained / "metrics.jsonl"
    ).read_bytes()


def test_a_model_that_is_there_is_not_trained_again(root: Path, trained: Path) -> None:
    before = (trained / "model.pt").stat().st_mtime_ns
    training = train.train(TINY, version(root), TrainingPaths(root, trained.parent))
    assert training
    assert training.tested is None
    assert (trained / "model.pt").stat().st_mtime_ns == before


def test_training_starts_from_the_champion_of_the_same_build(
    root: Path, trained: Path, tmp_path: Path
) -> None:
    config = dataclasses.replace(TINY, steps=1, tuning_lr=0.0, ema=0.0)
    places = TrainingPaths(root, tmp_path, trained)
    card = trained_card(config, root, places)
    assert card.parent == trained.name
    tuned, start = model.load(tmp_path / card.id)[0], model.load(trained)[0]
    for name, value in start.named_parameters():
        assert torch.equal(value, tuned.get_parameter(name)), name
    other = dataclasses.replace(config, classes=("person", "chair"))
    assert trained_card(other, root, places).parent is None


def test_a_changed_weight_file_is_refused(root: Path, tmp_path: Path) -> None:
    card = trained_card(TINY, root, TrainingPaths(root, tmp_path))
    with (tmp_path / card.id / "model.pt").open("ab") as file:
        file.write(b"x")
    with pytest.raises(BadInput, match=r"model\.pt was changed"):
        model.load(tmp_path / card.id)


def test_one_bit_of_the_weights_is_refused_wherever_they_are_used(
    root: Path, tmp_path: Path
) -> None:
    place = Workspace(tmp_path)
    folder = place.model_dir(trained_card(TINY, root, TrainingPaths(root, tmp_path / "models")).id)
    path = folder / "model.pt"
    weights = bytearray(path.read_bytes())
    weights[len(weights) // 2] ^= 1
    path.write_bytes(weights)
    changed = r"model\.pt was changed after training"
    with pytest.raises(BadInput, match=changed):  # the gate
        model.load(folder)
    with pytest.raises(BadInput, match=changed):  # fine-tuning
        model.initialize(TINY.arch, TINY.classes, folder)
    with pytest.raises(BadInput, match=changed):  # promotion
        model_registry.promote(place, folder.name, "better")
    with pytest.raises(DetectorUnavailable, match=changed):  # prediction and labelling
        detectors.create(f"model:{folder.name}", place)
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps(card | {"weights": "", "seal": ""}))
    model_registry.promote(place, folder.name, "a card of a training elsewhere")
    assert model.initialize(TINY.arch, TINY.classes, folder)[1].parent == folder.name


@pytest.mark.parametrize("damage", ["empty", "cut", "other"])
def test_weights_that_no_digest_guards_are_refused_in_a_line_where_they_do_not_load(
    root: Path, tmp_path: Path, damage: str
) -> None:
    place = Workspace(tmp_path)
    folder = place.model_dir(trained_card(TINY, root, TrainingPaths(root, tmp_path / "models")).id)
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps(card | {"weights": "", "seal": ""}))
    path = folder / "model.pt"
    if damage == "other":
        torch.save({"other": torch.zeros(1)}, path)
    else:
        path.write_bytes(b"" if damage == "empty" else path.read_bytes()[:1000])
    with pytest.raises(
        BadInput, match=r"model\.pt does not load .*oneclick models rollback"
    ) as error:
        model.load(folder)
    assert "\n" not in str(error.value)
    with pytest.raises(DetectorUnavailable, match=r"model\.pt does not load"):
        detectors.create(f"model:{folder.name}", place)


def test_a_dataset_without_training_clips_is_refused(tmp_path: Path) -> None:
    toy.server(tmp_path, {"a": "test"}, frames=1)
    with pytest.raises(UsageError, match="no training clip"):
        train.train(TINY, version(tmp_path), TrainingPaths(tmp_path, tmp_path / "models"))


def test_images_without_people_train_too(tmp_path: Path) -> None:
    toy.server(tmp_path, {"a": "train", "b": "test"}, frames=2, people=0)
    places = TrainingPaths(tmp_path, tmp_path / "models")
    card = trained_card(TINY, tmp_path, places)
    assert (card.metrics["map"], card.metrics["boxes"]) == (0, 0)


def test_a_loss_that_is_not_finite_names_its_batch_and_leaves_no_model(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "batch_losses", lambda *_: {"loss": torch.tensor(float("nan"))})
    with pytest.raises(OneclickError, match=r"nan at step 0 on [ab] frame \d"):
        train.train(TINY, version(root), TrainingPaths(root, tmp_path))
    assert not list(tmp_path.glob("*/card.json"))


def test_the_learning_rate_warms_up_and_falls() -> None:
    schedule = loop.Schedule(steps=100, lr=1.0, warmup=10, weight_decay=0.0, clip=1.0, ema=0.0)
    rates = [schedule.learning_rate(step) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[9] == rates[10] == 1
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] < 0.02


def test_the_module_runs_alone_from_a_config_file(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = {
        "version": version(root),
        "root": str(root),
        "models": str(tmp_path / "models"),
        "config": {"steps": 1, "batch": 1, "stride": 6},
    }
    (tmp_path / "job.json").write_text(json.dumps(job))
    assert train.main(["--config", str(tmp_path / "job.json")]) == 0
    assert "map" in json.loads(capsys.readouterr().out)
    (tmp_path / "job.json").write_text("{}")
    assert train.main(["--config", str(tmp_path / "job.json")]) == 3
    assert "version" in capsys.readouterr().err

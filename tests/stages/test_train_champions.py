"""What a training asks of the champion first, and for which place and champion a verdict holds."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from oneclick import report
from oneclick.cli import models as models_cli
from oneclick.core.errors import BadInput, UsageError
from oneclick.stages import train
from oneclick.storage import datasets, model_cards, model_registry, sealed_files
from oneclick.storage.workspace import Workspace
from oneclick.training import decision, launch
from oneclick.training.config import Equipment, TrainingPaths
from oneclick.training.train import TrainingRun
from tests.stages.trainings import OPTIONS, ruled


@pytest.fixture
def home(published: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(published, tmp_path, dirs_exist_ok=True))


def model_folder(home: Path, outcome: train.TrainingResult) -> Path:
    """The folder of a model that was trained."""
    assert outcome.model
    return Workspace(home).model_dir(outcome.model)


def forbid_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each training that starts from now on fail."""

    def started(*_: object) -> None:
        raise AssertionError("a training was started")

    monkeypatch.setattr(launch, "run", started)


def test_a_broken_champion_stops_the_comparison_before_a_training_and_names_the_remedy(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ruled(monkeypatch, "promote")
    first = train.train(home, None, OPTIONS)
    second = train.train(home, None, replace(OPTIONS, seed=1))
    (model_folder(home, second) / "model.pt").write_bytes(b"x")
    options = replace(OPTIONS, seed=2, classes=("person", "chair"))
    with monkeypatch.context() as patch:
        forbid_training(patch)
        with pytest.raises(BadInput, match="oneclick models rollback"):
            train.train(home, None, options)
    assert model_registry.rollback(Workspace(home)) == first.model
    assert train.train(home, None, options).champion_before == first.model


def test_an_only_champion_whose_weights_are_broken_can_be_trained_again(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ruled(monkeypatch, "promote")
    first = train.train(home, None, OPTIONS)
    weights = model_folder(home, first) / "model.pt"
    content = weights.read_bytes()
    with monkeypatch.context() as patch:
        forbid_training(patch)
        for cut in (b"", None):
            weights.write_bytes(cut) if cut is not None else weights.unlink()
            remedy = f"model.pt is missing or was changed .*--data {first.dataset} .*models promote"
            with pytest.raises(BadInput, match=remedy):
                train.train(home, None, replace(OPTIONS, seed=1))
    ruled(monkeypatch, "refuse")
    again = train.train(home, None, OPTIONS)
    assert (again.trained, again.model, again.decision) == (True, first.model, "promote")
    assert weights.read_bytes() == content
    assert model_registry.champion(Workspace(home)) == first.model
    assert train.train(home, None, OPTIONS).trained is False


def test_an_ancestor_whose_card_is_cut_is_named_before_a_training(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ruled(monkeypatch, "promote")
    first = train.train(home, None, OPTIONS)
    train.train(home, None, replace(OPTIONS, seed=1))
    (model_folder(home, first) / "card.json").write_bytes(b"{")
    forbid_training(monkeypatch)
    with pytest.raises(BadInput, match=f"{first.model}/card.json"):
        train.train(home, None, replace(OPTIONS, seed=2))


@pytest.mark.parametrize("classes", [("chair", "person"), ("person",)])
def test_other_classes_than_the_champions_are_refused_before_a_training_and_have_a_way_out(
    home: Path, monkeypatch: pytest.MonkeyPatch, classes: tuple[str, ...]
) -> None:
    ruled(monkeypatch, "promote")
    first = train.train(home, None, replace(OPTIONS, classes=("person", "chair")))
    options = replace(OPTIONS, classes=classes)
    with monkeypatch.context() as patch:
        forbid_training(patch)
        with pytest.raises(
            UsageError, match=r"keep their order .*--alone.*oneclick models promote"
        ):
            train.train(home, None, options)
    alone = train.train(home, None, replace(options, alone=True))
    assert (alone.decision, alone.trained) == ("not enough evidence", True)
    assert f"not compared with {first.model}" in alone.reasons[-1]
    assert model_registry.champion(Workspace(home)) == first.model
    model_registry.promote(Workspace(home), alone.model or "", "by hand")
    assert train.train(home, None, options).model == alone.model
    assert train.train(home, None, replace(options, seed=1)).champion_before == alone.model


def test_a_model_refused_as_a_labeller_is_judged_again_for_cameras(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ruled(monkeypatch, "promote")
    train.train(home, None, replace(OPTIONS, labeller=True))
    ruled(monkeypatch, "refuse")
    options = replace(OPTIONS, seed=1)
    refused = train.train(home, None, replace(options, labeller=True))
    assert train.train(home, None, replace(options, labeller=True)).trained is False
    ruled(monkeypatch, "promote")
    forbid_weights(monkeypatch)
    camera = train.train(home, None, options)
    assert (camera.model, camera.decision, camera.trained) == (refused.model, "promote", False)
    assert camera.champion_before is None
    assert model_registry.champion(Workspace(home)) == refused.model


def forbid_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each training that would fit a network fail; one that exists may be looked up."""

    def fail(*_: object) -> None:
        raise AssertionError("a network was trained")

    monkeypatch.setattr(TrainingRun, "fit", fail)


def test_a_refusal_counts_until_another_champion_serves_and_a_leak_for_ever(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ruled(monkeypatch, "promote")
    first = train.train(home, None, OPTIONS)
    second = train.train(home, None, replace(OPTIONS, seed=1))
    ruled(monkeypatch, "refuse")
    options = replace(OPTIONS, seed=2)
    third = train.train(home, None, options)
    ruled(monkeypatch, "promote")
    forbid_weights(monkeypatch)
    assert train.train(home, None, options).decision == "refuse"
    folder = model_folder(home, third)
    card = model_cards.read(folder)
    assert card
    assert card.decision
    leak = {"reasons": ["1 test clips were in training, the first is a"], "role": None}
    model_cards.write(folder, structs.replace(card, decision=card.decision | leak))
    model_registry.rollback(Workspace(home))
    kept = train.train(home, None, options)
    assert (kept.decision, kept.champion_before) == ("refuse", second.model)
    earlier = {key: value for key, value in card.decision.items() if key != "role"}
    model_cards.write(folder, structs.replace(card, decision=earlier))
    again = train.train(home, None, options)
    assert (again.decision, again.champion_before) == ("promote", first.model)
    assert model_registry.champion(Workspace(home)) == third.model


def test_a_leak_is_told_by_the_words_of_the_gate(home: Path) -> None:
    dataset = datasets.find(Workspace(home))
    assert dataset
    leaking = replace(dataset, clips=tuple(replace(c, clip_digest="0" * 64) for c in dataset.clips))
    config = OPTIONS.config_for(dataset)
    paths = TrainingPaths(home / "training-server", home / "models")
    name = launch.run(config, dataset.name, paths, Equipment("cpu")).card.id
    options = OPTIONS.gate_options()
    assert decision.judge(Workspace(home), leaking, config, paths, name, options=options).is_leak
    judged = decision.judge(Workspace(home), dataset, config, paths, name, options=options)
    assert (judged.verdict, judged.is_leak, judged.role) == ("refuse", False, "")


@pytest.mark.parametrize("field", ["decision", "metrics"])
def test_a_card_that_lacks_fields_is_named_in_a_line_and_the_others_are_listed(
    home: Path, capfd: pytest.CaptureFixture[str], field: str
) -> None:
    broken = train.train(home, None, OPTIONS)
    other = train.train(home, None, replace(OPTIONS, seed=1))
    path = model_folder(home, broken) / model_cards.CARD_FILE
    card = json.loads(path.read_text())
    del card[sealed_files.FIELD]
    path.write_text(
        json.dumps(card | {field: {"verdict": "refuse"} if field == "decision" else {}})
    )
    named = rf"{broken.model}/card.json: its {field} "
    assert [row.id for row in report.models(home)] == [other.model]
    assert report.training_report(home, broken.model) is None
    assert report.lap_summary(home).training
    with pytest.raises(BadInput, match=named):
        report.model_card(home, broken.model or "")
    models_cli.list_(home)
    assert re.search(named, capfd.readouterr().err)
    if field == "decision":
        with pytest.raises(BadInput, match=named):
            train.train(home, None, OPTIONS)

"""A network of transformers goes the way of every model: trained, judged, in service, exported."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from oneclick import detectors, report, settings
from oneclick.catalog import Catalog
from oneclick.catalog.verify import verify
from oneclick.core.errors import DetectorUnavailable
from oneclick.flows import models
from oneclick.stages import train, worst
from oneclick.storage import model_registry
from oneclick.storage.workspace import Workspace
from oneclick.training import gate
from tests.detectors import tiny_transformers
from tests.detectors.footage import noise


@pytest.fixture
def home(published: Path, tmp_path: Path) -> Path:
    """A workspace with a published version."""
    return Path(shutil.copytree(published, tmp_path / "home"))


@pytest.fixture
def options(home: Path, tmp_path: Path) -> train.TrainOptions:
    """One step of a tiny network."""
    net = tiny_transformers.save(tmp_path / "net", "rt_detr_v2")
    conf = settings.load(
        home=home,
        train={
            "model": f"transformers:{net}",
            "steps": 1,
            "batch": 2,
            "min_test_images": 1,
            "backbone": 0,
        },
    )
    return conf.train_options()


@pytest.fixture
def promoted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Promote every model; what the gate bases its verdict on stays as it is."""
    real = gate.decide

    def decide(*arguments: object) -> gate.GateDecision:
        decision = real(*arguments)  # type: ignore[arg-type]
        return gate.GateDecision("promote", ("because",), decision.rows, decision.slices)

    monkeypatch.setattr(gate, "decide", decide)


def test_one_that_learned_nothing_is_refused_by_the_gate(
    home: Path, options: train.TrainOptions
) -> None:
    outcome = train.train(home, None, options)
    assert (outcome.decision, outcome.trained) == ("refuse", True)
    assert outcome.metrics["map"] < gate.GateOptions().floor
    assert "below the floor" in outcome.reasons[0]
    assert model_registry.champion(Workspace(home)) is None
    training = report.training_report(home)
    assert training
    assert {"all", "shape=high"} <= {row.name for row in training.slices}


@pytest.mark.usefixtures("promoted")
def test_it_is_judged_promoted_and_serves_though_its_source_is_gone(
    home: Path, options: train.TrainOptions, tmp_path: Path
) -> None:
    first = train.train(home, None, options)
    shutil.rmtree(tmp_path / "net")
    assert first.model
    assert first.model.startswith("transformers-net-v0001-")
    assert model_registry.champion(Workspace(home)) == first.model
    second = train.train(home, None, replace(options, seed=1))
    assert second.champion_metrics == first.metrics
    for name in ("model:champion", f"model:{first.model}"):
        detector = detectors.create(name, Workspace(home), "cpu")
        assert detector.names == ("person",)
        boxes, scores, classes = detector.detect([noise()])[0]
        assert boxes.shape == (len(scores), 4)
        assert (scores >= 0.05).all()
        assert set(classes.tolist()) <= {0}
        assert np.isfinite(boxes).all()
    assert len(worst.worst(home, first.model).clips) == 1
    rows = report.models(home)
    assert [row.champion for row in rows].count(True) == 1


@pytest.mark.usefixtures("promoted")
def test_as_a_labeller_it_has_a_place_of_its_own_that_the_catalog_verifies(
    home: Path, options: train.TrainOptions
) -> None:
    labeller = train.train(home, None, replace(options, labeller=True))
    workspace = Workspace(home)
    assert model_registry.champion(workspace) is None
    assert model_registry.champion(workspace, options.model) == labeller.model
    name = f"labeller:{options.model}"
    assert detectors.create(name, workspace, "cpu").model_id == f"model-{labeller.model}"
    conf = settings.load(home=home, train={"labellers": [options.model]})
    assert models.labellers(conf)[0] == name
    assert [row.labels for row in report.models(home)] == [True]
    (file,) = workspace.home.glob("models/labeller-*.json")
    assert model_registry.labeller_of(file) == options.model
    with Catalog.open(home) as catalog:
        assert "model" not in " ".join(verify(catalog))
        file.write_text("{")
        assert "model in service" in " ".join(verify(catalog))


def test_a_network_that_cannot_be_had_ends_the_training_in_one_line(
    home: Path, options: train.TrainOptions
) -> None:
    with pytest.raises(DetectorUnavailable, match="neither a folder here") as raised:
        train.train(home, None, replace(options, model="transformers:d_coarse"))
    assert "\n" not in str(raised.value)

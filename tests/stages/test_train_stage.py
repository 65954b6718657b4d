from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from oneclick import detectors, report, settings
from oneclick.catalog import Catalog
from oneclick.cli import summary
from oneclick.core import split_leaks
from oneclick.core.errors import DetectorUnavailable, UnknownName, UsageError
from oneclick.core.labels import LabelTrack
from oneclick.flows import models
from oneclick.flows.train import training_page
from oneclick.stages import exclude, publish, train, worst
from oneclick.storage import datasets, files, labels, model_cards, model_registry, sealed_files
from oneclick.storage.workspace import Workspace
from oneclick.training import decision
from oneclick.training.config import TrainingConfig
from tests.stages import accepted
from tests.stages.trainings import OPTIONS, ruled
from tests.training import toy


@pytest.fixture
def home(published: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(published, tmp_path, dirs_exist_ok=True))


def test_without_a_dataset_there_is_nothing_to_train(tmp_path: Path) -> None:
    outcome = train.train(tmp_path, None, OPTIONS)
    assert (outcome.model, outcome.trained, outcome.decision) == (None, False, "")
    assert "no dataset version" in outcome.reasons[0]


def test_a_hopeless_first_model_is_refused_with_its_reason(home: Path) -> None:
    outcome = train.train(home, None, OPTIONS)
    assert (outcome.decision, outcome.trained, outcome.champion_before) == ("refuse", True, None)
    assert "below the floor" in outcome.reasons[0]
    assert model_registry.champion(Workspace(home)) is None


def test_a_promoted_model_serves_and_the_card_says_why(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ruled(monkeypatch, "promote")
    outcome = train.train(home, None, OPTIONS)
    assert outcome.model
    workspace = Workspace(home)
    assert model_registry.champion(workspace) == outcome.model
    card = model_cards.read(workspace.model_dir(outcome.model))
    assert card
    assert card.decision
    assert card.decision["verdict"] == "promote"
    assert [row["name"] for row in card.decision["rows"]] == [outcome.model]
    with Catalog.open(home) as catalog:
        (row,) = catalog.models()
    assert (row.id, row.dataset) == (outcome.model, outcome.dataset)
    assert row.card["decision"]["reasons"] == ["because"]


def test_training_again_trains_and_decides_nothing(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ruled(monkeypatch, "promote")
    first = train.train(home, None, OPTIONS)
    ruled(monkeypatch, "refuse")
    again = train.train(home, None, OPTIONS)
    assert (again.trained, again.decision, again.model) == (False, "promote", first.model)
    assert again.metrics == first.metrics


def test_the_champion_is_measured_on_the_same_clips_and_stays_if_refused(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ruled(monkeypatch, "promote")
    first = train.train(home, None, OPTIONS)
    ruled(monkeypatch, "refuse")
    other = train.train(home, None, replace(OPTIONS, seed=1))
    assert (other.champion_before, other.decision) == (first.model, "refuse")
    assert other.champion_metrics == first.metrics
    assert model_registry.champion(Workspace(home)) == first.model
    card = model_cards.read(Workspace(home).model_dir(other.model or ""))
    assert card
    assert card.parent == first.model
    assert card.decision
    assert [row["name"] for row in card.decision["rows"]] == [other.model, first.model]


def test_killed_between_decision_and_promotion_it_is_promoted_by_the_next_run(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ruled(monkeypatch, "promote")

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(model_registry, "promote", killed)
        with pytest.raises(KeyboardInterrupt):
            train.train(home, None, OPTIONS)
    outcome = train.train(home, None, OPTIONS)
    assert not outcome.trained
    assert model_registry.champion(Workspace(home)) == outcome.model


def test_a_champion_that_was_rolled_back_is_not_promoted_again(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ruled(monkeypatch, "promote")
    first = train.train(home, None, OPTIONS)
    options = replace(OPTIONS, seed=1)
    train.train(home, None, options)
    model_registry.rollback(Workspace(home))
    train.train(home, None, options)
    assert model_registry.champion(Workspace(home)) == first.model


REFUSALS = [
    ("v0009-x", OPTIONS, UnknownName, "v0009-x"),
    (None, replace(OPTIONS, model="fcos-huge"), UnknownName, "fcos-huge"),
    (None, replace(OPTIONS, server="memory://far"), UsageError, "memory://far"),
]


@pytest.mark.parametrize(("version", "options", "error", "text"), REFUSALS)
def test_what_cannot_be_trained_is_refused_in_one_line(
    home: Path,
    version: str | None,
    options: train.TrainOptions,
    error: type[Exception],
    text: str,
) -> None:
    with pytest.raises(error, match=text):
        train.train(home, version, options)


def test_options_come_from_the_settings_with_changes() -> None:
    options = settings.load().train_options(model=None, steps=7)
    assert (options.model, options.steps, options.classes) == ("fcos-tiny", 7, ("person",))
    other = settings.load(train={"seed": 3}).train_options(model="fcos-large", labeller=True)
    assert (other.model, other.seed, other.registry_name) == ("fcos-large", 3, "fcos-large")


def test_a_training_without_settings_has_the_same_defaults() -> None:
    options, config = settings.load().train_options(), TrainingConfig()
    assert (options.model, options.images_per_step) == (config.arch, config.batch)
    for name in ("at_once", "stride", "seed", "pretrained", "precision", "classes"):
        assert getattr(options, name) == getattr(config, name), name


@pytest.mark.parametrize(
    ("model", "batch", "images", "effort", "steps", "per_step"),
    [
        ("fcos-tiny", 0, 100, 1.0, 1800, 4),  # 7,200 images at least
        ("fcos-tiny", 8, 100, 1.0, 900, 8),
        ("fcos_resnet50_fpn", 0, 100, 1.0, 900, 8),
        ("transformers:d_fine", 0, 100, 0.5, 450, 8),
        ("fcos-tiny", 0, 2000, 1.0, 6000, 4),  # twelve passes
        ("fcos-tiny", 16, 2000, 1.0, 1500, 16),
        ("fcos-tiny", 0, 1_700_000, 1.0, 60_000, 4),  # 240,000 images at most
        ("fcos_resnet50_fpn", 0, 1_700_000, 2.0, 60_000, 8),
        ("fcos-tiny", 100_000, 10, 1.0, 1, 100_000),
    ],
)
def test_the_images_of_a_training_follow_from_the_data_and_its_steps_from_the_batch(
    home: Path, model: str, batch: int, images: int, effort: float, steps: int, per_step: int
) -> None:
    dataset = datasets.find(Workspace(home))
    assert dataset
    clip = replace(dataset.side("train")[0], frames=images)
    options = settings.load(train={"batch": batch, "stride": 1, "effort": effort}).train_options(
        model=model
    )
    config = options.config_for(replace(dataset, clips=(clip,)))
    assert (config.steps, config.batch) == (steps, per_step)


def test_a_test_clip_that_shows_a_training_clip_again_is_a_leak(tmp_path: Path) -> None:
    clips = accepted.accept(tmp_path, {"cam-1-a": "train", "cam-1-b": "test"})
    workspace = Workspace(tmp_path)
    publish.publish(tmp_path, clips, "", ("person",))
    dataset = datasets.find(workspace)
    assert dataset
    assert decision.training_clips(workspace, dataset, None) == {"cam-1-a"}
    a, b = dataset.clips
    copied = replace(dataset, clips=(a, replace(b, clip_digest=a.clip_digest)))
    assert decision.training_clips(workspace, copied, None) == {"cam-1-a", "cam-1-b"}


def test_test_clips_that_show_the_moment_of_a_training_clip_are_not_judged_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sides = {"cam-1-a": "train", "cam-1-b": "test", "cam-1-c": "test"}
    clips = accepted.accept(tmp_path, sides, starts={"cam-1-a": 100, "cam-1-b": 110})
    with monkeypatch.context() as patch:  # a version from before publications looked at times
        patch.setattr(split_leaks, "find_leaks", lambda *_: {})
        publish.publish(tmp_path, clips, "", ("person",))
    first = train.train(tmp_path, None, OPTIONS)
    left_out = "1 test clips are left out, for they show what training clips do; the first is "
    assert first.reasons[0] == f"{left_out}cam-1-b, beside cam-1-a"
    card = model_cards.read(Workspace(tmp_path).model_dir(str(first.model)))
    assert card
    assert card.decision
    assert [row["clips"] for row in card.decision["slices"]][:1] == [1]
    assert {row["images"] for row in card.decision["rows"]} == {2}  # every 2nd of 3
    publication = publish.publish(tmp_path, [], "", ("person",))
    assert (publication.new, publication.clips) == (True, 2)
    newest = datasets.find(Workspace(tmp_path))
    assert newest
    folder = Workspace(tmp_path).model_dir(str(first.model))
    leaks = decision.seen_test_clips(Workspace(tmp_path), newest, [folder])
    assert leaks == {"cam-1-b": "cam-1-a"}, "the model has seen it in an earlier version"
    assert decision.seen_test_clips(Workspace(tmp_path), newest, [None]) == {}


def test_a_test_set_of_moments_that_were_trained_on_is_no_evidence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sides = {"cam-1-a": "train", "cam-1-b": "test"}
    clips = accepted.accept(tmp_path, sides, starts={"cam-1-a": 100, "cam-1-b": 101})
    monkeypatch.setattr(split_leaks, "find_leaks", lambda *_: {})
    publish.publish(tmp_path, clips, "", ("person",))
    training = train.train(tmp_path, None, OPTIONS)
    assert training.decision == "not enough evidence"
    assert training.reasons[1:] == ("0 test images, at least 1 are needed",)


def test_slices_and_worst_clips_are_kept_and_shown(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ruled(monkeypatch, "promote")
    train.train(home, None, OPTIONS)
    train.train(home, None, replace(OPTIONS, seed=1))
    training = report.training_report(home)
    assert training
    assert training.slices[0].name == "all"
    assert {"size=medium", "size=large"} & {row.name for row in training.slices}
    assert training.classes[0].boxes == training.slices[0].boxes
    assert [clip.clip for clip in training.worst] == ["cam-1-b"]
    summary.print_training(training)
    out = capsys.readouterr().out
    assert "slices, worst first" in out
    assert "recall at 0.1" in out


def test_who_lies_is_a_slice_that_gate_card_and_reports_have(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clips = accepted.accept(tmp_path, {"cam-1-a": "train", "cam-1-b": "test"})
    lie_down(tmp_path, "cam-1-b")
    publish.publish(tmp_path, clips, "", ("person",))
    outcome = train.train(tmp_path, None, OPTIONS)
    assert outcome.model
    card = model_cards.read(Workspace(tmp_path).model_dir(outcome.model))
    assert card
    assert card.decision
    (judged,) = [row for row in card.decision["slices"] if row["name"] == "shape=wide"]
    assert (judged["boxes"], judged["images"], judged["clips"]) == (2, 2, 1)  # every 2nd of 3
    training = report.training_report(tmp_path)
    assert training
    assert {"shape=wide", "shape=high"} <= {row.name for row in training.slices}
    summary.print_slices(training)
    assert "shape=wide" in capsys.readouterr().out
    assert "shape=wide" in training_page(training, outcome)


def lie_down(home: Path, clip: str) -> None:
    """Correct the labels of a clip: somebody lies there, too."""
    workspace = Workspace(home)
    before = labels.latest(workspace, clip)
    assert before is not None
    n = before.frames
    lying = LabelTrack(
        id=9,
        cls="person",
        frames=np.arange(n, dtype=np.int32),
        boxes=np.tile(np.array([20, 140, 90, 165], np.float32), (n, 1)),
        scores=np.ones(n, np.float32),
        origins="h" * n,
    )
    corrected = replace(before, revision=2, parent=1, tracks=(*before.tracks, lying))
    path = labels.save(workspace, corrected)
    with Catalog.open(home) as catalog:
        catalog.add_revision(corrected, files.sha256(path))


def test_cards_from_before_slices_still_load(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ruled(monkeypatch, "promote")
    outcome = train.train(home, None, OPTIONS)
    folder = Workspace(home).model_dir(outcome.model or "")
    path = folder / model_cards.CARD_FILE
    card = json.loads(path.read_text())
    del card[sealed_files.FIELD]
    for name in ("slices", "classes", "worst"):
        del card["decision"][name]
    for row in card["decision"]["rows"]:
        del row["recall_at_01"], row["recall_at_1"]
    path.write_text(json.dumps(card))
    assert train.train(home, None, OPTIONS).decision == "promote"
    training = report.training_report(home)
    assert training
    assert training.slices == ()
    summary.print_training(training)
    assert "slices" not in capsys.readouterr().out


def test_the_worst_clips_of_a_model_are_drawn(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="no model is in service"):
        worst.worst(home)
    ruled(monkeypatch, "promote")
    outcome = train.train(home, None, OPTIONS)
    worst_list = worst.worst(home, pictures=tmp_path / "pictures")
    assert worst_list.model == outcome.model
    (clip,) = worst_list.clips
    assert (clip.clip, clip.camera, clip.missed > 0) == ("cam-1-b", "cam", True)
    assert clip.picture
    picture = cv2.imread(str(clip.picture))
    assert picture is not None
    assert picture.shape == (2 * toy.HEIGHT + worst.CAPTION, 2 * toy.WIDTH, 3)
    assert np.equal(picture, worst.TRUTH).all(axis=2).any()
    assert worst.worst(home, outcome.model).clips[0].picture is None
    with pytest.raises(UnknownName, match="nobody"):
        worst.worst(home, "nobody")


def test_a_labeller_is_judged_and_promoted_beside_its_kind(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ruled(monkeypatch, "promote")
    workspace = Workspace(home)
    deployed = train.train(home, None, OPTIONS)
    options = replace(OPTIONS, seed=2, labeller=True)
    labeller = train.train(home, None, options)
    assert labeller.champion_before is None
    assert model_registry.champion(workspace) == deployed.model
    assert model_registry.champion(workspace, "fcos-tiny") == labeller.model
    detector = detectors.create("labeller:fcos-tiny", workspace, "cpu")
    assert detector.model_id == f"model-{labeller.model}"
    assert [(m.champion, m.labels) for m in report.models(home)] == [(True, False), (False, True)]
    conf = settings.load(home=home, train={"labellers": ["fcos-tiny", "fcos_resnet50_fpn"]})
    assert models.labellers(conf)[0] == "labeller:fcos-tiny"
    with pytest.raises(DetectorUnavailable, match="oneclick train --model fcos_resnet50_fpn"):
        detectors.create("labeller:fcos_resnet50_fpn", workspace, "cpu")


def test_a_training_on_an_older_version_skips_and_counts_excluded_clips(home: Path) -> None:
    publish.publish(home, accepted.accept(home, {"cam-1-c": "train"}), "", ("person",))
    whole = train.train(home, None, OPTIONS)
    exclude.exclude(home, ["cam-1-c"], "face visible")
    outcome = train.train(home, None, OPTIONS)
    assert (outcome.trained, outcome.excluded, whole.excluded) == (True, ("cam-1-c",), ())
    assert outcome.model != whole.model
    again = train.train(home, None, OPTIONS)
    assert (again.trained, again.model, again.excluded) == (False, outcome.model, ("cam-1-c",))
    exclude.include(home, ["cam-1-c"])
    assert train.train(home, None, OPTIONS).model == whole.model


def test_a_training_goes_on_without_a_picture_that_is_broken_and_names_it(home: Path) -> None:
    (home / "training-server/clips/cam-1-a/frames/000000.jpg").write_bytes(b"")
    outcome = train.train(home, None, replace(OPTIONS, steps=6))
    assert outcome.trained
    (line,) = outcome.broken
    assert line.startswith("cam-1-a frame 0: ")
    assert outcome.model
    card = model_cards.read(Workspace(home).model_dir(outcome.model))
    assert card
    assert card.broken == outcome.broken

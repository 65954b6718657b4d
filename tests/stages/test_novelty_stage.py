"""Models of novelty from raw video of a workspace, and what predictions get from them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from oneclick import video
from oneclick.catalog import Catalog
from oneclick.cli.main import app
from oneclick.core.clips import Video
from oneclick.core.errors import BadInput, UnknownName
from oneclick.core.hits import Hit
from oneclick.core.spans import Span
from oneclick.detectors import novelty as models
from oneclick.stages import novelty, predict, trigger
from oneclick.storage import inventories, predictions
from oneclick.storage.inventories import Inventory
from oneclick.storage.workspace import Workspace
from tests.training import toy

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
KIND = "novelty-autoencoder"


def add(home: Path, name: str, frames: list[np.ndarray], hour: int) -> Video:
    height, width = frames[0].shape[:2]
    recording = Video(
        id=name,
        camera="hall",
        started_at=NOON.replace(hour=hour),
        fps=1.0,
        frames=len(frames),
        width=width,
        height=height,
        digest=name * 8,
        suffix=".mp4",
    )
    path = Workspace(home).video_file(recording)
    path.parent.mkdir(parents=True, exist_ok=True)
    video.write(path, iter(frames), 1.0)
    with Catalog.open(home) as catalog:
        catalog.add_video(recording)
    return recording


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    return toy.scene(5, 80)[0]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, pictures: list[np.ndarray]) -> Path:
    home = tmp_path_factory.mktemp("home")
    add(home, "hall-one", pictures, 8)
    outcome = novelty.train(home, KIND, steps=60)
    assert outcome.trained == {"hall": 80}
    return home


def test_what_was_learned_before_is_not_learned_again(trained: Path) -> None:
    before = Workspace(trained).novelty_model("hall", KIND).read_bytes()
    assert novelty.train(trained, KIND, steps=60).skipped == ["hall"]
    assert Workspace(trained).novelty_model("hall", KIND).read_bytes() == before


def test_a_covered_camera_becomes_a_hit_of_novelty(
    trained: Path, pictures: list[np.ndarray]
) -> None:
    hidden = [picture.copy() for picture in pictures[:40]]
    for picture in hidden[15:25]:
        picture[:, : int(0.8 * picture.shape[1])] = (120, 80, 60)
    recording = add(trained, "hall-two", hidden, 9)
    predict.predict(trained, [recording.id], "opencv:motion", ("person",), measure=True)
    scores = predictions.load_signal(Workspace(trained).signals(recording.id, KIND))
    assert len(scores) == 40
    assert scores[16:24].min() > max(1, scores[:15].max())
    assert np.median(scores[:15]) < 1
    options = trigger.TriggerOptions(enabled=("novelty",), min_clips=20, control=0)
    outcome = trigger.trigger(trained, "opencv:motion", None, options)
    assert outcome.hits["novelty"] >= 1
    with Catalog.open(trained) as catalog:
        clips = catalog.selections()
    (clip,) = [clip for clip in clips if clip.chosen_by == "novelty"]
    assert clip.led_by == "novelty"
    assert clip.span.overlaps(Span(15, 25))


def test_moments_that_were_new_are_not_learned_as_ordinary(
    tmp_path: Path, pictures: list[np.ndarray]
) -> None:
    recording = add(tmp_path, "hall-one", pictures, 8)
    strange = [
        Hit(trigger="covered", span=Span(10, 30), score=0.9, boxes=(), why="why"),
        Hit(trigger="flicker", span=Span(40, 60), score=0.9, boxes=(), why="why"),
    ]
    with Catalog.open(tmp_path) as catalog:
        catalog.replace_hits(recording.id, strange, "key")
    assert novelty.train(tmp_path, KIND, steps=2).trained == {"hall": 60}


def test_new_video_is_a_reason_to_learn_again(tmp_path: Path, pictures: list[np.ndarray]) -> None:
    add(tmp_path, "hall-one", pictures[:50], 8)
    assert novelty.train(tmp_path, KIND, steps=2).trained == {"hall": 50}
    add(tmp_path, "hall-two", pictures[50:], 9)
    assert novelty.train(tmp_path, KIND, steps=2).trained == {"hall": 80}


def test_a_camera_without_enough_video_costs_nobody_else_their_model(
    tmp_path: Path, pictures: list[np.ndarray]
) -> None:
    add(tmp_path, "hall-one", pictures[:50], 8)
    short = replace(add(tmp_path, "yard-one", pictures[:5], 8), camera="yard", id="yard-two")
    path = Workspace(tmp_path).video_file(short)
    path.parent.mkdir()
    video.write(path, iter(pictures[:5]), 1.0)
    with Catalog.open(tmp_path) as catalog:
        catalog.add_video(short)
    outcome = novelty.train(tmp_path, KIND, steps=2)
    assert outcome.trained == {"hall": 55}
    assert "5 frames are too few" in outcome.failed["yard"]


def test_unknown_kinds_and_cameras_are_named(trained: Path) -> None:
    with pytest.raises(UnknownName, match="novelty-autoencoder, novelty-gan"):
        novelty.train(trained, "novelty-oracle")
    with pytest.raises(UnknownName, match="hall"):
        novelty.train(trained, KIND, ["attic"])


@pytest.mark.parametrize("content", [b"", b"weights", b"PK"], ids=["empty", "text", "zip"])
def test_a_broken_model_is_named_and_learned_anew(
    tmp_path: Path, pictures: list[np.ndarray], content: bytes
) -> None:
    add(tmp_path, "hall-one", pictures[:50], 8)
    path = Workspace(tmp_path).novelty_model("hall", KIND)
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with pytest.raises(BadInput, match=r"novelty-autoencoder\.pt is no model of novelty"):
        models.load(path)
    assert novelty.train(tmp_path, KIND, steps=2).trained == {"hall": 50}
    assert models.load(path)[1]["camera"] == "hall"


def test_a_changed_bit_in_a_model_is_noticed_and_a_lost_model_is_missed(
    tmp_path: Path, pictures: list[np.ndarray]
) -> None:
    add(tmp_path, "hall-one", pictures[:50], 8)
    novelty.train(tmp_path, KIND, steps=2)
    workspace = Workspace(tmp_path)
    path = workspace.novelty_model("hall", KIND)
    content = path.read_bytes()
    changed = bytearray(content)
    changed[len(content) // 2] ^= 1
    path.write_bytes(changed)
    with pytest.raises(BadInput, match="is no model of novelty"):
        models.load(path)
    path.write_bytes(content)
    assert models.load(path)[1]["camera"] == "hall"
    path.unlink()
    assert inventories.missing_files(workspace, Inventory.NOVELTY_MODELS) == [path]


def test_the_command_line_trains_it(tmp_path: Path, pictures: list[np.ndarray]) -> None:
    add(tmp_path, "hall-one", pictures[:50], 8)
    command = ["train", "--home", str(tmp_path), "--model", KIND, "--steps", "2"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1].split() == ["hall", KIND, "50"]
    again = CliRunner().invoke(app, command)
    assert "nothing new" in again.stderr
    empty = CliRunner().invoke(app, ["train", "--home", str(tmp_path / "none"), "--model", KIND])
    assert "no camera has raw video" in empty.stderr

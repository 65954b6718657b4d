"""What can be wrong with what a training reads: one clear line each, and nobody is promoted.

Edges that nobody walked were looked for in the 81 commands, on a workspace that is absent and on an
empty one: each ends in a line or a table; and in datasets: without a clip for testing, without one
for training, without a box, with a class that nobody has.
"""

from __future__ import annotations

import dataclasses
import errno
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import fsspec
import pytest

from oneclick import settings
from oneclick.core.clips import ClipStage
from oneclick.core.errors import BadInput, NoSpace, OneclickError, UsageError
from oneclick.stages import publish, train
from oneclick.storage import datasets, model_registry
from oneclick.storage.workspace import Workspace
from tests.stages import accepted

OPTIONS = settings.load(
    train={"steps": 1, "batch": 2, "stride": 1, "min_test_images": 1}
).train_options()


@pytest.fixture
def home(published: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(published, tmp_path, dirs_exist_ok=True))


def server(home: Path) -> Path:
    return home / "training-server"


def version(home: Path) -> Path:
    (folder,) = (server(home) / "datasets").iterdir()
    return folder


def edit(path: Path, change: Callable[[bytes], bytes]) -> None:
    path.write_bytes(change(path.read_bytes()))


TROUBLE: dict[str, tuple[Callable[[Path], Any], type[OneclickError], str]] = {
    "server away": (lambda home: server(home).rename(home / "elsewhere"), BadInput, "version.json"),
    "manifest edited by hand": (
        lambda home: edit(
            version(home) / "manifest.jsonl", lambda d: d.replace(b'"test"', b'"train"')
        ),
        BadInput,
        "manifest.jsonl was changed after it was published: restore it, or publish again",
    ),
    "training clip deleted": (
        lambda home: shutil.rmtree(server(home) / "clips" / "cam-1-a"),
        BadInput,
        r"cam-1-a/labels-0001.json: cannot be read .*publish again",
    ),
    "test clip deleted": (
        lambda home: shutil.rmtree(server(home) / "clips" / "cam-1-b"),
        BadInput,
        r"cam-1-b/labels-0001.json: cannot be read",
    ),
    "image deleted": (
        lambda home: (server(home) / "clips/cam-1-a/frames/000001.jpg").unlink(),
        BadInput,
        r"1 of \d train pictures are broken, 0 may be .*000001.jpg: cannot be read .*data verify",
    ),
    "label file cut short": (
        lambda home: edit(server(home) / "clips/cam-1-a/labels-0001.json", lambda d: d[:50]),
        BadInput,
        r"labels-0001.json was changed after it was published: copy it from the workspace",
    ),
    "label file edited by hand": (
        lambda home: edit(
            server(home) / "clips/cam-1-b/labels-0001.json", lambda d: d.replace(b"1", b"2", 1)
        ),
        BadInput,
        r"labels-0001.json was changed after it was published",
    ),
}


@pytest.mark.parametrize("case", TROUBLE)
def test_what_is_broken_is_named_and_nothing_is_promoted(home: Path, case: str) -> None:
    damage, error, text = TROUBLE[case]
    damage(home)
    with pytest.raises(error, match=text) as excinfo:
        train.train(home, None, dataclasses.replace(OPTIONS, max_broken=0.0))
    assert "\n" not in str(excinfo.value)
    assert model_registry.champion(Workspace(home)) is None
    assert not list(home.glob("models/*/card.json"))


def test_a_class_without_a_single_box_trains_and_counts_for_nothing(home: Path) -> None:
    outcome = train.train(home, None, replace(OPTIONS, classes=("person", "wheelchair")))
    assert outcome.trained
    assert 0 <= outcome.metrics["map"] <= 1


def test_a_class_the_settings_do_not_name_is_refused_with_the_file(home: Path) -> None:
    with pytest.raises(BadInput, match=r"labels-0001.json: class 'person' is unknown to the model"):
        train.train(home, None, replace(OPTIONS, classes=("wheelchair",)))
    assert model_registry.champion(Workspace(home)) is None


def test_clips_of_one_side_only_are_not_enough(tmp_path: Path) -> None:
    clips = accepted.accept(tmp_path, {"cam-1-b": "test"})
    publish.publish(tmp_path, clips, "", ("person",))
    with pytest.raises(UsageError, match="no training clip: review and publish more"):
        train.train(tmp_path, None, OPTIONS)


def test_a_disk_that_is_full_during_the_upload_publishes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = accepted.accept(tmp_path, {"cam-1-a": "train", "cam-1-b": "test"})
    store = type(fsspec.filesystem("memory"))
    write, countdown = store.pipe_file, [3]

    def full(self: Any, path: str, value: bytes, **more: Any) -> Any:
        countdown[0] -= 1
        if countdown[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(self, path, value, **more)

    with monkeypatch.context() as patch:
        patch.setattr(store, "pipe_file", full)
        with pytest.raises(NoSpace, match=r"no space left on memory://.*: free some, run again"):
            publish.publish(tmp_path, clips, "memory://full", ("person",))
    assert datasets.names(Workspace(tmp_path)) == []
    assert accepted.standing(tmp_path, ClipStage.ACCEPTED) == clips
    assert train.train(tmp_path, None, OPTIONS).model is None
    assert publish.publish(tmp_path, clips, "memory://full", ("person",)).result.done == clips


def test_a_dataset_without_a_test_clip_trains_and_waits_for_evidence(tmp_path: Path) -> None:
    clips = accepted.accept(tmp_path, {"cam-1-a": "train", "cam-1-b": "train"})
    publish.publish(tmp_path, clips, "", ("person",))
    result = train.train(tmp_path, None, OPTIONS)
    assert result.trained
    assert (result.decision, result.metrics["images"]) == ("not enough evidence", 0)
    assert "0 test images" in result.reasons[0]

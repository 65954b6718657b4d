"""Exports of published datasets: whole, or refused in one line; a damaged clip stays behind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from oneclick.core.errors import BadInput, UnknownName, UsageError
from oneclick.stages import export, publish
from oneclick.storage.workspace import Workspace
from tests.stages import accepted
from tests.stages.accepted import CLASSES


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Publish the three clips of `accepted.SIDES`."""
    home = tmp_path_factory.mktemp("published")
    accepted.publish_films(home)
    return home


WRONG: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "no such format": ({"format": "voc"}, UnknownName, "coco, yolo, mot, cvat"),
    "no such version": ({"version": "v9"}, UnknownName, "dataset version is called 'v9'"),
    "folder in use": ({"out": "used"}, UsageError, "not empty"),
    "a file": ({"out": "used/x"}, UsageError, "not empty"),
    "per clip, not coco": (
        {"format": "mot", "options": ["per_clip"]},
        UsageError,
        "--per-clip is not for mot, which has no option",
    ),
    "flat, not yolo": (
        {"options": ["flat"]},
        UsageError,
        "--flat is not for coco, which has --per-clip",
    ),
    "server elsewhere": ({"server": "memory://x"}, UsageError, "local folder"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_export_says_so_and_writes_nothing(
    case: str, published: Path, tmp_path: Path
) -> None:
    (tmp_path / "used").mkdir()
    (tmp_path / "used/x").write_text("mine")
    arguments, error, text = WRONG[case]
    options = {"format": "coco", "out": "out"} | arguments
    out = tmp_path / options.pop("out")
    with pytest.raises(error, match=text):
        export.export(published, out, **options)
    assert [path.name for path in tmp_path.iterdir()] == ["used"]


def test_nothing_published_is_nothing_to_export(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="oneclick data publish"):
        export.export(tmp_path, tmp_path / "out", "coco")


def test_an_edited_manifest_is_refused(tmp_path: Path) -> None:
    publish.publish(tmp_path, accepted.accept(tmp_path, {"cam-1-a": "train"}), "", CLASSES)
    (manifest,) = tmp_path.glob("datasets/*/manifest.jsonl")
    manifest.write_bytes(manifest.read_bytes().replace(b"train", b"test"))
    with pytest.raises(BadInput, match="was changed after it was published"):
        export.export(tmp_path, tmp_path / "out", "coco")


DAMAGE = {
    "labels gone": ("labels-0001.json", None, "cannot be read"),
    "labels edited": ("labels-0001.json", b"{}", "was changed after it was published"),
    "picture gone": ("frames/000001.jpg", None, "000001.jpg is missing"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_a_damaged_clip_stays_behind_and_the_others_go(case: str, tmp_path: Path) -> None:
    sides = {"cam-1-a": "train", "cam-1-b": "train"}
    publish.publish(tmp_path, accepted.accept(tmp_path, sides), "", CLASSES)
    name, content, text = DAMAGE[case]
    path = tmp_path / "training-server/clips/cam-1-a" / name
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    exported = export.export(tmp_path, tmp_path / "out", "coco")
    assert text in exported.result.failed["cam-1-a"]
    assert exported.result.done == ["cam-1-b"]
    document = json.loads((tmp_path / "out/train/annotations.json").read_text())
    assert [row["name"] for row in document["videos"]] == ["cam-1-b"]
    assert [path.name for path in (tmp_path / "out/train/images").iterdir()] == ["cam-1-b"]


def test_one_side_without_pictures_is_only_labels_of_that_side(
    published: Path, tmp_path: Path
) -> None:
    exported = export.export(published, tmp_path / "out", "coco", split="test", images=False)
    assert (exported.result.done, exported.images) == (["cam-1-c"], 3)
    paths = [path.relative_to(tmp_path / "out") for path in (tmp_path / "out").rglob("*.*")]
    assert paths == [Path("test/annotations.json")]


def test_a_clip_whose_video_is_gone_is_exported_without_it(tmp_path: Path) -> None:
    publish.publish(tmp_path, accepted.accept(tmp_path, {"cam-1-a": "train"}), "", CLASSES)
    Workspace(tmp_path).clip_file("cam-1-a").unlink()
    exported = export.export(tmp_path, tmp_path / "out", "cvat")
    assert (exported.without_video, exported.result.done) == (1, ["cam-1-a"])
    assert [path.name for path in (tmp_path / "out/train").iterdir()] == ["cam-1-a.xml"]


def test_of_two_exports_to_one_folder_one_is_whole_and_the_other_is_told(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, load = tmp_path / "out", export._load_clip

    def load_late(*arguments: Any) -> Any:
        monkeypatch.setattr(export, "_load_clip", load)
        export.export(published, out, "coco", split="train")
        return load(*arguments)

    monkeypatch.setattr(export, "_load_clip", load_late)
    with pytest.raises(UsageError, match=f"^{out} is not empty any more"):
        export.export(published, out, "coco", split="test")
    assert [path.name for path in out.iterdir()] == ["train"]
    assert list(tmp_path.iterdir()) == [out]


def test_an_empty_folder_behind_a_link_is_filled(published: Path, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "disk")
    export.export(published, tmp_path / "out", "coco", split="test", images=False)
    assert (tmp_path / "out/test/annotations.json").is_file()
    assert [path.name for path in (tmp_path / "disk").iterdir()] == ["test"]


def test_a_disk_that_fills_up_leaves_nothing(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fcntl.ioctl", full)
    monkeypatch.setattr("shutil.copyfileobj", full)
    with pytest.raises(Exception, match="no space left"):
        export.export(published, tmp_path / "out", "coco")
    assert list(tmp_path.iterdir()) == []

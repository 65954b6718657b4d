"""`oneclick data export` and `oneclick data import` as a user meets them."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from oneclick import formats
from oneclick.cli import data
from oneclick.core.errors import OneclickError
from oneclick.formats import ExportClip, mot
from oneclick.stages import publish
from tests.corpus import labels_yolo
from tests.formats import exports
from tests.stages import accepted


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("published")
    clips = accepted.accept(home, {"cam-1-a": "train", "cam-1-b": "test"})
    publish.publish(home, clips, "", ("person",))
    return home


def run(*arguments: str, home: Path) -> Result:
    return CliRunner().invoke(data.app, [*arguments, "--home", str(home)])


@pytest.mark.parametrize("command", ["export", "import"])
def test_the_help_of_both_commands_names_our_formats(command: str) -> None:
    wide = {"COLUMNS": "200"}  # no line break among the names
    text = " ".join(CliRunner().invoke(data.app, [command, "--help"], env=wide).stdout.split())
    assert ", ".join(formats.names()) in text


def test_out_and_in_again(published: Path, tmp_path: Path) -> None:
    out, home = tmp_path / "out", tmp_path / "home"
    result = run("export", str(out), "--format", "coco", "--per-clip", home=published)
    assert (result.exit_code, result.stdout) == (0, "")
    assert "6 images" in result.stderr
    assert "clips exported: 2 done" in result.stderr
    came = run("import", str(out), "--format", "coco", "--camera", "x", "--accept", home=home)
    assert came.exit_code == 0, came.stderr
    assert "clips imported: 2 done" in came.stderr
    again = run("import", str(out), "--format", "coco", "--camera", "x", home=home)
    assert "clips imported: 0 done, 2 already done" in again.stderr


LOST = {
    "coco": "",
    "yolo": "yolo cannot hold tracks, key frames, attributes, origins and scores",
    "mot": "mot cannot hold key frames, attributes, origins and scores",
    "cvat": "cvat cannot hold scores",
    "datumaro": "",
    "labelstudio": "labelstudio cannot hold attributes, origins, scores and which boxes are key "
    "frames",
    "fiftyone": "",
}


@pytest.mark.parametrize("name", LOST)
def test_one_line_says_what_is_lost(name: str, published: Path, tmp_path: Path) -> None:
    result = run("export", str(tmp_path / "out"), "--format", name, "--no-images", home=published)
    assert result.exit_code == 0
    warnings = [line for line in result.stderr.splitlines() if "cannot hold" in line]
    assert warnings == ([f"{LOST[name]}: they stay behind"] if LOST[name] else [])


def test_yolo_can_be_flat_and_says_what_training_will_miss(published: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ("export", str(out), "--format", "yolo", "--flat", "--split", "train")
    result = run(*arguments, home=published)
    assert result.exit_code == 0
    assert "split without a clip: data.yaml has no `val`, which training needs" in result.stderr
    assert sorted(path.name for path in (out / "images/train").iterdir()) == [
        f"cam-1-a_{k:06d}.jpg" for k in range(3)
    ]
    assert [path.name for path in (out / "images").iterdir()] == ["train"]
    assert "val" not in (out / "data.yaml").read_text()


def test_mot_says_what_other_tools_read_otherwise(tmp_path: Path) -> None:
    writer = mot.MotWriter(tmp_path, exports.CLASSES)
    for clip in exports.SPLITS:
        labels, fps = exports.label_set(clip), exports.FPS[clip]
        writer.add(ExportClip(name=clip, split="train", fps=fps, labels=labels))
    assert writer.notes == {
        "clips whose frame rate other tools read as a whole number": 1,
        "tracks 0 that other tools read under another id, for ids begin at 1": 2,
    }


def test_a_broken_sequence_exits_with_3_and_is_named(published: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run("export", str(out), "--format", "mot", home=published)
    next(out.rglob("train/*/gt/gt.txt")).write_text("1,1,1,1,x,9,1,1,1\n")
    arguments = ("import", str(out), "--format", "mot", "--camera", "x")
    came = run(*arguments, home=tmp_path / "home")
    assert came.exit_code == 3
    assert "gt.txt line 1" in came.stderr
    assert "clips imported: 1 done" in came.stderr


def yolo_case(folder: Path) -> None:
    """Two pictures of a person and a chair, without names of the classes."""
    labels_yolo.folders(folder, np.random.default_rng(7), count=2)


def run_import(path: Path, home: Path, *arguments: str) -> Result:
    """Import YOLO labels into a workspace with both classes."""
    home.mkdir(exist_ok=True)
    (home / "oneclick.toml").write_text('classes = ["person", "chair"]\n')
    with contextlib.chdir(home):
        return run("import", str(path), "--format", "yolo", "--camera", "x", *arguments, home=home)


UNDERSTOOD = """\
class chair is 1, from --assume names: 2 boxes
class person is 0, from --assume names: 2 boxes
splits: train 1 clips with 2 pictures
frames per second: 25, nothing says it: give --fps (1 clips)
in all: 2 pictures, 4 boxes, 4 tracks
4 boxes without a track, each a track of its own
look at these first: {home}/imports/1.jpg, {home}/imports/2.jpg
"""


def test_a_dry_run_says_what_was_understood_and_imports_nothing(tmp_path: Path) -> None:
    yolo_case(tmp_path / "data")
    home = tmp_path / "home"
    answer = ("--assume", "names=person,chair")
    came = run_import(tmp_path / "data", home, *answer, "--dry-run")
    assert (came.exit_code, came.stdout) == (0, UNDERSTOOD.format(home=home))
    assert "nothing was imported" in came.stderr
    assert sorted(path.name for path in home.iterdir()) == ["imports", "oneclick.toml"]
    for k in (1, 2):
        assert cv2.imread(str(home / f"imports/{k}.jpg")) is not None
    again = run_import(tmp_path / "data", home, *answer, "--fps", "5")
    assert (again.exit_code, again.stdout) == (
        0,
        UNDERSTOOD.format(home=home).replace("25, nothing says it: give --fps", "5, from --fps"),
    )
    assert "clips imported: 1 done" in again.stderr


def test_what_was_understood_as_json(tmp_path: Path) -> None:
    yolo_case(tmp_path / "data")
    home = tmp_path / "home"
    came = run_import(tmp_path / "data", home, "--assume", "names=settings", "--json", "--dry-run")
    source = ["the setting `classes`"]
    assert json.loads(came.stdout) == {
        "dry_run": True,
        "clips": 1,
        "pictures": 2,
        "boxes": 4,
        "tracks": 4,
        "classes": {
            "person": {"numbers": ["0"], "named_by": source, "boxes": 2},
            "chair": {"numbers": ["1"], "named_by": source, "boxes": 2},
        },
        "rates": [{"fps": 25.0, "said_by": "nothing says it: give --fps", "clips": 1}],
        "splits": {"train": {"clips": 1, "pictures": 2}},
        "notes": {"boxes without a track, each a track of its own": 4},
        "refused": {},
        "drawn": [f"{home}/imports/1.jpg", f"{home}/imports/2.jpg"],
        "imported": [],
        "skipped": [],
    }


QUESTIONS = {
    "nobody names the classes": ((), 3, "answer with --assume names=settings or"),
    "a question of another format": (
        ("--assume", "order=letters"), 2, "yolo never asks for it, only for exif, links, names",
    ),
    "no such question": (("--assume", "colour=red"), 2, "no question is called 'colour'; names="),
    "no such answer": (("--assume", "links=maybe"), 2, "links can be follow"),
    "no answer": (("--assume", "names"), 2, "names can be settings or A,B,C"),
    "two answers": (
        ("--assume", "names=a", "--assume", "names=b"), 2, "--assume names is given twice",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", QUESTIONS)
def test_a_question_and_a_wrong_answer_are_one_line(case: str, tmp_path: Path) -> None:
    arguments, code, text = QUESTIONS[case]
    yolo_case(tmp_path / "data")
    came = run_import(tmp_path / "data", tmp_path / "home", *arguments)
    assert isinstance(came.exception, OneclickError)
    assert came.exception.exit_code == code
    assert text in str(came.exception)

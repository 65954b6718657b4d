"""`oneclick data export` and `oneclick data import` as a user meets them."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from oneclick import formats
from oneclick.cli import data
from oneclick.stages import publish
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
}


@pytest.mark.parametrize("name", LOST)
def test_one_line_says_what_is_lost(name: str, published: Path, tmp_path: Path) -> None:
    result = run("export", str(tmp_path / "out"), "--format", name, "--no-images", home=published)
    assert result.exit_code == 0
    warnings = [line for line in result.stderr.splitlines() if "cannot hold" in line]
    assert warnings == ([f"{LOST[name]}: they stay behind"] if LOST[name] else [])


def test_a_broken_sequence_exits_with_3_and_is_named(published: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run("export", str(out), "--format", "mot", home=published)
    next(out.rglob("train/*/gt/gt.txt")).write_text("1,1,1,1,x,9,1,1,1\n")
    arguments = ("import", str(out), "--format", "mot", "--camera", "x")
    came = run(*arguments, home=tmp_path / "home")
    assert came.exit_code == 3
    assert "gt.txt line 1" in came.stderr
    assert "clips imported: 1 done" in came.stderr

"""Every reader of what strangers bring: one line for the hostile file, the good ones go in.

One bad thing that stops the rest was looked for in every reader (the table of cases) and in every
loop over items: files, clips, videos, cameras and plug-ins are isolated; only maintenance ended at
its first recording that could not be removed, and goes on now.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from oneclick.core.assumptions import Assumptions
from oneclick.stages import fetch, import_
from oneclick.storage import bounded_files
from tests.hostile import cases, datasets, files
from tests.waits import HANG_SECONDS

CASES = cases.cases()
MEGABYTES = 200


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Read all files once, each in a process of its own."""
    child = subprocess.run(
        [sys.executable, "-m", "tests.hostile.child", str(tmp_path_factory.mktemp("hostile"))],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        timeout=HANG_SECONDS,
        check=True,
    )
    rows = [json.loads(line) for line in child.stdout.splitlines()]
    return {row["case"]: row for row in rows}


@pytest.mark.parametrize("name", CASES)
def test_a_hostile_file_gets_one_line_and_the_good_ones_go_in(
    name: str, outcomes: dict[str, dict[str, Any]]
) -> None:
    case, outcome = CASES[name], outcomes[name]
    assert not outcome["trouble"]
    (line,) = outcome["lines"]
    assert case.names in line
    assert "\n" not in line
    assert len(line) < 7000  # a name of 5,000 characters is one of the cases
    assert outcome["good"] == case.good
    assert outcome["megabytes"] < MEGABYTES


NAMES = {
    "escapes": b"\x1b]0;x\x07\x1b[2J.mp4",
    "line breaks": b"a\nb: done\r.mp4",
    "no UTF-8": b"caf\xe9 \xff.mp4",
    "other direction": "a\u202e4pm.mp4".encode(),
    "246 bytes": b"a" * 242 + b".mp4",
}


@pytest.mark.parametrize("name", NAMES)
def test_recordings_of_any_name_go_in_or_are_named(name: str, tmp_path: Path) -> None:
    film = tmp_path / "good.mp4"
    files.film(film)
    folder = tmp_path / "ward"
    folder.mkdir()
    files.film(folder / "good.mp4", shade=50)
    (folder / os.fsdecode(NAMES[name])).write_bytes(film.read_bytes())
    result = fetch.fetch(tmp_path / "home", [str(folder)])
    assert len(result.done) == 2
    assert not result.failed


@pytest.mark.parametrize("name", NAMES)
def test_pictures_of_any_name_go_in_or_are_named(name: str, tmp_path: Path) -> None:
    root = tmp_path / "data"
    datasets.yolo(root, None, None, None)
    picture = tmp_path / "a.png"
    files.picture(picture, 200)
    (root / "images/val" / (os.fsdecode(NAMES[name])[:-4] + ".png")).write_bytes(
        picture.read_bytes()
    )
    answers = Assumptions.parse(["unlabelled=empty"])
    options = import_.ImportOptions(camera="ward", answers=answers)
    outcome = import_.import_(tmp_path / "home", root, "yolo", ("person",), options)
    assert outcome.images == 3
    assert not outcome.result.failed


@pytest.mark.parametrize("source", ["", " ", "\t"])
def test_a_source_without_a_name_is_not_the_current_folder(source: str, tmp_path: Path) -> None:
    files.film(tmp_path / "a.mp4")
    result = fetch.fetch(tmp_path / "home", [source, str(tmp_path / "a.mp4")])
    assert len(result.done) == 1
    assert "without a name" in result.failed[source]


def test_links_of_folders_do_not_turn_in_circles_or_lead_out(tmp_path: Path) -> None:
    root = tmp_path / "data"
    (root / "a").mkdir(parents=True)
    (root / "a/x.json").write_text("{}")
    (root / "a/up").symlink_to("..")
    (root / "b").symlink_to("a")
    (root / "out").symlink_to(tmp_path)
    failed: dict[str, str] = {}
    paths = bounded_files.find(root, lambda name: name.endswith(".json"), failed)
    assert [str(path.relative_to(root)) for path in paths] == ["a/x.json", "b/x.json"]
    (line,) = failed.values()
    assert "out leads out of" in line


def test_folders_are_searched_to_a_depth(tmp_path: Path) -> None:
    folder = tmp_path
    for _ in range(bounded_files.MAX_DEPTH + 2):
        folder /= "a"
    folder.mkdir(parents=True)
    files.film(folder / "a.mp4")
    files.film(tmp_path / "b.mp4")
    result = fetch.fetch(tmp_path / "home", [str(tmp_path)])
    assert len(result.done) == 1
    (line,) = result.failed.values()
    assert "folders deep" in line


TEXTS = {
    "empty": b"",
    "no end": b"a",
    "all line ends": b"\xef\xbb\xbfa\r\nb\rc\nd",
    "an end at the block's edge": b"x" * 99 + b"\r\n" + b"y",
}


@pytest.mark.parametrize("case", TEXTS)
def test_blocks_of_lines_are_the_text(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(TEXTS[case])
    for size in (1, 2, 100, 1 << 20):
        monkeypatch.setattr(bounded_files, "_BLOCK", size)
        blocks = list(bounded_files.text_blocks(path, 1 << 20))
        assert "".join(text for _, text in blocks) == path.read_text("utf-8-sig")
        assert [number for number, _ in blocks] == [
            1 + "".join(text for _, text in blocks[:k]).count("\n") for k in range(len(blocks))
        ]

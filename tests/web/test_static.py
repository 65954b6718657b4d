"""The files of the review pages: current, typed, translated, and without an address outside."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from oneclick import design
from oneclick.web import pages
from tests.web import static_design

FOLDER = pages.FOLDER
MODULES = sorted(FOLDER.glob("*.js"))
PAGES = (
    *("clip.html", "live.html", "live_camera.html", "look.html", "queue.html", "search.html"),
    "timeline.html",
)
CALL = re.compile(r'\bt\(\s*"(\w+)"')
ENTRY = re.compile(r'^  (\w+): \[\s*"', re.MULTILINE)


def text(name: str) -> str:
    return (FOLDER / name).read_text()


@pytest.mark.parametrize("name", static_design.FILES)
def test_what_follows_from_the_design_is_current(name: str) -> None:
    assert text(name) == static_design.FILES[name](), "run: python -m tests.web.static_design"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_a_module_imports_only_its_neighbours(path: Path) -> None:
    names = re.findall(r'(?:from|import\()\s*"([^"]+)"', path.read_text())
    assert [name for name in names if not (FOLDER / name).is_file()] == []


@pytest.mark.parametrize("path", sorted(FOLDER.iterdir()), ids=lambda path: path.name)
def test_a_file_names_no_address_outside(path: Path) -> None:
    content = path.read_text().replace("http://www.w3.org/2000/svg", "")
    assert re.findall(r"(?:https?:)?//[\w-]+\.[\w.-]+", content) == []
    assert "innerHTML" not in content
    assert len(content.splitlines()) <= 380


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_no_script_or_style_of_its_own(name: str) -> None:
    content = text(name)
    assert re.findall(r"<script(?![^>]*\bsrc=)|\bon\w+=|\bstyle=|<style", content) == []
    names = re.findall(r"\{\{static\}\}/([\w.]+)", content)
    assert [each for each in names if not (FOLDER / each).is_file()] == []


def test_every_sentence_is_in_both_languages_and_used() -> None:
    table = set(ENTRY.findall(text("messages.js")))
    pair = re.compile(r'(\w+): \[\s*"((?:[^"\\]|\\.)+)",\s*"((?:[^"\\]|\\.)+)",?\s*\]')
    pairs = {name: (english, german) for name, english, german in pair.findall(text("messages.js"))}
    assert table == pairs.keys()
    for name, (english, german) in pairs.items():
        assert set(re.findall(r"\{\d\}", english)) == set(re.findall(r"\{\d\}", german)), name
    source = "".join(path.read_text() for path in MODULES if path.name != "messages.js")
    source += "".join(text(name) for name in PAGES)
    called = set(CALL.findall(source)) | set(re.findall(r'data-t(?:-label)?="(\w+)"', source))
    assert called <= table
    families = (
        *("answer_", "difference_", "flag_", "group_", "kind_", "live_", "mode_", "models_"),
        *("lane_state_", "lane_video_"),
        *("only_", "place_", "reason_", "search_kind_", "search_part_", "search_status_", "why_"),
    )
    columns = set(re.findall(r'"(\w+)"', source))
    unused = {name for name in table - called - columns if not name.startswith(families)}
    assert unused == set()


def test_every_key_has_its_action() -> None:
    source = "".join(path.read_text() for path in FOLDER.glob("*_commands.js"))
    names = set(re.findall(r'^ {2,4}(?:async )?"?([\w-]+)"?(?:\(|: )', source, re.MULTILINE))
    table = design.load()
    assert {key.id for key in (*table.web_key, *table.lane_key, *table.search_key)} - names == set()
    for page in (table.lane_key, table.search_key):
        keys = [name for key in page for name in key.key.split(",")]
        assert len(keys) == len(set(keys))


def test_the_types_of_the_modules_agree() -> None:
    compiler = shutil.which("tsc")
    if compiler is None:
        pytest.skip("TYPES OF THE PAGE ARE NOT CHECKED: tsc is not installed (npm i -g typescript)")
    config = Path(__file__).with_name("tsconfig.json")
    result = subprocess.run([compiler, "-p", str(config)], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout

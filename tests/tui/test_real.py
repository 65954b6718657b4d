"""The real program in a real terminal, and every screen beside its text twin."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from oneclick.catalog import Catalog
from oneclick.core.clips import ClipStage
from oneclick.report import snapshot_reader
from tests.cli import program
from tests.tui import samples
from tests.tui.samples import app, drive, press
from tests.waits import wait_until

pytestmark = pytest.mark.e2e

TMUX = shutil.which("tmux")
FILTER = " filter: stage:auto"
SOCKET = f"oneclick-tests-{os.getpid()}"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("real") / "ward"
    samples.workspace(home).close()
    return home


class Terminal:
    """A window of tmux."""

    def __init__(self, *command: str) -> None:
        self._tmux("kill-server", check=False)
        # Textual believes these two more than the terminal.
        line = ["env", "-u", "COLUMNS", "-u", "LINES", *command]
        self._tmux("new-session", "-d", "-x", "120", "-y", "40", " ".join(line))

    def _tmux(self, *words: str, check: bool = True) -> str:
        assert TMUX
        call = [TMUX, "-L", SOCKET, *words]
        process = subprocess.run(call, capture_output=True, text=True, check=check)
        return process.stdout

    def type(self, *keys: str) -> None:
        self._tmux("send-keys", *keys)

    def text(self) -> str:
        return self._tmux("capture-pane", "-p")

    def styled_line(self, text: str) -> str:
        """Return the line that holds a text, with its colours."""
        lines = self._tmux("capture-pane", "-p", "-e").splitlines()
        return next((line for line in lines if text in line), "")

    def wait(self, condition: Callable[[str], object]) -> None:
        """Wait until the text of the screen meets a condition."""
        wait_until(lambda: condition(self.text()), self.text, 0.1)

    def running(self) -> bool:
        return bool(self._tmux("list-sessions", check=False))

    def close(self) -> None:
        self._tmux("kill-server", check=False)


@pytest.fixture
def terminal(home: Path) -> Iterator[Terminal]:
    if not TMUX:
        pytest.skip("tmux is not installed: apt-get install tmux")
    window = Terminal(sys.executable, "-m", "oneclick", "tui", "--home", str(home))
    yield window
    window.close()


def test_typed_into_a_real_terminal_it_answers_and_changes_the_workspace(
    home: Path, terminal: Terminal
) -> None:
    terminal.wait(lambda text: "● live" in text and "Needs you" in text)
    terminal.type("3")
    terminal.wait(lambda text: "Clips · 9 of 9" in text)
    before = terminal.styled_line(FILTER)
    terminal.type("/")
    wait_until(lambda: terminal.styled_line(FILTER) != before, terminal.text)  # has the focus
    terminal.type("stage:quar error:broken", "Enter")
    terminal.wait(lambda text: "Clips · 1 of 1" in text)
    terminal.type("r")
    terminal.wait(lambda text: "oneclick clips retry ward-0-00000007" in text)
    terminal.type("y")
    terminal.wait(lambda text: "no clip meets this filter" in text)
    with Catalog.open(home) as catalog:
        assert catalog.clip("ward-0-00000007").stage is ClipStage.CUT
    terminal.type("1")
    terminal.wait(lambda text: "Pipeline · clips per stage" in text)
    terminal.type("q")
    wait_until(lambda: not terminal.running(), terminal.text)


def twin(home: Path, *words: str) -> Any:
    """What the command line says of the same, at the same moment."""
    import contextlib
    import io

    from oneclick.cli.main import app as cli

    with contextlib.redirect_stdout(io.StringIO()) as out:
        cli([*words, "--json", "--home", str(home)], standalone_mode=False)
    return json.loads(out.getvalue())


def screen(home: Path, number: str) -> str:
    reader = snapshot_reader.SnapshotReader(home, None, lambda: samples.NOW, UTC)

    async def go(pilot: Any) -> None:
        await press(pilot, number)

    return "\n".join(drive(app(reader, home), go, (200, 60)))


def test_the_main_screen_and_status_say_the_same(home: Path) -> None:
    document, text = twin(home, "status"), screen(home, "1")
    lines = text.splitlines()
    row = lines[next(k for k, line in enumerate(lines) if "1 ✂ cut" in line) + 1]
    counts = [int(digits) for digits in re.findall(r"(?<![+\-\d])\d+", row.replace("│", " "))]
    assert counts == [stage["clips"] for stage in document["funnel"]]
    assert f"mAP {twin(home, 'models', 'list')[1]['map']:.3f}" in text
    assert document["champion"] == "m2"
    assert f"{document['kept']['share']:.1%}" in text
    for need in document["now"]["needs"]:
        assert need["text"][:30] in text


def test_the_triggers_screen_and_its_twins_say_the_same(home: Path) -> None:
    text = screen(home, "2")
    timeline = twin(home, "triggers", "timeline", "--since", "2026-02-28")
    for line in timeline["cameras"]:
        assert re.search(rf"{line['camera']} .* {sum(line['hits'].values())} ", text)
    for row in twin(home, "triggers", "report")["rows"]:
        if row["hits"]:
            assert re.search(rf"{row['trigger']} +{row['hits']} +{row['hits']} ", text)
    for hit in twin(home, "triggers", "hits", "--since", "2026-02-28"):
        assert hit["why"][:20] in text


def test_the_clips_screen_and_its_twin_say_the_same(home: Path) -> None:
    text = screen(home, "3")
    for row in twin(home, "clips", "list"):
        assert re.search(rf"{row['id']} .*{row['chosen_by']}", text)


def test_the_review_screen_and_its_twins_say_the_same(home: Path) -> None:
    text, document = screen(home, "4"), twin(home, "review", "stats")
    assert f"{document['clips']} clips, {document['images']} images" in text
    assert f"{document['edits_per_100_boxes']:.1f} edits for 100 boxes" in text
    for row in twin(home, "review", "list"):
        assert row["id"] in text
    for cost in twin(home, "label", "report")["costs"]:
        assert re.search(rf"{cost['week']} +{cost['made_by'][:3]}", text)


def test_the_flows_screen_and_its_twin_say_the_same(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PREFECT_PROFILES_PATH", str(tmp_path / "none.toml"))
    text = screen(home, "5")
    for run in twin(home, "flows", "list"):
        assert re.search(rf"{run['flow']} +{run['state'].lower()}.*{run['detail']}", text)


def test_the_train_screen_and_its_twin_say_the_same(home: Path) -> None:
    text = screen(home, "6")
    for row in twin(home, "models", "list"):
        assert re.search(
            rf"{row['id']} .* {row['map']:.3f} +{row['ap50']:.3f} {row['verdict']}", text
        )


def test_one_frame_is_printed_without_a_terminal(home: Path) -> None:
    call = [sys.executable, "-m", "oneclick", "tui", "--home", str(home), "--size", "100x30"]
    process = subprocess.run([*call, "--snapshot", "text"], capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    assert "Pipeline · clips per stage" in process.stdout
    assert max(map(len, process.stdout.splitlines())) == 100
    process = subprocess.run(
        [*call, "--snapshot", "svg", "--screen", "train"], capture_output=True, text=True
    )
    assert process.stdout.startswith("<svg")
    for wrong in (
        (),
        ("--snapshot", "png"),
        ("--snapshot", "text", "--screen", "kitchen"),
        ("--snapshot", "text", "--size", "big"),
    ):
        process = program.oneclick("tui", *wrong, home=home)
        assert process.returncode == 2
        assert len(process.stderr.splitlines()) == 1


@pytest.mark.parametrize("damage", ["torn", "other", "empty"])
def test_one_frame_of_a_damaged_catalog_is_one_line(tmp_path: Path, damage: str) -> None:
    catalog = tmp_path / "home" / "catalog.sqlite"
    Catalog.open(catalog.parent).close()
    content = catalog.read_bytes()
    catalog.write_bytes(
        {
            "torn": content[: len(content) // 3],
            "other": content[:4096] + bytes(range(256)) * (len(content) // 256 - 16),
            "empty": b"no catalog at all" * 400,
        }[damage]
    )
    process = program.oneclick("tui", "--snapshot", "text", home=catalog.parent)
    assert process.returncode == 0, process.stderr
    assert len(re.findall("✕ catalog.sqlite is no .*; oneclick catalog", process.stdout)) == 1
    assert "Traceback" not in process.stdout + process.stderr

"""No byte of a stranger reaches a terminal as it is: commands, progress, tracebacks and screens.

Bytes of strangers were looked for in everything that a terminal shows: lines, tables, progress,
tracebacks and screens were escaped; what servers log and errors that Prefect prints were not, and
are now.
"""

from __future__ import annotations

import ast
import io
import json
import logging
from pathlib import Path

import pytest
from rich.console import Console

from oneclick.cli import output, watch
from oneclick.core import progress
from oneclick.core.errors import BadInput, OneclickError
from oneclick.core.results import BatchResult
from oneclick.core.review import Verdict
from oneclick.storage import failure_log
from oneclick.storage.workspace import Workspace
from oneclick.tui import rows
from tests.cli import program
from tests.fakes import clips

HERE = Path(__file__).parents[2]
EVIL = "a\x1b[2J\n\u202eb\x9bc\udce9[/red]"
SHOWN = r"a\x1b[2J\n\u202eb\x9bc\xe9[/red]"


def hidden(text: str) -> set[str]:
    return {char for char in text if char != "\n" and not char.isprintable()}


def test_lines_tables_and_batches_are_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    output.message(EVIL)
    output.echo(EVIL)
    output.print_table([EVIL], [[EVIL], [1]], EVIL)
    output.print_batch(BatchResult(failed={EVIL: EVIL}), EVIL)
    captured = capsys.readouterr()
    for text in captured:
        assert not hidden(text)
        assert SHOWN in text
    assert captured.out.count("\n") == 5
    assert captured.err.count("\n") == 3


def test_a_table_is_aligned_by_what_it_shows(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_table(["a", "b"], [["\x1b", "x"], ["long", "y"]])
    assert [line[6:] for line in capsys.readouterr().out.splitlines()] == ["b", "x", "y"]


def test_json_stays_json(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_json({EVIL: EVIL})
    text = capsys.readouterr().out
    assert not hidden(text)
    assert json.loads(text) == {EVIL: EVIL}


def test_progress_is_escaped_on_a_terminal_and_elsewhere(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with output.progress_bars():
        progress.report(EVIL, 2, 2)
    assert capsys.readouterr().err == f"{SHOWN}: 2\n"
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=200, color_system=None)
    monkeypatch.setattr("rich.console.Console", lambda stderr: console)
    with output.terminal_bars() as sink:
        progress.set_sink(sink)
        progress.report(EVIL, 1, 2)
        progress.set_sink(None)
    assert SHOWN in screen.getvalue()
    assert "\x1b[2J" not in screen.getvalue()


def test_logs_of_tracebacks_are_escaped(tmp_path: Path) -> None:
    workspace, failed = Workspace(tmp_path), dict[str, str]()
    for name, error in ((EVIL, RuntimeError(EVIL)), ("two", BadInput(EVIL))):
        with failure_log.isolate(failed, workspace, name, f"read {name}"):
            raise error
    assert not hidden("".join(failed.values()))
    (log,) = tmp_path.glob("logs/*.log")
    text = log.read_text("utf-8")
    assert not hidden(text)
    assert r"\x1b[2J" in text


def test_errors_and_what_servers_log_are_escaped() -> None:
    assert str(BadInput(EVIL)) == SHOWN
    output.escape_logs()
    assert logging.lastResort is not None
    record = logging.makeLogRecord({"msg": "GET %s", "args": (EVIL,)})
    assert not hidden(logging.lastResort.format(record))


def test_watched_output_and_errors_are_escaped() -> None:
    def draw() -> None:
        raise OneclickError(EVIL)

    assert not hidden(watch.capture(draw, watch.CapturedOutput()).talk)


def test_what_reviewers_type_is_stored_without_hidden_characters() -> None:
    verdict = Verdict(clip="c", decision="reject", by=EVIL, at=clips.NOON, reason=EVIL)
    assert (verdict.by, verdict.reason) == (SHOWN, SHOWN)


def test_rows_of_the_screens_are_escaped_and_keep_their_width() -> None:
    for function in (rows.align_left, rows.align_right, rows.shorten):
        assert not hidden(function(EVIL, 60))
    strip = rows.to_strip([(EVIL, ""), ("x", "")], 40, rows.parse_style(""))
    assert not hidden(strip.text)
    assert strip.cell_length == 40


def test_a_name_of_a_file_reaches_the_terminal_as_escapes(tmp_path: Path) -> None:
    path = tmp_path / "a\x1b[2J\nb.mp4"
    path.write_text("no video")
    result = program.oneclick("video", "add", str(tmp_path), home=tmp_path / "home")
    assert result.returncode == 3
    assert not hidden(result.stdout + result.stderr)
    assert r"a\x1b[2J\nb.mp4" in result.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("data", "import", "", "--format", "coco", "--camera", "x", "--home", "home"),
        ("video", "list", "--home", ""),
        ("video", "list", "--home", " "),
    ],
)
def test_an_empty_path_is_not_the_current_folder(words: tuple[str, ...], tmp_path: Path) -> None:
    result = program.oneclick(*words, cwd=tmp_path)
    assert result.returncode == 2
    assert "is empty: name a file or folder" in result.stderr
    assert not list(tmp_path.iterdir())


PRINTERS = {"oneclick/cli/output.py", "oneclick/cli/watch.py", "oneclick/training/train.py"}
"""The files that print: output escapes, watch repeats what output printed, a process of a training
writes one line that is escaped, or JSON of ASCII."""


def test_only_one_place_prints() -> None:
    folders = (HERE / "oneclick", HERE / "flows", HERE / "tui")
    places = []
    for path in (path for folder in folders for path in folder.rglob("*.py")):
        name = str(path.relative_to(HERE))
        if name in PRINTERS or name.startswith(("oneclick/flows/", "oneclick/tui/")):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in (
                "print",
                "typer.echo",
                "typer.secho",
                "click.echo",
                "sys.stdout.write",
                "sys.stderr.write",
            ):
                places.append(f"{name}:{node.lineno}")
    assert places == []

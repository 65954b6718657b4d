"""`--watch`: drawn again where it changed, and left in peace by Ctrl-C."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from oneclick.cli import watch
from oneclick.cli.main import app
from oneclick.core.errors import Unavailable, UnknownName, UsageError
from oneclick.report import snapshot_reader
from oneclick.report.snapshot import Goals
from tests.catalog import samples as samples
from tests.waits import HANG_SECONDS


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)


@pytest.mark.usefixtures("quick")
def test_only_changes_are_printed_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    texts = iter(["a", "a", "b", "b", "a"])
    watch.repeat(lambda: typer.echo(next(texts)), 0.1, iter(range(5)))
    assert capsys.readouterr().out == "a\n\nb\n\na\n\n"


@pytest.mark.usefixtures("quick")
def test_a_document_of_json_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    watch.repeat(lambda: typer.echo('{\n  "a": "ü"\n}'), 0.1, iter(range(2)))
    assert capsys.readouterr().out == '{"a": "ü"}\n'


@pytest.mark.usefixtures("quick")
def test_trouble_is_shown_and_passes(capsys: pytest.CaptureFixture[str]) -> None:
    answers = iter([Unavailable("the catalog is held by another process"), None])

    def draw() -> None:
        if error := next(answers):
            raise error
        typer.echo("fine")

    watch.repeat(draw, 0.1, iter(range(2)))
    captured = capsys.readouterr()
    assert captured.out == "fine\n\n"
    assert captured.err == "oneclick: the catalog is held by another process\n"


@pytest.mark.usefixtures("quick")
def test_what_was_there_stays_through_trouble_and_talk_is_said_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    frames = iter(["a", Unavailable("away"), Unavailable("away"), "a", "b"])

    def draw() -> None:
        frame = next(frames)
        if isinstance(frame, Unavailable):
            raise frame
        typer.echo(frame)
        typer.echo("talk", err=True)

    watch.repeat(draw, 0.1, iter(range(5)))
    captured = capsys.readouterr()
    assert captured.out == "a\n\nb\n\n"
    assert captured.err == "talk\noneclick: away\ntalk\n"


def test_wrong_usage_is_not_waited_out() -> None:
    def draw() -> None:
        raise UnknownName("clip stage", "LOST")

    with pytest.raises(UnknownName):
        watch.repeat(draw, 0.1)


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("inf")])
def test_no_time_to_wait_is_refused_in_one_line(seconds: float) -> None:
    with pytest.raises(UsageError, match=rf"^--watch {seconds:g}: expected 0\.1 to") as excinfo:
        watch.repeat(lambda: None, seconds)
    assert "\n" not in str(excinfo.value)


@pytest.mark.parametrize(
    ("height", "expected"),
    [(4, "b c d talk"), (3, "b … 2 lines more talk"), (2, "… 3 lines more talk")],
)
def test_no_more_is_drawn_than_the_terminal_holds(height: int, expected: str) -> None:
    assert (
        " ".join(watch.fit_lines(watch.CapturedOutput("b\nc\nd\n", "talk\n"), height)) == expected
    )


COMMANDS = (
    "status",
    "clips list",
    "clips list stage:cut",
    "review stats",
    "models list",
    "flows list",
    "triggers timeline",
)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_twin_watches_what_it_shows_without(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples.filled(tmp_path / "home").close()
    monkeypatch.setattr(snapshot_reader, "SnapshotReader", Stopped)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setenv("PREFECT_PROFILES_PATH", str(tmp_path / "none.toml"))

    def run(*options: str) -> Result:
        monkeypatch.setattr(time, "sleep", Turns(2))
        place = ["--home", str(tmp_path / "home")]
        result = CliRunner().invoke(app, [*name.split(), *place, *options])
        assert result.exit_code == 0, result.output
        return result

    once, again = run(), run("--watch", "1")
    assert (again.stdout.rstrip(), again.stderr) == (once.stdout.rstrip(), once.stderr)
    (line,) = run("--watch", "1", "--json").stdout.splitlines()
    assert json.loads(line) == json.loads(run("--json").stdout)


class Stopped(snapshot_reader.SnapshotReader):
    """At noon, whatever the clock."""

    def __init__(self, home: Path, goals: Goals | None = None, *_: object) -> None:
        super().__init__(home, goals, lambda: samples.NOON)


class Turns:
    """A clock that does not wait, and presses Ctrl-C after some turns."""

    def __init__(self, turns: int) -> None:
        self.left = turns

    def __call__(self, seconds: float) -> None:
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


def test_without_it_a_command_is_drawn_once_and_trouble_ends_it() -> None:
    def draw() -> None:
        raise Unavailable("gone")

    with pytest.raises(Unavailable):
        watch.repeat(draw, None)


def test_on_a_terminal_status_is_drawn_in_place_until_ctrl_c(tmp_path: Path) -> None:
    samples.furnish(tmp_path)
    (tmp_path / "models" / "m1" / "card.json").unlink()
    master, slave = pty.openpty()
    call = [sys.executable, "-m", "oneclick", "status", "--watch", "0.2", "--home", str(tmp_path)]
    process = subprocess.Popen(
        call, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
    )
    os.close(slave)
    screen = _read(master, b"\x1b[J")
    os.killpg(process.pid, signal.SIGINT)
    rest = _read(master, b"\x1b[?1049l")
    rest_of_screen = rest.split(b"\x1b[?1049l", 1)[1]
    if b"IN_REVIEW 1" not in rest_of_screen:  # read before the process is gone: then it may be lost
        rest_of_screen += _read(master, b"IN_REVIEW 1")
    assert process.wait(HANG_SECONDS) == 0
    os.close(master)
    assert b"\x1b[?1049h" in screen
    assert b"IN_REVIEW 1" in screen
    assert b"Traceback" not in screen + rest
    assert b"IN_REVIEW 1" in rest_of_screen  # what was seen last stays


def _read(master: int, until: bytes) -> bytes:
    """What a terminal gets, up to and with `until`."""
    content, deadline = b"", time.monotonic() + HANG_SECONDS
    while until not in content:
        assert time.monotonic() < deadline, content
        if select.select([master], [], [], 0.1)[0]:
            try:
                content += os.read(master, 65536)
            except OSError:  # the other end is closed
                break
    return content

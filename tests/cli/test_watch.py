"""`--watch`: drawn again where it changed, and left in peace by Ctrl-C."""

from __future__ import annotations

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

from oneclick.cli import watch
from oneclick.core.errors import Unavailable
from tests.io import catalog_samples as samples


def test_only_changes_are_printed_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    texts = iter(["a", "a", "b", "b", "a"])
    watch.watched(lambda: typer.echo(next(texts)), 0.001, iter(range(5)))
    assert capsys.readouterr().out == "a\n\nb\n\na\n\n"


def test_a_document_of_json_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    watch.watched(lambda: typer.echo('{\n  "a": "ü"\n}'), 0.001, iter(range(2)))
    assert capsys.readouterr().out == '{"a": "ü"}\n'


def test_trouble_is_shown_and_passes(capsys: pytest.CaptureFixture[str]) -> None:
    answers = iter([Unavailable("the catalog is held by another process"), None])

    def draw() -> None:
        if error := next(answers):
            raise error
        typer.echo("fine")

    watch.watched(draw, 0.001, iter(range(2)))
    said = capsys.readouterr().out
    assert said == "oneclick: the catalog is held by another process\n\nfine\n\n"


def test_without_it_a_command_is_drawn_once_and_trouble_ends_it() -> None:
    def draw() -> None:
        raise Unavailable("gone")

    with pytest.raises(Unavailable):
        watch.watched(draw, None)


def test_on_a_terminal_status_is_drawn_in_place_until_ctrl_c(tmp_path: Path) -> None:
    samples.furnish(tmp_path)
    (tmp_path / "models" / "m1" / "card.json").unlink()
    master, slave = pty.openpty()
    call = [sys.executable, "-m", "oneclick", "status", "--watch", "0.2", "--home", str(tmp_path)]
    process = subprocess.Popen(
        call, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
    )
    os.close(slave)
    seen = _read(master, b"\x1b[J", 30)
    os.killpg(process.pid, signal.SIGINT)
    rest = _read(master, b"\x1b[?1049l", 10)
    assert process.wait(10) == 0
    os.close(master)
    assert b"\x1b[?1049h" in seen
    assert b"IN_REVIEW 1" in seen
    assert b"Traceback" not in seen + rest


def _read(master: int, until: bytes, seconds: float) -> bytes:
    """What a terminal gets, up to and with `until`."""
    seen, deadline = b"", time.monotonic() + seconds
    while until not in seen:
        assert time.monotonic() < deadline, seen
        if select.select([master], [], [], 0.1)[0]:
            try:
                seen += os.read(master, 65536)
            except OSError:  # the other end is closed
                break
    return seen

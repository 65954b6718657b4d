"""`--watch`: the same output again and again, drawn only where it changed."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Annotated

import typer

from oneclick.core.errors import OneclickError, UsageError

SHORTEST, LONGEST = 0.1, 86_400.0
"""Seconds between two drawings."""

Watch = Annotated[
    float | None,
    typer.Option(
        "--watch",
        metavar="SECONDS",
        help="Draw again every so many seconds, until Ctrl-C.",
        show_default=False,
    ),
]


@dataclass(frozen=True)
class Frame:
    """One drawing."""

    data: str = ""
    """For stdout."""
    talk: str = ""
    """For stderr."""


def watched(
    draw: Callable[[], object], seconds: float | None, times: Iterator[object] | None = None
) -> None:
    """Call `draw`, once where `seconds` is None, else until Ctrl-C (or until `times` ends).

    What it prints is shown in place on a terminal, where the last of it stays in the end. Elsewhere
    every change on stdout is a block of its own, with a blank line after it, or one line if it is a
    JSON document. An error is said on stderr and waited out.

    Raises:
        UsageError: `seconds` is no time to wait, or as `draw`: waiting would not help.
    """
    if seconds is None:
        draw()
        return
    if not SHORTEST <= seconds <= LONGEST:  # NaN is not either
        raise UsageError(f"--watch {seconds:g}: expected {SHORTEST:g} to {LONGEST:,.0f} seconds")
    last, screen = Frame(), sys.stdout.isatty()
    with contextlib.suppress(KeyboardInterrupt), _screen(screen):
        for _ in times or iter(int, 1):
            frame = _drawn(draw, last)
            if frame != last:
                # Ctrl-C may come as soon as it is drawn: then this one is to stay.
                before, last = last, frame
                (_in_place if screen else _as_block)(frame, before)
            time.sleep(seconds)
    if screen:
        typer.echo(last.data, nl=False)


def _drawn(draw: Callable[[], object], last: Frame) -> Frame:
    """What `draw` prints; where it fails, the data of before and the reason."""
    data, talk = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(data), contextlib.redirect_stderr(talk):
            draw()
    except UsageError:
        raise
    except OneclickError as error:
        return replace(last, talk=f"oneclick: {error}\n")
    return Frame(data.getvalue(), talk.getvalue())


def _in_place(frame: Frame, _: Frame) -> None:
    lines = _fitting(frame, shutil.get_terminal_size().lines)
    # Home, every line to its end, then the rest of the screen: nothing flickers.
    sys.stdout.write("\x1b[H" + "\r\n".join(f"{line}\x1b[K" for line in lines) + "\x1b[J")
    sys.stdout.flush()


def _fitting(frame: Frame, height: int) -> list[str]:
    """As many lines as the terminal has; what is said of them has the last ones."""
    talk = frame.talk.splitlines()[: height - 1]
    data, room = frame.data.splitlines(), height - len(talk)
    if len(data) > room:
        data = [*data[: room - 1], f"… {len(data) - room + 1} lines more"]
    return data + talk


def _as_block(frame: Frame, last: Frame) -> None:
    if frame.data and frame.data != last.data:
        typer.echo(_line(frame.data) if frame.data.startswith(("{", "[")) else frame.data)
    if frame.talk != last.talk:
        typer.echo(frame.talk, err=True, nl=False)


def _line(document: str) -> str:
    """A JSON document in one line."""
    return json.dumps(json.loads(document), ensure_ascii=False)


@contextlib.contextmanager
def _screen(wanted: bool) -> Iterator[None]:
    """The terminal's other screen, so that what stood there comes back; it cuts long lines."""
    if not wanted:
        yield
        return
    sys.stdout.write("\x1b[?1049h\x1b[?25l\x1b[?7l")
    try:
        yield
    finally:
        sys.stdout.write("\x1b[?7h\x1b[?25h\x1b[?1049l")
        sys.stdout.flush()

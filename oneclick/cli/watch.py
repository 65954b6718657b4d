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

from oneclick.core import visible
from oneclick.core.errors import OneclickError, UsageError

SHORTEST, LONGEST = 0.1, 86_400.0
"""Limits of the seconds between two drawings."""

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
class CapturedOutput:
    """What one call of the drawing function printed, with hidden characters escaped by output."""

    data: str = ""
    """For stdout."""
    talk: str = ""
    """For stderr."""


def repeat(
    draw: Callable[[], object], seconds: float | None, times: Iterator[object] | None = None
) -> None:
    """Call `draw`, once where `seconds` is None, else until Ctrl-C (or until `times` ends).

    On a terminal its output is redrawn in place, and the last of it stays in the end. Elsewhere
    every change on stdout is a block of its own, with a blank line after it, or one line if it is a
    JSON document. An error is printed on stderr and the next call is waited for.

    Raises:
        UsageError: if `seconds` is out of range, or if `draw` raises it: waiting would not help.
    """
    if seconds is None:
        draw()
        return
    if not SHORTEST <= seconds <= LONGEST:  # NaN is not either
        raise UsageError(f"--watch {seconds:g}: expected {SHORTEST:g} to {LONGEST:,.0f} seconds")
    last, terminal = CapturedOutput(), sys.stdout.isatty()
    with contextlib.suppress(KeyboardInterrupt), alternate_screen(terminal):
        for _ in times or iter(int, 1):
            captured = capture(draw, last)
            if captured != last:
                # Ctrl-C may come as soon as it is drawn: then this one is to stay.
                before, last = last, captured
                if terminal:
                    redraw(captured)
                else:
                    print_changes(captured, before)
            time.sleep(seconds)
    if terminal:
        typer.echo(last.data, nl=False)


def capture(draw: Callable[[], object], last: CapturedOutput) -> CapturedOutput:
    """Return what `draw` prints; where it fails, the data of `last` and the reason.

    Raises:
        UsageError: as `draw`.
    """
    data, talk = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(data), contextlib.redirect_stderr(talk):
            draw()
    except UsageError:
        raise
    except OneclickError as error:
        return replace(last, talk=f"oneclick: {visible.line(str(error))}\n")
    return CapturedOutput(data.getvalue(), talk.getvalue())


def fit_lines(captured: CapturedOutput, height: int) -> list[str]:
    """Return at most `height` lines; those of stderr come last and are cut last."""
    talk = captured.talk.splitlines()[: height - 1]
    data, space = captured.data.splitlines(), height - len(talk)
    if len(data) > space:
        data = [*data[: space - 1], f"… {len(data) - space + 1} lines more"]
    return data + talk


def redraw(captured: CapturedOutput) -> None:
    """Draw over the previous output on the terminal, as many lines as fit."""
    lines = fit_lines(captured, shutil.get_terminal_size().lines)
    # Home, every line to its end, then the rest of the screen: nothing flickers.
    sys.stdout.write("\x1b[H" + "\r\n".join(f"{line}\x1b[K" for line in lines) + "\x1b[J")
    sys.stdout.flush()


def print_changes(captured: CapturedOutput, last: CapturedOutput) -> None:
    """Print what differs from `last`: a block of stdout, JSON in one line, messages on stderr."""
    from oneclick.storage import bounded_documents

    data = captured.data
    if data and data != last.data:
        if data.startswith(("{", "[")):
            with contextlib.suppress(bounded_documents.BrokenJson):  # a text that begins like it
                value: object = bounded_documents.parse_json(data)
                data = visible.json_text(json.dumps(value, ensure_ascii=False))
        typer.echo(data)
    if captured.talk != last.talk:
        typer.echo(captured.talk, err=True, nl=False)


@contextlib.contextmanager
def alternate_screen(enabled: bool) -> Iterator[None]:
    """Show the terminal's alternate screen, without cursor and line wrap, until the end.

    Does nothing unless `enabled`.
    """
    if not enabled:
        yield
        return
    sys.stdout.write("\x1b[?1049h\x1b[?25l\x1b[?7l")
    try:
        yield
    finally:
        sys.stdout.write("\x1b[?7h\x1b[?25h\x1b[?1049l")
        sys.stdout.flush()

"""`--watch`: the same output again and again, drawn only where it changed."""

from __future__ import annotations

import contextlib
import io
import sys
import time
from collections.abc import Callable, Iterator
from typing import Annotated

import typer

from oneclick.core.errors import OneclickError

Watch = Annotated[
    float | None,
    typer.Option("--watch", help="Draw again every so many seconds.", show_default=False, min=0.1),
]


def watched(
    draw: Callable[[], object], seconds: float | None, times: Iterator[object] | None = None
) -> None:
    """Call `draw`, once where `seconds` is None, else until Ctrl-C (or until `times` ends).

    What it prints on stdout is shown in place on a terminal; elsewhere every change is a block of
    its own, with a blank line after it. A JSON document becomes one line a change.
    """
    if seconds is None:
        draw()
        return
    before, screen = "", sys.stdout.isatty()
    with contextlib.suppress(KeyboardInterrupt), _screen(screen):
        for _ in times or iter(int, 1):
            with contextlib.redirect_stdout(io.StringIO()) as out:
                try:
                    draw()
                except OneclickError as error:  # it may pass
                    out.write(f"oneclick: {error}\n")
            if (text := out.getvalue()) != before:
                _show(text, screen)
                before = text
            time.sleep(seconds)


def _show(text: str, screen: bool) -> None:
    if screen:
        # Home, every line to its end, then the rest of the screen: nothing flickers.
        lines = "".join(f"{line}\x1b[K\r\n" for line in text.splitlines())
        sys.stdout.write(f"\x1b[H{lines}\x1b[J")
    elif text.startswith(("{", "[")):
        import json

        sys.stdout.write(json.dumps(json.loads(text), ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(text + "\n")
    sys.stdout.flush()


@contextlib.contextmanager
def _screen(wanted: bool) -> Iterator[None]:
    """The terminal's other screen, so that what stood there comes back."""
    if not wanted:
        yield
        return
    sys.stdout.write("\x1b[?1049h\x1b[?25l")
    try:
        yield
    finally:
        sys.stdout.write("\x1b[?25h\x1b[?1049l")
        sys.stdout.flush()

"""`oneclick tui`: the terminal UI."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from oneclick.cli import output


def tui(
    home: output.Home = None,
    readonly: Annotated[bool, typer.Option("--readonly", help="Change nothing.")] = False,
    snapshot: Annotated[
        str | None,
        typer.Option(help="Print one frame as `text` or `svg` and leave.", show_default=False),
    ] = None,
    screen: Annotated[str, typer.Option(help="The screen to begin with.")] = "pipeline",
    size: Annotated[str, typer.Option(help="Of the frame, columns x rows.")] = "120x40",
) -> None:
    """Open the terminal UI: what happens, what needs you, and the next action one key away."""
    from oneclick.core.errors import UsageError
    from oneclick.report import snapshot_reader
    from oneclick.tui import frame
    from oneclick.tui.app import Oneclick

    settings = output.load_settings(home)
    reader = snapshot_reader.SnapshotReader(settings.home, output.goals(settings))
    app = Oneclick(reader, settings.home, readonly)
    if snapshot is None:
        # Textual paints on stderr, so that stdout can be sent elsewhere.
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise UsageError("oneclick tui needs a terminal; --snapshot text prints one frame")
        app.run()
        return
    output.echo_block(
        frame.render(app, frame.parse_format(snapshot), frame.parse_size(size), screen)
    )

"""`oneclick status` and `oneclick doctor`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from oneclick.cli import output
from oneclick.cli import watch as watching

if TYPE_CHECKING:
    from oneclick.report.snapshot import Snapshot
    from oneclick.report.snapshot_reader import Reader


def status(
    home: output.Home = None, json: output.Json = False, watch: watching.Watch = None
) -> None:
    """Where clips stand, what the triggers found, what the model in service is worth."""
    from oneclick.report import snapshot_reader

    conf = output.settings(home)
    reader = snapshot_reader.Reader(conf.home, output.goals(conf))
    try:
        watching.watched(_Drawing(conf.home, reader, json), watch)
    finally:
        reader.close()


class _Drawing:
    """Keeps the Snapshot where nothing changed: its moment alone is no news."""

    def __init__(self, home: Path, reader: Reader, json: bool) -> None:
        self.home, self.reader, self.json = home, reader, json
        self.now: Snapshot | None = None

    def __call__(self) -> None:
        from oneclick import report
        from oneclick.cli import summary

        state = report.lap(self.home)
        self.now = now = self.reader.read() or self.now
        assert now is not None  # the first read finds something
        if self.json:
            output.show_json({**output.plain(state), "now": now})
        else:
            summary.show(state, now)


def doctor(home: output.Home = None, json: output.Json = False) -> None:
    """Check that this machine can do a lap; says what to do about each thing that is missing."""
    from oneclick.cli import checks

    findings = checks.all_checks(output.settings(home))
    if json:
        output.show_json(findings)
    else:
        output.table(
            ["", "check", "finding"],
            [["ok" if f.ok else "!!", f.name, f.detail] for f in findings],
        )
    if not all(f.ok for f in findings):
        raise typer.Exit(4)

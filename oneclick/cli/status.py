"""`oneclick status` and `oneclick doctor`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from oneclick.cli import output
from oneclick.cli import watch as watching

if TYPE_CHECKING:
    from oneclick.settings import Settings


def status(
    home: output.Home = None, json: output.Json = False, watch: watching.Watch = None
) -> None:
    """Where clips stand, what the triggers found, what the model in service is worth."""
    conf = output.settings(home)
    watching.watched(lambda: _status(conf, json), watch)


def _status(conf: Settings, json: bool) -> None:
    from oneclick import report
    from oneclick.cli import summary
    from oneclick.report import live

    state = report.lap(conf.home)
    now = live.read(conf.home, goals=output.goals(conf))
    if json:
        output.show_json({**output.plain(state), "now": now})
        return
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

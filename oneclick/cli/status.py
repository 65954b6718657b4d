"""`oneclick status` and `oneclick doctor`."""

from __future__ import annotations

import typer

from oneclick.cli import output


def status(home: output.Home = None, json: output.Json = False) -> None:
    """Where clips stand, what the triggers found, what the model in service is worth."""
    from oneclick import report
    from oneclick.cli import summary
    from oneclick.report import live

    conf = output.settings(home)
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

"""`oneclick status` and `oneclick doctor`."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import typer

from oneclick.cli import output
from oneclick.cli import watch as watching
from oneclick.core.errors import BadInput

if TYPE_CHECKING:
    from oneclick.report import EdgeCameraRow
    from oneclick.report.snapshot import Snapshot


def status(
    home: output.Home = None, json: output.Json = False, watch: watching.Watch = None
) -> None:
    """Show where clips stand, what the triggers found, and how good the model in service is."""
    from oneclick import report
    from oneclick.cli import summary
    from oneclick.report import snapshot_reader

    settings = output.load_settings(home)
    reader = snapshot_reader.SnapshotReader(settings.home, output.goals(settings))
    snapshot: Snapshot | None = None

    def draw() -> None:
        nonlocal snapshot
        state = report.lap_summary(settings.home)
        # Where nothing changed the last Snapshot is drawn again: a later time alone is no change.
        snapshot = reader.read() or snapshot
        assert snapshot is not None  # the first read always returns one
        edge_rows: list[EdgeCameraRow] = []
        with suppress(BadInput):  # `edge list` and `doctor` say what is broken
            edge_rows = report.edge_cameras(settings.home)
        live_rows = [row for row in report.camera_figures(settings.home, None) if row.live]
        if json:
            edge = {"edge": edge_rows} if edge_rows else {}
            live = {"live": [row.live for row in live_rows]} if live_rows else {}
            output.print_json({**output.jsonable(state), "now": snapshot, **live, **edge})
        else:
            summary.print_lap(state, snapshot)
            if live_rows:
                summary.print_live(live_rows)
            if edge_rows:
                summary.print_edge(edge_rows)

    try:
        watching.repeat(draw, watch)
    finally:
        reader.close()


def doctor(home: output.Home = None, json: output.Json = False) -> None:
    """Check whether this machine can run a lap, and print a remedy for whatever is missing."""
    from oneclick.cli import checks

    results = checks.run_checks(output.load_settings(home))
    if json:
        output.print_json(results)
    else:
        output.print_table(
            ["", "check", "finding"],
            [["ok" if r.ok else "!!", r.name, r.detail] for r in results],
        )
    if not all(r.ok for r in results):
        raise typer.Exit(4)

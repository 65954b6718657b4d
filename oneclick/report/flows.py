"""Flow runs of the catalog and of the Prefect server as one list."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from oneclick.catalog import Catalog, run_owners
from oneclick.catalog.rows import FlowRunRecord
from oneclick.report.snapshot import FlowRunRow
from oneclick.services.prefect_api import PrefectFlowRun, PrefectServer

LONG_AGO = datetime.min.replace(tzinfo=UTC)


def runs(home: Path, server: PrefectServer | None = None, limit: int = 60) -> list[FlowRunRow]:
    """List flow runs, newest first; the state is the server's where it knows the run too.

    Raises:
        Unavailable: the catalog, or the server, does not answer.
    """
    with Catalog.open(home, readonly=True) as catalog:
        dead = run_owners.dead_runs(home)
        rows = {record.id: run_row(record, dead) for record in catalog.runs(limit)}
    for run in server.runs(limit) if server else ():
        rows[run.id] = merge_run(rows.get(run.id), run)
    return sorted(rows.values(), key=lambda row: row.started or LONG_AGO, reverse=True)[:limit]


def run_row(record: FlowRunRecord, dead: Collection[str]) -> FlowRunRow:
    """Return a row of the catalog; an unfinished run in `dead`, the killed ones, has crashed."""
    crashed = record.ended is None and record.id in dead
    return FlowRunRow(
        id=record.id,
        flow=record.flow,
        state=run_owners.STATE if crashed else record.state,
        started=record.started,
        ended=record.ended,
        detail=run_owners.DETAIL if crashed else record.detail,
        progress=None if crashed else record.progress,
    )


def merge_run(row: FlowRunRow | None, run: PrefectFlowRun) -> FlowRunRow:
    """Update a row of the catalog, if there is one, with what the server knows of the run."""
    if row is None:
        return FlowRunRow(
            id=run.id,
            flow=run.flow,
            state=run.state,
            started=run.started,
            ended=run.ended,
            detail=run.message,
        )
    ended = run.ended or row.ended
    return replace(
        row,
        state=run.state,
        ended=ended,
        detail=row.detail or run.message,
        progress=None if ended else row.progress,
    )

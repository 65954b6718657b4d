"""Flow runs of the catalog and of the server as one list."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from oneclick.catalog import Catalog
from oneclick.report.snapshot import RunNow
from oneclick.services.prefect_api import Orchestrator, ServerRun

LONG_AGO = datetime.min.replace(tzinfo=UTC)


def runs(home: Path, server: Orchestrator | None = None, limit: int = 60) -> list[RunNow]:
    """Flow runs, newest first; where a server knows a run too, its word on the state counts.

    Raises:
        Unavailable: the catalog, or the server, does not answer.
    """
    with Catalog.open(home, readonly=True) as catalog:
        found = {
            row.id: RunNow(
                row.id, row.flow, row.state, row.started, row.ended, row.detail, row.progress
            )
            for row in catalog.runs(limit)
        }
    for run in server.runs(limit) if server else ():
        known = found.get(run.id)
        found[run.id] = _merged(known, run) if known else _of(run)
    return sorted(found.values(), key=lambda run: run.started or LONG_AGO, reverse=True)[:limit]


def _of(run: ServerRun) -> RunNow:
    return RunNow(run.id, run.flow, run.state, run.started, run.ended, run.message)


def _merged(known: RunNow, run: ServerRun) -> RunNow:
    ended = run.ended or known.ended
    share = None if ended else known.progress
    detail = known.detail or run.message
    return replace(known, state=run.state, ended=ended, detail=detail, progress=share)

"""The process of one search: `python -m oneclick.web.search.worker HOME ID`.

It gives way to everything else on the machine, and ends with its parent, even a killed one.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from oneclick.core.errors import OneclickError
from oneclick.core.regions import Region
from oneclick.stages import region_search
from oneclick.stages.region_search import RegionQuery
from oneclick.storage import failure_log, searches
from oneclick.storage.searches import SearchRecord, SearchStatus
from oneclick.storage.workspace import Workspace

NICENESS = 15
SAVE_SECONDS = 0.5
"""The file is written this often at most; where nothing was found, less often."""
QUIET_SECONDS = 2.0


def run(workspace: Workspace, name: str) -> SearchRecord:
    """Run a search to its end, which may be a failure, and return its record.

    Raises:
        UnknownName, BadInput: there is no such search, or its file is broken.
        NoSpace, Unavailable: what it finds cannot be stored.
    """
    record = msgspec.structs.replace(searches.load(workspace, name), status="running")
    searches.save(workspace, record)
    try:
        for news in _follow(workspace, record):
            searches.save(workspace, news)
            record = news
    except Exception as error:
        is_ours = isinstance(error, OneclickError)
        line = str(error) if is_ours else failure_log.record(workspace, name, "search", error)
        record = msgspec.structs.replace(record, status="failed", reason=line)
        searches.save(workspace, record)
    return record


def query_of(record: SearchRecord) -> RegionQuery:
    """Return what is looked for, as the command line would."""
    return RegionQuery(
        camera=record.camera,
        region=Region(*record.region),
        since=record.since,
        until=record.until,
        evidence=record.evidence,
    )


def _follow(workspace: Workspace, record: SearchRecord) -> Iterator[SearchRecord]:
    """Yield the record when there is news of the search; the last one has ended."""
    saved_at, is_told = time.monotonic(), True
    status: SearchStatus = "complete"
    reason = ""
    for news in region_search.follow_search(workspace.home, query_of(record)):
        record = msgspec.structs.replace(
            record,
            share=news.share,
            seconds=news.seconds,
            moments=(*record.moments, *news.moments)[: searches.MOST_MOMENTS],
            failed=dict(news.failed),
        )
        if searches.is_cancelled(workspace, record.id):
            status = "cancelled"
            break
        if len(record.moments) == searches.MOST_MOMENTS:
            reason = f"it ended at {searches.MOST_MOMENTS} moments: choose a shorter time"
            break
        is_told = is_told and not news.moments
        if time.monotonic() - saved_at > (QUIET_SECONDS if is_told else SAVE_SECONDS):
            saved_at, is_told = time.monotonic(), True
            yield record
    yield msgspec.structs.replace(record, status=status, reason=reason)


def _end_with_parent() -> None:
    """Wait for the end of the pipe from the server, and end at once: all writes are atomic."""
    while os.read(0, 1024):  # not sys.stdin: its lock would abort the interpreter at its end
        pass
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    run(Workspace(Path(sys.argv[1])), sys.argv[2])

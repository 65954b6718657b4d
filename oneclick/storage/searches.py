"""Searches of stored video that somebody started on a page: `searches/<id>.json` and its marks.

searches/<id>.json      what is looked for, how far the search is, and what it found; written whole
searches/<id>.lock      locked by the server that runs the search, for as long as it does
searches/<id>.cancel    somebody wants it to end

A server that is killed frees the lock: whoever reads a search that has not ended, and is not
locked, knows that it was interrupted. Searches can be started again, and are in no backup.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection
from contextlib import ExitStack
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Literal

import msgspec

from oneclick.core.errors import BadInput, Unavailable, UnknownName
from oneclick.core.moments import Evidence, Moment
from oneclick.storage import files, locks
from oneclick.storage.workspace import Workspace

SearchStatus = Literal["waiting", "running", "complete", "cancelled", "failed", "interrupted"]
OPEN: tuple[SearchStatus, ...] = ("waiting", "running")
MOST_MOMENTS = 2000
"""Moments that a search may find: it ends with them, and a shorter time shows the rest."""
KEEP = timedelta(days=30)
MOST_KEPT = 500
_ID = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{16}")


class SearchRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A search through the recordings of a camera, with its state and result."""

    id: str
    camera: str
    region: tuple[float, float, float, float]
    """Left, top, right and bottom in shares of the picture."""
    evidence: tuple[Evidence, ...]
    since: datetime | None = None
    until: datetime | None = None
    by: str
    at: datetime
    """When it was asked for, UTC."""
    status: SearchStatus = "waiting"
    share: float = 0.0
    """Of the work that is done, 0 to 1."""
    seconds: float = 0.0
    """Video that is searched in all."""
    moments: tuple[Moment, ...] = ()
    """In the order in which they were found."""
    failed: dict[str, str] = {}
    """One-line reason by recording and kind."""
    reason: str = ""
    """Why it failed, or ended early."""

    @property
    def is_open(self) -> bool:
        """Check whether it waits or runs."""
        return self.status in OPEN


def search_id(camera: str, by: str, at: datetime, key: str) -> str:
    """Return the id of a search; `key` is of the request, so that doing it twice searches once."""
    text = f"{camera}|{by}|{key}"
    return f"{at:%Y%m%dT%H%M%SZ}-{sha256(text.encode()).hexdigest()[:16]}"


def find_by_key(workspace: Workspace, camera: str, by: str, key: str) -> str | None:
    """Return the id of the search that a request with this key started, if it is there."""
    end = search_id(camera, by, datetime.min, key).rsplit("-", 1)[1]
    return next((name for name in names(workspace) if name.endswith(f"-{end}")), None)


def names(workspace: Workspace) -> list[str]:
    """Return the ids of all searches, the newest first."""
    stems = (name.removesuffix(".json") for name in files.json_names(workspace.searches_dir))
    return sorted(filter(_ID.fullmatch, stems), reverse=True)


def save(workspace: Workspace, record: SearchRecord) -> None:
    """Write a search atomically. Raises NoSpace or Unavailable."""
    files.write_json(workspace.searches_dir / f"{record.id}.json", record)


def load(workspace: Workspace, name: str) -> SearchRecord:
    """Read a search; one whose server is gone is `interrupted`.

    Raises:
        UnknownName: there is no such search.
        BadInput: its file is broken.
    """
    path = workspace.searches_dir / f"{name}.json"
    if not _ID.fullmatch(name) or not path.exists():
        raise UnknownName("search", name, [])
    record: SearchRecord = files.read_json(path, SearchRecord)
    if not record.is_open or _is_locked(workspace, name):
        return record
    record = files.read_json(path, SearchRecord)  # it may have ended in between
    return msgspec.structs.replace(record, status="interrupted") if record.is_open else record


def all_of(workspace: Workspace, camera: str, by: str | None = None) -> list[SearchRecord]:
    """Return the searches on a camera, of one person or of all, the newest first."""
    records = []
    for name in names(workspace):
        with contextlib.suppress(UnknownName, BadInput):
            record = load(workspace, name)
            if record.camera == camera and by in (None, record.by):
                records.append(record)
    return records


def hold(workspace: Workspace, name: str) -> ExitStack:
    """Lock a search for as long as it waits or runs.

    Raises:
        Unavailable: it is locked, or the folder cannot be written. NoSpace: the device is full.
    """
    stack = ExitStack()
    stack.enter_context(locks.file_lock(workspace.searches_dir / f"{name}.lock", wait=False))
    return stack


def cancel(workspace: Workspace, name: str) -> None:
    """Mark a search to be ended by whoever runs it. Raises NoSpace or Unavailable."""
    files.write_atomic(workspace.searches_dir / f"{name}.cancel", b"")


def is_cancelled(workspace: Workspace, name: str) -> bool:
    """Check whether somebody wants a search to end."""
    return (workspace.searches_dir / f"{name}.cancel").exists()


def forget_old(workspace: Workspace, now: datetime, busy: Collection[str] = ()) -> None:
    """Remove searches that were asked for long ago, or are too many; those in `busy` stay."""
    least = f"{now - KEEP:%Y%m%dT%H%M%SZ}"
    for number, name in enumerate(names(workspace)):
        if name in busy or (number < MOST_KEPT and name > least) or _is_locked(workspace, name):
            continue
        for suffix in ("json", "cancel", "lock"):
            with contextlib.suppress(OSError):
                (workspace.searches_dir / f"{name}.{suffix}").unlink(missing_ok=True)


def _is_locked(workspace: Workspace, name: str) -> bool:
    """Check whether a server runs the search."""
    if not (workspace.searches_dir / f"{name}.lock").exists():
        return False
    try:
        hold(workspace, name).close()
    except Unavailable:
        return True
    return False

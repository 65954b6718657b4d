"""Where the review pages of a workspace are served now, for other programs of this machine."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from oneclick.core.errors import Unavailable
from oneclick.services import prefect_access
from oneclick.storage import files, locks
from oneclick.storage.bounded_documents import BrokenJson, parse_json
from oneclick.storage.locks import WriteLock
from oneclick.storage.workspace import Workspace

LOCK_ATTEMPTS = 5
"""Other programs look for an instant whether the lock is held."""
_PAGE = """<!doctype html><meta charset="utf-8"><meta name="referrer" content="no-referrer">
<title>oneclick</title><script>location.replace({address})</script>
"""


class ReviewServer(msgspec.Struct, frozen=True, kw_only=True):
    """What `oneclick review serve` records of itself."""

    pid: int
    machine: str
    """Its host name and network: only there is 127.0.0.1 the same."""
    url: str


@contextlib.contextmanager
def announced(workspace: Workspace, url: str) -> Iterator[None]:
    """Record the address while the pages are served; one server has a workspace.

    Raises:
        Unavailable: another one serves it, or the record cannot be written.
    """
    record = ReviewServer(pid=os.getpid(), machine=prefect_access.this_machine(), url=url)
    with contextlib.ExitStack() as stack:
        for attempt in reversed(range(LOCK_ATTEMPTS)):
            try:
                stack.enter_context(locks.hold(workspace, WriteLock.REVIEW_PAGES, wait=False))
                break
            except Unavailable:
                other = _read(workspace)
                if attempt:
                    time.sleep(0.2)
                elif other is None:
                    raise
                else:
                    raise Unavailable(
                        f"the review pages of {workspace.home} are served already: process "
                        f"{other.pid}, {other.url}; end it with Ctrl-C first"
                    ) from None
        stack.callback(_record_file(workspace).unlink, missing_ok=True)
        write_private(_record_file(workspace), msgspec.json.encode(record).decode())
        yield


def find_running(workspace: Workspace) -> str | None:
    """Return the address of the review pages that this machine serves, or None.

    What a killed server left is ignored: somebody else may have its port now.
    """
    record = _read(workspace)
    if record is None or record.machine != prefect_access.this_machine():
        return None
    path = workspace.locks_dir / WriteLock.REVIEW_PAGES.value
    try:
        with locks.file_lock(path, wait=False):
            return None
    except Unavailable:
        return record.url


def write_opener(workspace: Workspace, address: str) -> Path:
    """Write a page of its owner alone that leads to an address, and return its path.

    A one-time link must not stand among the arguments of a browser, which all users can list.
    """
    path = workspace.pages_dir / f"open-{secrets.token_hex(8)}.html"
    write_private(path, _PAGE.format(address=json.dumps(address)))
    return path


def write_private(path: Path, text: str) -> None:
    """Write a file of its owner alone, in a folder of the owner alone.

    Raises:
        Unavailable, NoSpace: it cannot be written.
    """
    prefect_access.make_private(path.parent)
    with files.atomic_file(path) as temporary, files.guard(path):
        temporary.touch(0o600)
        temporary.write_text(text, "utf-8")


def _record_file(workspace: Workspace) -> Path:
    return workspace.pages_dir / "server.json"


def _read(workspace: Workspace) -> ReviewServer | None:
    try:
        return parse_json(_record_file(workspace).read_bytes(), ReviewServer)
    except (OSError, BrokenJson):
        return None

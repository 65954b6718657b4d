"""The searches of one running server: a few at once beside it, the others wait."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime

import msgspec

from oneclick.core.errors import BadInput, OneclickError, UnknownName
from oneclick.storage import searches
from oneclick.storage.searches import SearchRecord
from oneclick.storage.workspace import Workspace
from oneclick.web.refusals import Refused

MOST_RUNNING = 2
MOST_OF_PERSON = 3
"""Searches of one person that wait or run."""
MOST_OPEN = 12
"""Searches of everybody that wait or run."""
CANCEL_SECONDS = 10.0
"""A process that does not end by itself in this time is killed."""
STOP_SECONDS = 3.0
_LOG = logging.getLogger(__name__)
Runner = Callable[[Workspace, str, threading.Event], None]
"""Runs the search of this id until it has ended, or the event is set."""


def run_process(workspace: Workspace, name: str, is_over: threading.Event) -> None:
    """Run a search in a process of its own."""
    child = subprocess.Popen(
        [sys.executable, "-m", "oneclick.web.search.worker", str(workspace.home), name],
        stdin=subprocess.PIPE,  # it reads the end of this pipe when its parent is gone
        stdout=subprocess.DEVNULL,
    )
    cancelled_at = 0.0
    with child:
        while child.poll() is None:
            if not cancelled_at and searches.is_cancelled(workspace, name):
                cancelled_at = time.monotonic()
            if is_over.wait(0.1) or (
                cancelled_at and time.monotonic() - cancelled_at > CANCEL_SECONDS
            ):
                child.kill()
                child.wait()


class SearchDesk:
    """Starts searches, and knows those that wait or run here.

    Args:
        workspace: that is searched.
        clock: returns the current time, timezone-aware.
        runner: runs one search.
    """

    def __init__(
        self, workspace: Workspace, clock: Callable[[], datetime], runner: Runner = run_process
    ) -> None:
        self._workspace, self._clock, self._runner = workspace, clock, runner
        self._pool = ThreadPoolExecutor(MOST_RUNNING, "search")
        self._lock, self._is_over = threading.Lock(), threading.Event()
        self._owners: dict[str, str] = {}

    def stop(self) -> None:
        """End all searches: they are interrupted, and can be started again."""
        self._is_over.set()
        self._pool.shutdown()

    def start(self, record: SearchRecord, key: str) -> SearchRecord:
        """Start a search, or return the one that the same request started before.

        Args:
            record: what is looked for; its id is given here.
            key: of the request.

        Raises:
            Refused: 429: the person, or everybody, has as many as may be.
            NoSpace, Unavailable: it cannot be written.
        """
        workspace = self._workspace
        with self._lock:
            before = searches.find_by_key(workspace, record.camera, record.by, key)
            if before is not None:
                return searches.load(workspace, before)
            if list(self._owners.values()).count(record.by) >= MOST_OF_PERSON:
                text = f"{MOST_OF_PERSON} searches of yours wait or run: cancel one, or let it end"
                raise Refused(429, text, retry_after=30)
            if len(self._owners) >= MOST_OPEN:
                raise Refused(429, "too many searches wait: try again later", retry_after=60)
            searches.forget_old(workspace, self._clock(), self._owners)
            name = searches.search_id(record.camera, record.by, self._clock(), key)
            record = msgspec.structs.replace(record, id=name, at=self._clock())
            stack = searches.hold(workspace, name)
            self._owners[name] = record.by
            try:
                searches.save(workspace, record)
                self._pool.submit(self._work, name, stack)
            except BaseException:
                self._owners.pop(name, None)
                stack.close()
                raise
        return record

    def _work(self, name: str, stack: ExitStack) -> None:
        """Run a search, and say how it ended where its process did not."""
        with stack:
            try:
                if not self._is_over.is_set() and not searches.is_cancelled(self._workspace, name):
                    self._runner(self._workspace, name, self._is_over)
                if not self._is_over.is_set():
                    self._finish(name)
            except (UnknownName, BadInput):  # somebody removed it
                pass
            except OneclickError as error:
                _LOG.warning("search %s: %s", name, error)
            finally:
                self._owners.pop(name, None)

    def _finish(self, name: str) -> None:
        record = searches.load(self._workspace, name)
        if not record.is_open:
            return
        if searches.is_cancelled(self._workspace, name):
            record = msgspec.structs.replace(record, status="cancelled")
        else:
            text = "its process ended without a word: see the server's log"
            record = msgspec.structs.replace(record, status="failed", reason=text)
        searches.save(self._workspace, record)

"""Stages that write take turns: each waits for whoever does the same kind of write."""

from __future__ import annotations

import fcntl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from oneclick.catalog import Catalog, rebuild, reconcile
from oneclick.core.errors import Unavailable
from oneclick.stages import erase, exclude, maintain, publish, reopen, review, trigger
from oneclick.storage import locks, model_registry
from oneclick.storage.locks import WriteLock
from oneclick.storage.workspace import Workspace

ACTS: dict[str, tuple[WriteLock, Callable[[Path], object]]] = {
    "collect": (WriteLock.REVIEW, review.collect),
    "collect our own": (WriteLock.REVIEW, review.collect_own),
    "reopen": (WriteLock.REVIEW, lambda home: reopen.reopen(home, "x", "lea", "why")),
    "erase": (WriteLock.REVIEW, lambda home: erase.erase(home, ["x"], review.LOCAL, "lea")),
    "publish": (WriteLock.PUBLISH, lambda home: publish.publish(home, [], "", ("person",))),
    "exclude": (WriteLock.PUBLISH, lambda home: exclude.exclude(home, ["x"], "why")),
    "include": (WriteLock.PUBLISH, lambda home: exclude.include(home, ["x"])),
    "select": (WriteLock.SELECTION, lambda home: trigger.trigger(home, "opencv:motion")),
    "maintain": (WriteLock.MAINTENANCE, lambda home: maintain.maintain(home, 30)),
    "roll back": (WriteLock.CHAMPION, lambda home: model_registry.rollback(Workspace(home))),
    "reconcile": (WriteLock.REBUILD, reconcile.bring_up_to_date),
    "rebuild": (WriteLock.REBUILD, rebuild.rebuild),
}


@pytest.mark.parametrize("act", ACTS)
def test_who_writes_waits_for_who_writes_the_same(
    act: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, function = ACTS[act]
    Catalog.open(tmp_path).close()
    flock = fcntl.flock
    # Whoever would wait is told at once.
    monkeypatch.setattr(fcntl, "flock", lambda file, kind: flock(file, kind | fcntl.LOCK_NB))
    with ThreadPoolExecutor(1) as other, locks.hold(Workspace(tmp_path), lock):
        writing = other.submit(function, tmp_path)
        with pytest.raises(Unavailable, match=f"holds the lock '{lock.value}'"):
            writing.result()

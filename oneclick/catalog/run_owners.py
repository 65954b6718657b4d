"""The process of each unfinished flow run, so that a killed one is not shown as running for ever.

While a run lasts, the file `<home>/.prefect/runs/<id>` holds the owner of its process.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from oneclick.catalog import owners
from oneclick.storage import files

STATE = "Crashed"
"""State of a run whose process is gone, as Prefect calls it."""
DETAIL = "its process is gone"


def add(home: Path, run_id: str) -> None:
    """Record that a run belongs to this process.

    Raises:
        Unavailable, NoSpace: the file cannot be written.
    """
    folder = _folder(home)
    with files.guard(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    files.write_atomic(folder / run_id, owners.owner_id())


def remove(home: Path, run_id: str) -> None:
    """Forget the process of a run that has ended."""
    (_folder(home) / run_id).unlink(missing_ok=True)


def dead_runs(home: Path) -> frozenset[str]:
    """Return the ids of unfinished runs whose process on this host has certainly ended."""
    try:
        paths = list(_folder(home).iterdir())
    except OSError:  # none yet, or somebody else's folder
        return frozenset()
    dead = set()
    for path in paths:
        with contextlib.suppress(OSError, UnicodeDecodeError):  # a run that ends right now
            if owners.is_dead(path.read_text("utf-8")):
                dead.add(path.name)
    return frozenset(dead)


def _folder(home: Path) -> Path:
    return home / ".prefect" / "runs"

"""A workspace that nobody else works in: whoever puts another in its place must be alone."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from oneclick.catalog.catalog import Catalog
from oneclick.core.errors import BadInput, Unavailable
from oneclick.storage import locks
from oneclick.storage.workspace import Workspace


@contextlib.contextmanager
def alone(workspace: Workspace) -> Iterator[None]:
    """Hold every lock of a workspace, in which nobody holds a lease.

    Where the catalog is lost or broken nobody can be asked for leases.

    Raises:
        Unavailable: somebody works in it, or the folder cannot be written.
        NoSpace: no space for the lock files.
    """
    with contextlib.ExitStack() as stack:
        for lock in locks.WriteLock:
            stack.enter_context(locks.hold(workspace, lock, wait=False))
        if workspace.catalog_file.exists():
            with (
                contextlib.suppress(BadInput),
                Catalog.open(workspace.home, readonly=True) as catalog,
            ):
                check_idle(catalog)
        yield


def check_idle(catalog: Catalog) -> None:
    """Raise Unavailable where somebody works on clips: the lease would be forgotten."""
    for owner, clips in catalog.holders().items():
        raise Unavailable(f"{owner} works on {clips} clips now: let it end, then run again")

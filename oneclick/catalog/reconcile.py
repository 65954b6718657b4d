"""What the files tell and the catalog does not know, taken in at the start of every pass."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from oneclick.catalog import generations
from oneclick.catalog.catalog import Catalog
from oneclick.catalog.filler import CatalogFiller
from oneclick.storage import locks
from oneclick.storage.locks import WriteLock

BY = "reconcile"


@dataclass(frozen=True)
class Reconciliation:
    """What a look at the files brought."""

    additions: list[str]
    """Names of what the catalog lacked."""
    problems: list[str]
    """A sentence about each broken file, which was left out."""


def reconcile(catalog: Catalog, thorough: bool = False) -> Reconciliation:
    """Take in cards, archived verdicts and manifests that the catalog lacks.

    Verdicts that were acknowledged, clips that were cut and versions that were published are so
    found again after a power cut, or when an older copy of the catalog was put back.

    Args:
        catalog: open for writing.
        thorough: compare the labels of every clip too.
    """
    workspace = catalog.workspace
    with locks.hold(workspace, WriteLock.REBUILD), catalog.transaction() as connection:
        filler = CatalogFiller(catalog, BY)
        filler.fill(thorough or catalog.is_behind)
        generation = generations.read(connection)
    if catalog.is_behind:
        generations.record(workspace, generation)
        catalog.is_behind = False
    return Reconciliation(filler.additions, filler.problems)


def bring_up_to_date(home: Path) -> Reconciliation:
    """Open the catalog of a workspace and reconcile it, as each pass does first."""
    with Catalog.open(home) as catalog:
        return reconcile(catalog)

"""Calibrate: what reviewers found → how far each set of triggers is to be believed."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from oneclick.io import calibration, reviewed
from oneclick.io.calibration import Learned
from oneclick.io.catalog import Catalog
from oneclick.io.reviewed import Reviewed
from oneclick.io.workspace import Workspace
from oneclick.triggers import calibrate as rules
from oneclick.triggers.calibrate import Fired, Tally


def calibrate(home: Path) -> Learned:
    """Learn anew from all clips that people reviewed, and write it for the next look.

    Raises:
        NoSpace, Unavailable: if the disk or the catalog refuses.
    """
    workspace = Workspace(home)
    parts: dict[str, list[dict[Fired, Tally]]] = defaultdict(list)
    with Catalog.open(home) as catalog:
        for one in reviewed.each(workspace, catalog):
            parts[one.look.pair].append(_tallies(one))
    learned = Learned({pair: rules.merged(found) for pair, found in parts.items()})
    calibration.save(workspace, learned)
    return learned


def _tallies(one: Reviewed) -> dict[Fired, Tally]:
    found = rules.objects(one.hits, one.sure.length)
    return rules.learn(rules.events(found, rules.mistakes(one.sure, one.truth)))

"""`learned/calibration.json`: what reviews have taught about the triggers.

How often a model was wrong where they fired, by pair of models, and their shares of the budget.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from oneclick.storage import files
from oneclick.storage.workspace import Workspace
from oneclick.triggers import calibrate, priors
from oneclick.triggers.calibrate import Calibration, Fired, Tally

JOIN = "+"
"""Between the names of triggers that fired together."""

Tallies = dict[str, tuple[int, int]]


class _File(msgspec.Struct, frozen=True):
    pairs: dict[str, Tallies]
    """Events and wrong ones by set of triggers, by `predictor|rival`."""
    shares: dict[str, float] = {}
    """Share of the budget by trigger."""


@dataclass(frozen=True)
class Learned:
    """What reviews have taught about every pair of models."""

    pairs: Mapping[str, Mapping[Fired, Tally]] = field(default_factory=dict)
    shares: Mapping[str, float] = field(default_factory=dict)
    """Share of the budget by trigger; none before the first review."""

    def of(self, pair: str) -> Calibration:
        """Beliefs about one pair: its own reviews, then those of other pairs, then the priors."""
        others = calibrate.merged(tallies for key, tallies in self.pairs.items() if key != pair)
        return Calibration(self.pairs.get(pair, {}), Calibration(others, priors.BELIEFS))


def load(workspace: Workspace) -> Learned:
    """What was learned so far; nothing before the first review.

    Raises:
        BadInput: the file is broken.
    """
    path = workspace.calibration
    if not path.exists():
        return Learned()
    found: _File = files.read_json(path, _File)
    pairs = {pair: from_text(tallies) for pair, tallies in found.pairs.items()}
    return Learned(pairs, found.shares)


def save(workspace: Workspace, learned: Learned) -> None:
    """Write it in one step; equal content gives equal bytes.

    Raises:
        NoSpace, Unavailable: if the disk refuses.
    """
    pairs = {pair: to_text(learned.pairs[pair]) for pair in sorted(learned.pairs)}
    files.write_json(workspace.calibration, _File(pairs, dict(sorted(learned.shares.items()))))


def from_text(tallies: Tallies) -> dict[Fired, Tally]:
    """Tallies as they stand in files."""
    return {frozenset(names.split(JOIN)): Tally(*counts) for names, counts in tallies.items()}


def to_text(tallies: Mapping[Fired, Tally]) -> Tallies:
    """Tallies for a file; equal ones give equal text."""
    rows = {JOIN.join(sorted(fired)): (t.events, t.wrong) for fired, t in tallies.items()}
    return dict(sorted(rows.items()))

"""`hits/calibration.json`: how often a model was wrong where triggers fired, by pair of models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from oneclick.io import files
from oneclick.io.workspace import Workspace
from oneclick.triggers import calibrate, priors
from oneclick.triggers.calibrate import Calibration, Fired, Tally

JOIN = "+"
"""Between the names of triggers that fired together."""

Tallies = dict[str, tuple[int, int]]


class _File(msgspec.Struct, frozen=True):
    pairs: dict[str, Tallies]
    """Events and wrong ones by set of triggers, by `predictor|rival`."""


@dataclass(frozen=True)
class Learned:
    """What reviews have taught about every pair of models."""

    pairs: Mapping[str, Mapping[Fired, Tally]] = field(default_factory=dict)

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
    return Learned({pair: _read(tallies) for pair, tallies in found.pairs.items()})


def save(workspace: Workspace, learned: Learned) -> None:
    """Write it in one step; equal content gives equal bytes.

    Raises:
        NoSpace, Unavailable: if the disk refuses.
    """
    pairs = {pair: _write(learned.pairs[pair]) for pair in sorted(learned.pairs)}
    files.write_json(workspace.calibration, _File(pairs))


def _read(tallies: Tallies) -> dict[Fired, Tally]:
    return {frozenset(names.split(JOIN)): Tally(*counts) for names, counts in tallies.items()}


def _write(tallies: Mapping[Fired, Tally]) -> Tallies:
    rows = {JOIN.join(sorted(fired)): (t.events, t.wrong) for fired, t in tallies.items()}
    return dict(sorted(rows.items()))

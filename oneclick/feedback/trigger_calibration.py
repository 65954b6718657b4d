"""`learned/calibration.json`: calibration of the triggers, learned from reviewed clips.

It holds the error rate of the model by set of triggers, for each pair of models, and the triggers'
shares of the budget.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from oneclick.storage import sealed_files
from oneclick.storage.workspace import Workspace
from oneclick.triggers import calibrate, priors
from oneclick.triggers.calibrate import Calibration, TriggerSet, TriggerTally

NAME_SEPARATOR = "+"
"""Between the names of triggers that fired together."""

Tallies = dict[str, tuple[int, int]]
"""(events, wrong events) by the names of the triggers."""


class _CalibrationFile(msgspec.Struct, frozen=True):
    pairs: dict[str, Tallies]
    """Tallies by `predictor|rival`."""
    shares: dict[str, float] = {}
    """Share of the budget by trigger."""


@dataclass(frozen=True)
class TriggerCalibration:
    """Tallies of every pair of models, and shares of the budget."""

    pairs: Mapping[str, Mapping[TriggerSet, TriggerTally]] = field(default_factory=dict)
    """Tallies by `predictor|rival`."""
    shares: Mapping[str, float] = field(default_factory=dict)
    """Share of the budget by trigger; empty before the first review."""

    def calibration_of(self, pair: str) -> Calibration:
        """Return the calibration of a pair, backed by that of other pairs, then by the priors."""
        others = calibrate.merge_tallies(part for key, part in self.pairs.items() if key != pair)
        return Calibration(self.pairs.get(pair, {}), Calibration(others, priors.BELIEFS))


def load(workspace: Workspace) -> TriggerCalibration:
    """Read the learned calibration; empty before the first review.

    Raises:
        BadInput: the file is broken.
    """
    path = workspace.calibration
    if not path.exists():
        return TriggerCalibration()
    document: _CalibrationFile = sealed_files.read(path, _CalibrationFile)
    pairs = {pair: decode_tallies(tallies) for pair, tallies in document.pairs.items()}
    return TriggerCalibration(pairs, document.shares)


def save(workspace: Workspace, calibration: TriggerCalibration) -> None:
    """Write the calibration atomically; equal content gives equal bytes.

    Raises:
        NoSpace, Unavailable: if the disk refuses.
    """
    pairs = {pair: encode_tallies(calibration.pairs[pair]) for pair in sorted(calibration.pairs)}
    shares = dict(sorted(calibration.shares.items()))
    sealed_files.write(workspace.calibration, _CalibrationFile(pairs, shares))


def decode_tallies(tallies: Tallies) -> dict[TriggerSet, TriggerTally]:
    """Convert tallies from their form in files."""
    return {
        frozenset(names.split(NAME_SEPARATOR)): TriggerTally(*counts)
        for names, counts in tallies.items()
    }


def encode_tallies(tallies: Mapping[TriggerSet, TriggerTally]) -> Tallies:
    """Convert tallies to their form in files, sorted by name."""
    rows = {
        NAME_SEPARATOR.join(sorted(triggers)): (tally.events, tally.wrong)
        for triggers, tally in tallies.items()
    }
    return dict(sorted(rows.items()))

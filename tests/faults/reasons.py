"""Why a damage is harmless by construction, with its proof."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.faults import ends
from tests.faults.damages import DamageTrial

Proof = Callable[[Path, Path, DamageTrial], bool]
"""Takes an undamaged folder, its damaged copy and the trial."""


@dataclass(frozen=True)
class Reason:
    """Why a damage that no command names is harmless by construction, and the proof of it."""

    sentence: str
    proof: Proof


def catalog_is_whole(root: Path, copy: Path, trial: DamageTrial) -> bool:
    """Check that the catalog tells the same as before, but for the history of clips."""
    reference = ends.catalog_state(root / "home")
    return not ends.differences(ends.catalog_state(copy / "home"), reference)


def is_made_again(step: Callable[[Path], object]) -> Proof:
    """Return a check that a step makes the file again as it was."""

    def check(root: Path, copy: Path, trial: DamageTrial) -> bool:
        step(copy)
        path = trial.target(root / "home")
        again = copy / path.relative_to(root)
        return bool(ends.content(again) == ends.content(path))

    return check

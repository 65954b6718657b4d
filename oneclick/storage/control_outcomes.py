"""What pictures that were looked at as a whole say about labels that no question was about.

review/control/<clip>.json
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec

from oneclick.storage import record_folders, sealed_files

FOLDER = "control"


class ControlOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """Boxes in the pictures of one clip that were looked at as a whole."""

    clip: str
    by: str
    at: datetime
    """UTC."""
    frames: tuple[int, ...]
    boxes: int
    """Those that no question was about, and people without a label."""
    missed: int
    """Those of them that were wrong or missing."""


def save(root: Path, outcome: ControlOutcome) -> None:
    """Write the outcome of a clip.

    Args:
        root: folder of our own review platform.
        outcome: of the newest decision.

    Raises:
        NoSpace, Unavailable: the disk refuses.
    """
    sealed_files.write(root / FOLDER / f"{outcome.clip}.json", outcome)


def read_all(root: Path) -> list[ControlOutcome]:
    """Read the outcomes of all clips, in the order of time; broken ones are left out."""
    outcomes = record_folders.read_all(root / FOLDER, ControlOutcome)
    return sorted(outcomes, key=lambda outcome: (outcome.at, outcome.clip))

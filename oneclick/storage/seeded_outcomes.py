"""What became of the errors that were put into labels before a review: one file a clip.

review/seeded/outcomes/<clip>.json
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec

from oneclick.storage import record_folders, sealed_files

FOLDER = "seeded"
OUTCOMES = "outcomes"


class SeededOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a reviewer noticed the error in a clip that they accepted."""

    clip: str
    kind: str
    """Of the error (editing.seeded_errors.ErrorKind)."""
    by: str
    at: datetime
    """UTC."""
    caught: bool


def save(root: Path, outcome: SeededOutcome) -> None:
    """Write the outcome of a clip.

    Args:
        root: folder of our own review platform.
        outcome: of the newest decision.

    Raises:
        NoSpace, Unavailable: the disk refuses.
    """
    sealed_files.write(root / FOLDER / OUTCOMES / f"{outcome.clip}.json", outcome)


def read_all(root: Path) -> list[SeededOutcome]:
    """Read the outcomes of all clips, in the order of time; broken ones are left out."""
    outcomes = record_folders.read_all(root / FOLDER / OUTCOMES, SeededOutcome)
    return sorted(outcomes, key=lambda outcome: (outcome.at, outcome.clip))

"""What a reviewer decided about a clip."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from oneclick.core.labels import LabelTrack

Decision = Literal["accept", "reject"]
POLICY = "policy:"
"""How the reviewer's name begins where nobody looked."""


@dataclass(frozen=True, eq=False)
class Verdict:
    """One reviewer's decision; the labels of the clip grow by one revision if it was accepted."""

    clip: str
    decision: Decision
    by: str
    """Annotator, or `policy:accept-auto` when nobody looked."""
    at: datetime
    """UTC."""
    tracks: tuple[LabelTrack, ...] | None = None
    """Corrected tracks, or None where the labels stand as sent."""
    seconds: float = 0.0
    """Time the reviewer spent; 0 for a policy."""
    edits: int = 0
    """Boxes added, deleted or moved."""
    reason: str = ""
    """Why it was rejected."""

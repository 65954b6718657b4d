"""Decisions of reviewers about clips."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from oneclick.core import visible
from oneclick.core.labels import LabelTrack

Decision = Literal["accept", "reject"]
POLICY_PREFIX = "policy:"
"""Prefix of the reviewer's name where a policy decided without a person."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Verdict:
    """Decision of one reviewer; an accepted clip gets a new label revision."""

    clip: str
    decision: Decision
    by: str
    """Annotator, or `policy:accept-auto` where no person looked."""
    at: datetime
    """UTC."""
    tracks: tuple[LabelTrack, ...] | None = None
    """Corrected tracks, or None where the labels stay as they were sent."""
    seconds: float = 0.0
    """Time the reviewer spent; 0 for a policy."""
    edits: int = 0
    """Boxes added, deleted or moved."""
    reason: str = ""
    """Why it was rejected, or corrected."""
    is_correction: bool = False
    """Whether it corrects a clip that the platform had accepted before: it begins another round of
    review and decides it."""

    def __post_init__(self) -> None:
        """Escape hidden characters in what people typed: it is stored, listed and printed."""
        for name in ("by", "reason"):
            text = getattr(self, name)
            if isinstance(text, str):  # a platform of others may put anything there
                object.__setattr__(self, name, visible.line(text))

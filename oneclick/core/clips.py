"""Videos, clips, and the moves a clip may make."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from oneclick.core.errors import IllegalMove
from oneclick.core.hits import Hit
from oneclick.core.spans import Span


class ClipStage(StrEnum):
    """Where a clip stands on the street."""

    CUT = "CUT"
    EXTRACTED = "EXTRACTED"
    LABELLED = "LABELLED"
    IN_REVIEW = "IN_REVIEW"
    ACCEPTED = "ACCEPTED"
    PUBLISHED = "PUBLISHED"
    REJECTED = "REJECTED"
    QUARANTINED = "QUARANTINED"


MOVES: dict[ClipStage, tuple[ClipStage, ...]] = {
    ClipStage.CUT: (ClipStage.EXTRACTED, ClipStage.QUARANTINED),
    ClipStage.EXTRACTED: (ClipStage.LABELLED, ClipStage.QUARANTINED),
    ClipStage.LABELLED: (ClipStage.IN_REVIEW, ClipStage.QUARANTINED),
    ClipStage.IN_REVIEW: (ClipStage.ACCEPTED, ClipStage.REJECTED, ClipStage.QUARANTINED),
    ClipStage.ACCEPTED: (ClipStage.PUBLISHED, ClipStage.QUARANTINED),
    ClipStage.PUBLISHED: (),
    ClipStage.REJECTED: (),
    # `clips retry` puts a clip back where it fell.
    ClipStage.QUARANTINED: (
        ClipStage.CUT,
        ClipStage.EXTRACTED,
        ClipStage.LABELLED,
        ClipStage.IN_REVIEW,
        ClipStage.ACCEPTED,
    ),
}


def check_move(clip: str, old: ClipStage, new: ClipStage) -> None:
    """Raise IllegalMove unless a clip may go from `old` to `new`."""
    if new not in MOVES[old]:
        allowed = ", ".join(MOVES[old]) or "nowhere"
        raise IllegalMove(
            f"clip {clip} cannot go from {old} to {new}; from {old} it may go: {allowed}"
        )


class ChosenBy(StrEnum):
    """Which share of the budget paid for a clip."""

    TRIGGER = "trigger"
    NOVELTY = "novelty"
    CONTROL = "control"
    """Drawn at random over all video: it testifies about what the triggers miss."""
    FLOOR = "floor"
    """Drawn at random where triggers left room: it leans towards quiet video and testifies to
    nothing."""
    IMPORTED = "imported"
    """Came with its labels from elsewhere; nobody chose it here."""


@dataclass(frozen=True)
class Video:
    """One raw recording of one camera."""

    id: str
    camera: str
    started_at: datetime | None
    """UTC, or None where nobody knows."""
    fps: float
    """Nominal frames per second."""
    frames: int
    """Frames that decode."""
    width: int
    """Pixels, after rotation."""
    height: int
    digest: str
    """sha256 of the file."""
    suffix: str
    """File suffix with its dot."""


@dataclass(frozen=True)
class Clip:
    """A short piece of a Video; the unit that travels through the pipeline."""

    id: str
    camera: str
    video: str
    span: Span
    """Frames of the Video; clip frame k is video frame `span.start + k`."""
    fps: float
    width: int
    height: int
    chosen_by: ChosenBy
    hits: tuple[Hit, ...] = field(default=())
    """Why it was chosen; frames counted in the Video."""
    split: str = "train"
    """train or test; a clip keeps its side for ever."""
    digest: str = ""
    """sha256 of clip.mp4."""
    led_by: str = ""
    """Trigger that is charged for it; empty for what was drawn at random."""
    stands_for: float = 0.0
    """Seconds of video that a control clip speaks for; 0 for the others."""

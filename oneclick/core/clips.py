"""Videos, clips, and the transitions between the stages of a clip."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from math import ceil

from oneclick.core.errors import IllegalMove
from oneclick.core.hits import Hit
from oneclick.core.spans import Span
from oneclick.core.timing import CONSTANT, Timing


class ClipStage(StrEnum):
    """Stage of a clip in the pipeline."""

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
    # `review reopen` puts a clip that was decided back into review.
    ClipStage.ACCEPTED: (ClipStage.PUBLISHED, ClipStage.QUARANTINED, ClipStage.IN_REVIEW),
    ClipStage.PUBLISHED: (ClipStage.IN_REVIEW,),
    ClipStage.REJECTED: (),
    # `clips retry` puts a clip back to the stage in which it was quarantined.
    ClipStage.QUARANTINED: (
        ClipStage.CUT,
        ClipStage.EXTRACTED,
        ClipStage.LABELLED,
        ClipStage.IN_REVIEW,
        ClipStage.ACCEPTED,
    ),
}


def check_move(clip: str, old: ClipStage, new: ClipStage) -> None:
    """Raise IllegalMove unless a clip may move from stage `old` to stage `new`."""
    if new not in MOVES[old]:
        allowed = ", ".join(MOVES[old]) or "nowhere"
        raise IllegalMove(
            f"clip {clip} cannot go from {old} to {new}; from {old} it may go: {allowed}"
        )


class ChosenBy(StrEnum):
    """Share of the selection budget that a clip was taken from."""

    TRIGGER = "trigger"
    NOVELTY = "novelty"
    CONTROL = "control"
    """Random sample of all video: the unbiased estimate of what the triggers miss."""
    FLOOR = "floor"
    """Random sample of what the triggers did not select: biased towards quiet video, so it enters
    no estimate."""
    VIEWER = "viewer"
    """Chosen by a person on the timeline; enters no estimate."""
    IMPORTED = "imported"
    """Imported with its labels; not selected by the pipeline."""


@dataclass(frozen=True, kw_only=True)
class Video:
    """One raw recording of one camera."""

    id: str
    camera: str
    started_at: datetime | None
    """UTC, or None where it is unknown."""
    fps: float
    """Mean frames per second within stretches."""
    frames: int
    """Frames that decode."""
    width: int
    """Pixels, after rotation."""
    height: int
    digest: str
    """sha256 of the file."""
    suffix: str
    """File suffix with its dot; empty where there never was a recording: predictions of an edge
    camera."""
    timing: Timing = CONSTANT
    """True times of the frames, and the breaks that nothing goes across."""
    notes: tuple[str, ...] = ()
    """What was chosen, repaired or left out when it was fetched, each in a few words."""

    def seconds_at(self, frame: int) -> float:
        """Return the true time of a frame, in seconds from the first."""
        return self.timing.seconds_at(frame, self.fps)

    def taken_at(self, frame: int) -> datetime | None:
        """Return the recording time of a frame, UTC; None for a Video of unknown start."""
        return self.started_at and self.started_at + timedelta(seconds=self.seconds_at(frame))

    def frame_at(self, seconds: float) -> float:
        """Return the frame that was taken at a time, in seconds from the first, as a fraction."""
        return self.timing.frame_at(seconds, self.fps)

    def span_between(self, since: datetime, until: datetime) -> Span:
        """Return the frames of a Video of known start in `[since, until)`; at least one."""
        assert self.started_at is not None
        first, end = (
            self.frame_at((moment - self.started_at).total_seconds()) for moment in (since, until)
        )
        start = min(max(ceil(first - 1e-6), 0), self.frames - 1)
        return Span(start, max(min(ceil(end - 1e-6), self.frames), start + 1))

    @property
    def ended_at(self) -> datetime | None:
        """Return when its last frame ended, UTC; None for a Video of unknown start."""
        if self.started_at is None or not self.frames:
            return self.started_at
        seconds = self.seconds_at(self.frames - 1) + 1 / self.fps
        return self.started_at + timedelta(seconds=seconds)

    def stretches(self) -> list[Span]:
        """Return the spans of frames without a break in time; none for a Video without frames."""
        return self.timing.stretches(self.frames) if self.frames else []


@dataclass(frozen=True, kw_only=True)
class Clip:
    """A short piece of a Video; the unit of work of the pipeline."""

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
    """Hits that it was selected for; frames counted in the Video."""
    split: str = "train"
    """train or test; never changes."""
    digest: str = ""
    """sha256 of clip.mp4."""
    led_by: str = ""
    """Trigger whose budget it was charged to; empty for random samples."""
    stands_for: float = 0.0
    """Sampling weight of a control clip: the seconds of video it represents; 0 for the others."""

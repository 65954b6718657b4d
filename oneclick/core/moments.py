"""Moments of recordings in which something was in a region, found while frames are looked at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from oneclick.core.clips import Video
from oneclick.core.errors import UsageError
from oneclick.core.spans import Span

Evidence = Literal["somebody", "motion", "novelty"]
EVIDENCE: tuple[Evidence, ...] = get_args(Evidence)
GAP_SECONDS = 2.0
"""Moments of one kind that are this near are one."""
LEAST_STRENGTH: dict[Evidence, float] = {"somebody": 0.3, "motion": 0.02, "novelty": 1.0}
"""What counts: of a model's threshold; of the region's pixels; of the camera's alarm level."""
LEAST_LOOKS = 2
"""A single picture with motion is a flash or an insect."""


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A span of a recording in which something was in the region."""

    video: str
    start: int
    """First frame."""
    stop: int
    """Frame after the last."""
    at: datetime | None
    """UTC time of the strongest frame; None where the start of the recording is unknown."""
    frame: int
    """The strongest."""
    evidence: Evidence
    strength: float
    """In units of LEAST_STRENGTH: what just counts is 1."""
    why: str

    @property
    def span(self) -> Span:
        """Return the frames."""
        return Span(self.start, self.stop)


@dataclass(frozen=True, eq=False)
class EvidenceCurve:
    """Strength of one kind of evidence at some frames of a video, in order."""

    frames: NDArray[np.int64]
    strengths: NDArray[np.float64]


class MomentFinder:
    """Finds the moments of one stretch while its curve comes in parts; the parts change nothing.

    Args:
        video: the recording.
        kind: of evidence.
        step: frames between two looks.
    """

    def __init__(self, video: Video, kind: Evidence, step: int) -> None:
        self._video, self._kind, self._step = video, kind, step
        self._gap = GAP_SECONDS * video.fps
        self._least_looks = LEAST_LOOKS if kind == "motion" else 1
        self._frames: list[int] = []
        self._strengths: list[float] = []

    def add(self, curve: EvidenceCurve) -> Iterator[Moment]:
        """Take the next part of the curve, and yield the moments that are over."""
        counts = curve.strengths >= LEAST_STRENGTH[self._kind]
        for frame, strength in zip(
            curve.frames[counts].tolist(), curve.strengths[counts].tolist(), strict=True
        ):
            if self._frames and frame - self._frames[-1] > self._gap:
                yield from self.close()
            self._frames.append(frame)
            self._strengths.append(strength)
        if self._frames and len(curve.frames) and curve.frames[-1] - self._frames[-1] > self._gap:
            yield from self.close()

    def close(self) -> Iterator[Moment]:
        """End the moment that goes on, and yield it where it is one."""
        frames, strengths = self._frames, self._strengths
        self._frames, self._strengths = [], []
        if len(frames) < self._least_looks:
            return
        video, row = self._video, int(np.argmax(strengths))
        frame, strength = frames[row], strengths[row]
        seconds = timedelta(seconds=video.seconds_at(frame))
        yield Moment(
            video=video.id,
            start=frames[0],
            stop=min(frames[-1] + self._step, video.frames),
            at=video.started_at + seconds if video.started_at else None,
            frame=frame,
            evidence=self._kind,
            strength=round(strength / LEAST_STRENGTH[self._kind], 3),
            why=reason(self._kind, strength),
        )


def parse_evidence(names: list[str] | tuple[str, ...]) -> tuple[Evidence, ...]:
    """Return the kinds of evidence of these names, each once, in the usual order.

    Raises:
        UsageError: naming those that are none.
    """
    if unknown := sorted(set(names) - set(EVIDENCE)):
        raise UsageError(f"cannot search for {', '.join(unknown)}: choose of {', '.join(EVIDENCE)}")
    return tuple(kind for kind in EVIDENCE if kind in names)


def strongest(moments: list[Moment], limit: int) -> list[Moment]:
    """Return the strongest moments of each kind, at most `limit`, by kind and strength."""
    ordered = sorted(moments, key=lambda each: (EVIDENCE.index(each.evidence), -each.strength))
    return [
        moment
        for kind in EVIDENCE
        for moment in [each for each in ordered if each.evidence == kind][:limit]
    ]


def reason(kind: Evidence, strength: float) -> str:
    """Return in a few words what the evidence is."""
    if kind == "somebody":
        word = "a box" if strength >= 1 else "somebody-like, below the threshold"
        return f"{word}: {strength:.2f} of it"
    if kind == "motion":
        return f"{100 * strength:.0f}% of the region moves"
    return f"novelty {strength:.1f} of the alarm level"

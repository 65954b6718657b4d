"""Questions for a reviewer: boxes in doubt, ends of tracks where more boxes may be missing, places.

A question about a place asks whether anybody is there, where evidence says so and no label is.

All other labels are accepted as they are. Questions are ranked by the expected number of
corrections, so that a reviewer without time for all of them answers the most useful ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oneclick.core import boxes
from oneclick.core.spans import Span
from oneclick.core.tracks import FILLED_ORIGINS, Tracks

ASK = 0.2
"""Least probability of an error at which a box gets a question."""
JOIN_SECONDS = 0.5
"""Doubtful boxes of one track with breaks of at most this length are one question."""
BEYOND_SECONDS = 1.0
"""How far beyond the end of a track boxes may be missing."""
MISS_RATE = 0.35
"""Share of these frames in which a box is missing: the mean over 18 files of detections on eight
sequences of the MOTChallenge was 0.36."""
BORDER = 0.03
"""Margin of the picture, as a share of its height, where tracks begin and end for good reason."""


@dataclass(frozen=True)
class Question:
    """A stretch of one track, or of one place, that a reviewer should look at."""

    track: int | None
    """Id of the track; None where a place has no label."""
    span: Span
    """Frames to look at."""
    expected: float
    """Expected number of boxes that are wrong or missing."""
    why: str
    """One sentence for the reviewer."""
    box: tuple[float, float, float, float] | None = None
    """Where somebody may be in the middle frame of the span, px x1 y1 x2 y2."""
    cls: str = ""
    """Class of what may be there; empty where it is unknown, and where a track has one."""

    @property
    def middle(self) -> int:
        """Return the frame of `box`."""
        return (self.span.start + self.span.stop) // 2


def names(asked: Sequence[Question]) -> list[str]:
    """Return a name for each question, by which answers refer to it: the same for equal labels."""
    names = [
        f"place-{question.span.start}-{question.span.stop}"
        if question.track is None
        else f"{question.track}-{question.span.start}-{question.span.stop}"
        for question in asked
    ]
    numbers = [names[:row].count(name) for row, name in enumerate(names)]
    return [f"{name}-{n + 1}" if n else name for name, n in zip(names, numbers, strict=True)]


def ranked(asked: Iterable[Question]) -> list[Question]:
    """Return the questions, most expected corrections first."""
    return sorted(
        asked, key=lambda q: (-q.expected, q.span.start, -1 if q.track is None else q.track, q.why)
    )


def questions(tracks: Tracks, width: float, height: float, ask: float = ASK) -> list[Question]:
    """Return the questions, most expected corrections first.

    Args:
        tracks: whose scores are probabilities that the boxes are right.
        width: of the picture in px.
        height: of the picture in px.
        ask: least probability of an error at which a box gets a question.
    """
    return ranked([*doubtful_runs(tracks, ask), *open_ends(tracks, width, height)])


def question_mask(tracks: Tracks, questions: list[Question]) -> NDArray[np.bool_]:
    """Check which boxes belong to a question, `(n,)`; the others are accepted as they are."""
    mask = np.zeros(len(tracks), np.bool_)
    for question in questions:
        inside = (tracks.frames >= question.span.start) & (tracks.frames < question.span.stop)
        if question.track is not None:
            mask |= inside & (tracks.tracks == question.track)
    return mask


def doubtful_runs(tracks: Tracks, ask: float) -> list[Question]:
    """Return one question per track and run of boxes with an error probability from `ask` on."""
    order = tracks.by_track
    rows = order[tracks.scores[order] <= 1 - ask]
    if not len(rows):
        return []
    is_break = np.diff(tracks.frames[rows]) > max(1, JOIN_SECONDS * tracks.fps)
    breaks = np.flatnonzero(is_break | (np.diff(tracks.tracks[rows]) != 0)) + 1
    questions = []
    for run in np.split(rows, breaks):
        name = tracks.names[int(tracks.classes[run[0]])]
        is_filled = np.isin(tracks.origins[run], FILLED_ORIGINS).mean() > 0.5
        expected = float((1 - tracks.scores[run].astype(np.float64)).sum())
        questions.append(
            Question(
                track=int(tracks.tracks[run[0]]),
                span=Span(int(tracks.frames[run[0]]), int(tracks.frames[run[-1]]) + 1),
                expected=round(expected, 3),
                why=f"is this {name} here? no model saw it clearly"
                if is_filled
                else f"check this {name}",
            )
        )
    return questions


def open_ends(tracks: Tracks, width: float, height: float) -> list[Question]:
    """Return one question per end of a track inside the clip and off the border of the picture.

    Args:
        tracks: the labels.
        width: of the picture in px.
        height: of the picture in px.
    """
    reach, questions = max(1, round(BEYOND_SECONDS * tracks.fps)), []
    off_border = ~boxes.at_border(tracks.boxes, width, height, BORDER * height)
    for rows in tracks.rows_by_track():
        for row, ahead in ((rows[0], False), (rows[-1], True)):
            frame = int(tracks.frames[row])
            first = frame + 1 if ahead else frame - reach
            start, stop = max(first, 0), min(first + reach, tracks.length)
            if stop <= start or not off_border[row]:
                continue
            name = tracks.names[int(tracks.classes[row])]
            questions.append(
                Question(
                    track=int(tracks.tracks[row]),
                    span=Span(start, stop),
                    expected=round(MISS_RATE * (stop - start), 3),
                    why=f"{name} {'vanishes' if ahead else 'comes out of nothing'} here: "
                    "still there?",
                )
            )
    return questions

"""What a reviewer should look at: boxes in doubt, and ends of tracks behind which more may lie.

Everything else is accepted as it stands. Questions are ranked by the corrections that an answer is
expected to bring, so a reviewer who has no time for all of them has spent it best.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oneclick.core import boxes
from oneclick.core.spans import Span
from oneclick.core.tracks import FILLED, Tracks

ASK = 0.2
"""A box is asked about from this probability on that it is wrong."""
JOIN_SECONDS = 0.5
"""Doubts about one track with breaks of at most this length are one question."""
BEYOND_SECONDS = 1.0
"""How far behind the end of a track something may have been missed."""
MISSED = 0.35
"""Share of the frames there in which something was: the mean over 18 files of detections on eight
sequences of the MOTChallenge was 0.36."""
BORDER = 0.03
"""Margin of the picture, as a share of its height, where people come and go rightly."""


@dataclass(frozen=True)
class Question:
    """Something that a person should look at."""

    track: int
    """Identity of the track."""
    span: Span
    """Frames to look at."""
    expected: float
    """Boxes that are expected to be wrong or missing."""
    why: str
    """One sentence for the reviewer."""


def questions(tracks: Tracks, width: float, height: float, ask: float = ASK) -> list[Question]:
    """Questions, those that are expected to bring most first.

    Args:
        tracks: whose scores are probabilities that the boxes are right.
        width, height: of the picture in px.
        ask: probability of an error from which on a box is asked about.
    """
    found = [*_doubts(tracks, ask), *_ends(tracks, width, height)]
    return sorted(found, key=lambda q: (-q.expected, q.span.start, q.track, q.why))


def asked(tracks: Tracks, found: list[Question]) -> NDArray[np.bool_]:
    """(n,) boxes that lie in a question; the others are accepted as they stand."""
    mask = np.zeros(len(tracks), np.bool_)
    for question in found:
        inside = (tracks.frames >= question.span.start) & (tracks.frames < question.span.stop)
        mask |= inside & (tracks.tracks == question.track)
    return mask


def _doubts(tracks: Tracks, ask: float) -> list[Question]:
    """One question per track and run of boxes in doubt."""
    order = tracks.by_track
    rows = order[tracks.scores[order] <= 1 - ask]
    if not len(rows):
        return []
    apart = np.diff(tracks.frames[rows]) > max(1, JOIN_SECONDS * tracks.fps)
    breaks = np.flatnonzero(apart | (np.diff(tracks.tracks[rows]) != 0)) + 1
    return [_doubt(tracks, run) for run in np.split(rows, breaks)]


def _doubt(tracks: Tracks, rows: NDArray[np.intp]) -> Question:
    wrong = float((1 - tracks.scores[rows].astype(np.float64)).sum())
    span = Span(int(tracks.frames[rows[0]]), int(tracks.frames[rows[-1]]) + 1)
    filled = np.isin(tracks.origins[rows], FILLED).mean()
    name = tracks.names[int(tracks.classes[rows[0]])]
    why = f"is this {name} here? no model saw it clearly" if filled > 0.5 else f"check this {name}"
    return Question(int(tracks.tracks[rows[0]]), span, round(wrong, 3), why)


def _ends(tracks: Tracks, width: float, height: float) -> list[Question]:
    """One question per end of a track inside the clip and away from the border of the picture."""
    reach, found = max(1, round(BEYOND_SECONDS * tracks.fps)), []
    for rows in tracks.each():
        for row, ahead in ((rows[0], False), (rows[-1], True)):
            frame = int(tracks.frames[row])
            span = _beyond(frame, reach, ahead, tracks.length)
            inside = not boxes.at_border(
                tracks.boxes[row : row + 1], width, height, BORDER * height
            )[0]
            if span and inside:
                name = tracks.names[int(tracks.classes[row])]
                why = f"{name} {'vanishes' if ahead else 'comes out of nothing'} here: still there?"
                found.append(
                    Question(int(tracks.tracks[row]), span, round(MISSED * len(span), 3), why)
                )
    return found


def _beyond(frame: int, reach: int, ahead: bool, length: int) -> Span | None:
    """Frames behind an end of a track, inside the clip."""
    start, stop = (frame + 1, frame + 1 + reach) if ahead else (frame - reach, frame)
    start, stop = max(start, 0), min(stop, length)
    return Span(start, stop) if stop > start else None

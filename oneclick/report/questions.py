"""What reviewers should look at in the clips that wait for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from oneclick.catalog import Catalog
from oneclick.core import labels as core_labels
from oneclick.core.clips import Clip, ClipStage
from oneclick.core.errors import BadInput
from oneclick.hindsight import questions as doubts
from oneclick.storage import labels
from oneclick.storage.workspace import Workspace


@dataclass(frozen=True)
class QuestionRow:
    """One thing to look at."""

    clip: str
    track: int
    start: int
    """Frame of the clip."""
    stop: int
    seconds: float
    """Where it begins, from the start of the clip."""
    expected: float
    """Boxes that are expected to be wrong or missing."""
    why: str


@dataclass(frozen=True)
class Questions:
    """All that is asked about some clips."""

    rows: list[QuestionRow]
    """Those that are expected to bring most corrections first."""
    clips: int
    boxes: int
    asked: int
    """Boxes that lie in a question; the others are accepted as they stand."""
    unreadable: dict[str, str]
    """Clips whose labels cannot be read, and why."""


def questions(home: Path, clips: Sequence[str] = ()) -> Questions:
    """Questions about some clips, by default about all that wait for review.

    Raises:
        UnknownName: if there is no such clip.
    """
    workspace, rows, bad = Workspace(home), [], {}
    with Catalog.open(home) as catalog:
        if clips:
            wanted = [catalog.clip(name).clip for name in clips]
        else:
            wanted = [row.clip for row in catalog.clips(stage=ClipStage.IN_REVIEW)]
    boxes = asked = 0
    for clip in wanted:
        try:
            found, count, doubted = _of(workspace, clip)
        except BadInput as error:
            bad[clip.id] = str(error)
            continue
        rows += found
        boxes, asked = boxes + count, asked + doubted
    rows.sort(key=lambda row: (-row.expected, row.clip, row.start, row.track))
    return Questions(rows, len(wanted) - len(bad), boxes, asked, bad)


def _of(workspace: Workspace, clip: Clip) -> tuple[list[QuestionRow], int, int]:
    """Questions about one clip, its boxes, and how many of them are asked about."""
    made = labels.latest(workspace, clip.id)
    if made is None:
        raise BadInput(f"clip {clip.id} has no labels yet: oneclick label clips")
    tracks = core_labels.to_tracks(made, clip.fps)
    found = doubts.questions(tracks, made.width, made.height)
    rows = [
        QuestionRow(
            clip.id,
            q.track,
            q.span.start,
            q.span.stop,
            round(q.span.start / clip.fps, 2),
            q.expected,
            q.why,
        )
        for q in found
    ]
    return rows, len(tracks), int(doubts.asked(tracks, found).sum())

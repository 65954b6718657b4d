"""What a reviewer was asked and noted, what was accepted unasked, what it took: beside a verdict.

desk/<clip>.json, desk/<clip>.2.json for the second round
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import msgspec
import numpy as np

from oneclick.core.edits import Edits
from oneclick.core.errors import BadInput
from oneclick.core.labels import LabelSet, LabelTrack
from oneclick.core.review import Decision, Verdict
from oneclick.platforms.local.signed_comments import SignedComment
from oneclick.storage import sealed_files


class AskedQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """A question as the reviewer saw it."""

    id: str
    track: int | None
    """None where it asks whether anybody is at a place without a label."""
    start: int
    """First frame, 0-based."""
    stop: int
    expected: float
    """Corrections to expect."""
    why: str
    box: tuple[float, float, float, float] | None = None
    """Place in px, x1 y1 x2 y2."""
    cls: str = ""
    """Class of what may be at the place; empty where it is unknown."""
    answer: str = ""
    """Empty where it was not answered."""


class DeskRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One round of review of one clip."""

    clip: str
    key: str
    """Of the decision."""
    by: str
    at: datetime
    """UTC."""
    decision: Decision
    reason: str
    revision: int
    """Label revision that was reviewed."""
    head: int
    """Number of edits in the journal."""
    active_seconds: float
    edits: dict[str, int]
    """Boxes by kind of edit."""
    boxes: int
    """Boxes as they were sent."""
    asked_boxes: int
    """Those that a question was about; the others were accepted unasked unless they changed."""
    questions: tuple[AskedQuestion, ...]
    comments: tuple[SignedComment, ...] = ()
    """Also those that were resolved; what is open is for whoever leads the reviewers."""

    @classmethod
    def create(
        cls,
        verdict: Verdict,
        task: LabelSet,
        *,
        key: str,
        head: int,
        changes: Edits,
        questions: Sequence[AskedQuestion],
        comments: Sequence[SignedComment] = (),
    ) -> DeskRecord:
        """Create the record of a verdict on labels as they were sent."""
        return cls(
            clip=verdict.clip,
            key=key,
            by=verdict.by,
            at=verdict.at,
            decision=verdict.decision,
            reason=verdict.reason,
            revision=task.revision,
            head=head,
            active_seconds=verdict.seconds,
            edits=asdict(changes),
            boxes=task.boxes(),
            asked_boxes=sum(count_asked(track, questions) for track in task.tracks),
            questions=tuple(questions),
            comments=tuple(comments),
        )

    @staticmethod
    def load(path: Path) -> DeskRecord | None:
        """Read a record; None where there is none or it is broken."""
        if not path.exists():
            return None
        try:
            record: DeskRecord = sealed_files.read(path, DeskRecord)
        except BadInput:
            return None
        return record


def open_comments(paths: Sequence[Path]) -> tuple[SignedComment, ...]:
    """Return the comments that nobody resolved in earlier rounds of review.

    Args:
        paths: of the records of these rounds, newest first; the first that is there counts. A
            decision from the command line or another platform leaves none.

    Raises:
        BadInput: the record is broken.
    """
    for path in paths:
        if path.exists():
            record: DeskRecord = sealed_files.read(path, DeskRecord)
            return tuple(comment for comment in record.comments if not comment.resolved)
    return ()


def count_asked(track: LabelTrack, questions: Sequence[AskedQuestion]) -> int:
    """Count the boxes of a track that a question is about."""
    is_asked = np.zeros(len(track.frames), np.bool_)
    for question in questions:
        if question.track == track.id:
            is_asked |= (track.frames >= question.start) & (track.frames < question.stop)
    return int(is_asked.sum())

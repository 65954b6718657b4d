"""Questions to reviewers about the clips that wait for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from oneclick.catalog import Catalog
from oneclick.core import labels as core_labels
from oneclick.core.clips import Clip, ClipStage
from oneclick.core.errors import BadInput
from oneclick.hindsight import questions as hindsight_questions
from oneclick.storage import labels
from oneclick.storage.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class QuestionRow:
    """A stretch of one track that a reviewer should look at."""

    clip: str
    track: int
    start: int
    """Frame of the clip, 0-based."""
    stop: int
    seconds: float
    """Time of `start` in the clip."""
    expected: float
    """Expected number of boxes that are wrong or missing."""
    why: str


@dataclass(frozen=True)
class ClipQuestions:
    """Questions about one clip."""

    rows: list[QuestionRow]
    boxes: int
    boxes_in_questions: int


@dataclass(frozen=True, kw_only=True)
class ReviewQuestions:
    """All questions about some clips."""

    rows: list[QuestionRow]
    """Those with the most expected corrections first."""
    clips: int
    boxes: int
    asked: int
    """Boxes that lie in a question; the others are accepted as they are."""
    unreadable: dict[str, str]
    """Clips whose labels cannot be read, and why."""


def review_questions(home: Path, clips: Sequence[str] = ()) -> ReviewQuestions:
    """Return questions about some clips, by default about all that wait for review.

    Raises:
        UnknownName: there is no such clip.
    """
    workspace = Workspace(home)
    with Catalog.open(home) as catalog:
        if clips:
            selection = [catalog.clip(name).clip for name in clips]
        else:
            selection = [row.clip for row in catalog.clips(stage=ClipStage.IN_REVIEW)]
    per_clip: list[ClipQuestions] = []
    unreadable: dict[str, str] = {}
    for clip in selection:
        try:
            per_clip.append(clip_questions(workspace, clip))
        except BadInput as error:
            unreadable[clip.id] = str(error)
    rows = [row for questions in per_clip for row in questions.rows]
    return ReviewQuestions(
        rows=sorted(rows, key=lambda row: (-row.expected, row.clip, row.start, row.track)),
        clips=len(per_clip),
        boxes=sum(questions.boxes for questions in per_clip),
        asked=sum(questions.boxes_in_questions for questions in per_clip),
        unreadable=unreadable,
    )


def clip_questions(workspace: Workspace, clip: Clip) -> ClipQuestions:
    """Return the questions about one clip.

    Raises:
        BadInput: its labels are missing or broken.
    """
    label_set = labels.latest(workspace, clip.id)
    if label_set is None:
        raise BadInput(f"clip {clip.id} has no labels yet: oneclick label clips")
    tracks = core_labels.to_tracks(label_set, clip.fps)
    questions = hindsight_questions.questions(tracks, label_set.width, label_set.height)
    rows = [
        QuestionRow(
            clip=clip.id,
            track=question.track,
            start=question.span.start,
            stop=question.span.stop,
            seconds=round(question.span.start / clip.fps, 2),
            expected=question.expected,
            why=question.why,
        )
        for question in questions
    ]
    mask = hindsight_questions.question_mask(tracks, questions)
    return ClipQuestions(rows, len(tracks), int(mask.sum()))

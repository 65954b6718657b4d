"""Questions to reviewers about the clips that wait for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from oneclick.catalog import Catalog
from oneclick.core import labels as core_labels
from oneclick.core.clips import Clip, ClipStage
from oneclick.core.errors import BadInput
from oneclick.feedback import clip_questions as feedback_questions
from oneclick.hindsight import questions as hindsight_questions
from oneclick.hindsight.places import PlaceOptions
from oneclick.storage import labels
from oneclick.storage.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class QuestionRow:
    """A stretch of one track, or of a place, that a reviewer should look at."""

    clip: str
    track: int | None
    """None where it asks whether anybody is at a place without a label."""
    start: int
    """Frame of the clip, 0-based."""
    stop: int
    seconds: float
    """Time of `start` in the clip."""
    expected: float
    """Expected number of boxes that are wrong or missing."""
    why: str
    box: tuple[float, float, float, float] | None = None
    """The place in the middle frame, px x1 y1 x2 y2."""


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


def review_questions(
    home: Path, clips: Sequence[str] = (), places: int = PlaceOptions.per_clip
) -> ReviewQuestions:
    """Return questions about some clips, by default about all that wait for review.

    Args:
        home: the workspace folder.
        clips: ids.
        places: most questions about places without a label in one clip.

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
            per_clip.append(clip_questions(workspace, clip, places))
        except BadInput as error:
            unreadable[clip.id] = str(error)
    rows = [row for questions in per_clip for row in questions.rows]
    return ReviewQuestions(
        rows=sorted(rows, key=_order),
        clips=len(per_clip),
        boxes=sum(questions.boxes for questions in per_clip),
        asked=sum(questions.boxes_in_questions for questions in per_clip),
        unreadable=unreadable,
    )


def clip_questions(
    workspace: Workspace, clip: Clip, places: int = PlaceOptions.per_clip
) -> ClipQuestions:
    """Return the questions about one clip, and about at most `places` places without a label.

    Raises:
        BadInput: its labels are missing or broken.
    """
    label_set = labels.latest(workspace, clip.id)
    if label_set is None:
        raise BadInput(f"clip {clip.id} has no labels yet: oneclick label clips")
    tracks = core_labels.to_tracks(label_set, clip.fps)
    questions = feedback_questions.ask(workspace, clip, label_set, places, store=False)
    rows = [
        QuestionRow(
            clip=clip.id,
            track=question.track,
            start=question.span.start,
            stop=question.span.stop,
            seconds=round(question.span.start / clip.fps, 2),
            expected=question.expected,
            why=question.why,
            box=question.box,
        )
        for question in questions
    ]
    mask = hindsight_questions.question_mask(tracks, questions)
    return ClipQuestions(rows, len(tracks), int(mask.sum()))


def _order(row: QuestionRow) -> tuple[float, str, int, int]:
    return -row.expected, row.clip, row.start, -1 if row.track is None else row.track

"""What a reviewer can do to the labels of a clip, as small messages; JSON tagged by `op`.

Frames are 0-based in the clip, spans half-open, boxes `x1 y1 x2 y2` in px.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from oneclick.core.errors import BadInput
from oneclick.storage import bounded_documents
from oneclick.storage.bounded_documents import BrokenJson

Box = tuple[float, float, float, float]
Answer = Literal["right", "wrong", "nobody", "unsure"]
"""What a reviewer says about a question: the labels are right, they were corrected, nobody is
there, or it cannot be told."""
MAX_QUESTION = 200
"""Characters of the name of a question."""


class BadEdit(BadInput):
    """An operation that the labels do not allow; nothing is changed."""


class _Operation(msgspec.Struct, frozen=True, tag_field="op", forbid_unknown_fields=True):
    """Base class of the operations."""


class CarriedBoxes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The boxes of a person through the clip that follow from one drawn box."""

    frames: list[int]
    boxes: list[Box]
    scores: list[float]
    origins: str
    """One letter a box (core.tracks.ORIGINS)."""


class DrawTrack(_Operation, tag="draw", frozen=True, kw_only=True):
    """Add a track that begins as one drawn box."""

    track: int
    """Id of the new track."""
    cls: str
    frame: int
    box: Box
    carry: bool = True
    """Whether the machine is to follow the person through the clip."""
    carried: CarriedBoxes | None = None
    """What it found, the drawn box among them; None: the drawn box alone."""


class MoveBox(_Operation, tag="move", frozen=True):
    """Set the box of a track in one frame; its shift spreads to the frames around it."""

    track: int
    frame: int
    box: Box


class DeleteTrack(_Operation, tag="delete", frozen=True):
    """Edit that removes a track with all its boxes."""

    track: int


class TrimTrack(_Operation, tag="trim", frozen=True):
    """Remove the boxes of a track in a span: the person is not to be seen there."""

    track: int
    start: int
    stop: int


class FillTrack(_Operation, tag="fill", frozen=True):
    """Give a track a box in every frame of a span that has none."""

    track: int
    start: int
    stop: int


class SplitTrack(_Operation, tag="split", frozen=True):
    """Make the boxes of a track from a frame on a track of their own."""

    track: int
    frame: int
    new: int
    """Id of the later part."""


class MergeTracks(_Operation, tag="merge", frozen=True):
    """Join another track to a track, where that has no box; the other one vanishes."""

    track: int
    other: int


class SwapTracks(_Operation, tag="swap", frozen=True):
    """Exchange boxes and attributes of two tracks from a frame on."""

    track: int
    other: int
    frame: int


class ClassifyTrack(_Operation, tag="classify", frozen=True):
    """Change the class of a track."""

    track: int
    cls: str


class DescribeTrack(_Operation, tag="describe", frozen=True):
    """Set the value of an attribute over a span; None removes it."""

    track: int
    attribute: str
    start: int
    stop: int
    value: str | None


class AnswerQuestion(_Operation, tag="answer", frozen=True):
    """Record that a reviewer looked at a question."""

    question: str
    answer: Answer


class CommentSpan(_Operation, tag="comment", frozen=True, kw_only=True):
    """Write a comment about a span, or about a track in it."""

    id: str
    """Chosen by the client: letters, digits, `_` and `-`."""
    start: int
    stop: int
    track: int | None
    text: str


class ResolveComment(_Operation, tag="resolve", frozen=True):
    """Say that a comment is settled, or open again."""

    id: str
    resolved: bool


class Undo(_Operation, tag="undo", frozen=True):
    """Take back the newest operation that was not taken back yet."""


class Redo(_Operation, tag="redo", frozen=True):
    """Do again what was taken back last."""


Change = (
    DrawTrack
    | MoveBox
    | DeleteTrack
    | TrimTrack
    | FillTrack
    | SplitTrack
    | MergeTracks
    | SwapTracks
    | ClassifyTrack
    | DescribeTrack
    | AnswerQuestion
    | CommentSpan
    | ResolveComment
)
"""An operation on labels, or a note about them."""
Operation = Change | Undo | Redo
"""An operation, or a step through the history of operations."""


def decode(content: bytes) -> Operation:
    """Decode an operation.

    Raises:
        BadEdit: it is none.
    """
    try:
        operation: Operation = bounded_documents.parse_json(content, Operation)
    except BrokenJson as error:
        raise BadEdit(f"no edit of labels: {error}") from None
    return operation

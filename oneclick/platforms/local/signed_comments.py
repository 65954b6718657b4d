"""Who wrote a comment and when, and who resolved it: the journal knows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from oneclick.editing.comments import Comment
from oneclick.storage.bounded_documents import parse_json
from oneclick.storage.edit_journals import JournalEntry


class SignedComment(Comment, frozen=True, kw_only=True):
    """A comment with the people behind it."""

    by: str
    at: datetime
    """UTC."""
    resolved_by: str = ""
    """Empty while it is open."""
    resolved_at: datetime | None = None


class _Step(msgspec.Struct, frozen=True):
    """What matters here of an operation."""

    op: str
    id: str = ""


def sign(
    comments: Sequence[Comment],
    entries: Sequence[JournalEntry],
    earlier: Sequence[SignedComment] = (),
) -> tuple[SignedComment, ...]:
    """Return the comments with authors and times.

    Args:
        comments: as they are after all edits.
        entries: all edits of the round of review.
        earlier: the open comments of the round before, with which this one began.
    """
    if not comments:
        return ()
    newest = {(step.op, step.id): entry for step, entry in _standing(entries)}
    authors = {comment.id: comment for comment in earlier}
    signed = []
    for comment in comments:
        author = authors.get(comment.id) or newest["comment", comment.id]
        resolution = newest["resolve", comment.id] if comment.resolved else None
        signed.append(
            SignedComment(
                **msgspec.structs.asdict(comment),
                by=author.by,
                at=author.at,
                resolved_by=resolution.by if resolution else "",
                resolved_at=resolution.at if resolution else None,
            )
        )
    return tuple(signed)


def unsigned(comments: Sequence[SignedComment]) -> tuple[Comment, ...]:
    """Return the comments as they stand in the state of a clip."""
    names = Comment.__struct_fields__
    return tuple(Comment(**{name: getattr(each, name) for name in names}) for each in comments)


def _standing(entries: Sequence[JournalEntry]) -> list[tuple[_Step, JournalEntry]]:
    """Return the edits that were not taken back, or were done again."""
    done, undone = list[tuple[_Step, JournalEntry]](), list[tuple[_Step, JournalEntry]]()
    for entry in entries:
        step: _Step = parse_json(entry.op, _Step)
        if step.op == "undo":
            undone.append(done.pop())
        elif step.op == "redo":
            done.append(undone.pop())
        else:
            done.append((step, entry))
            undone.clear()
    return done

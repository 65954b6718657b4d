"""Comments on spans of a clip: open until somebody resolves them; they change no label."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from oneclick.core import visible
from oneclick.editing.operations import BadEdit, CommentSpan, ResolveComment

if TYPE_CHECKING:
    from oneclick.editing.state import EditState

MAX_TEXT = 1000
"""Characters of a comment as it is shown."""
MAX_COMMENTS = 200
"""Comments on one clip in one round of review."""
_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")


class Comment(msgspec.Struct, frozen=True, kw_only=True):
    """What a reviewer wrote about a span."""

    id: str
    start: int
    """First frame, 0-based."""
    stop: int
    track: int | None
    """Track that it is about; it may be gone since. None: the span as a whole."""
    text: str
    """One line; hidden characters stand as escapes."""
    resolved: bool = False


def add(state: EditState, operation: CommentSpan) -> EditState:
    """Return the state with one more comment, which is open.

    Raises:
        BadEdit: the id is in use or none, the text is empty or too long, or there are too many.
    """
    if not _ID.fullmatch(operation.id) or _find(state.comments, operation.id):
        raise BadEdit("that id of a comment is in use, or not 1 to 100 letters and digits")
    if len(state.comments) >= MAX_COMMENTS:
        raise BadEdit(f"a clip takes {MAX_COMMENTS} comments; the newest ones can be undone")
    text = visible.line(operation.text).strip()
    if not 0 < len(text) <= MAX_TEXT:
        raise BadEdit(f"a comment has 1 to {MAX_TEXT} characters, not {len(text)}")
    comment = Comment(
        id=operation.id,
        start=operation.start,
        stop=operation.stop,
        track=operation.track,
        text=text,
    )
    return replace(state, comments=(*state.comments, comment))


def resolve(state: EditState, operation: ResolveComment) -> EditState:
    """Return the state with a comment resolved, or open again.

    Raises:
        BadEdit: there is no such comment, or it is so already.
    """
    comment = _find(state.comments, operation.id)
    if comment is None:
        raise BadEdit("there is no such comment")
    if comment.resolved == operation.resolved:
        raise BadEdit(f"the comment is {'resolved' if comment.resolved else 'open'} already")
    changed = msgspec.structs.replace(comment, resolved=operation.resolved)
    return replace(
        state,
        comments=tuple(changed if each is comment else each for each in state.comments),
    )


def _find(comments: tuple[Comment, ...], comment_id: str) -> Comment | None:
    return next((comment for comment in comments if comment.id == comment_id), None)

"""Clips: labels with all edits so far, leases, edits, the decision, reopening."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from oneclick.core.clips import ClipStage
from oneclick.core.errors import IllegalMove, UsageError
from oneclick.core.review import Decision
from oneclick.editing import operations, state
from oneclick.platforms.local.desk_records import DeskRecord
from oneclick.platforms.local.workbench import EditRequest, EditResult
from oneclick.stages import reopen
from oneclick.storage import labels
from oneclick.web.accounts.access import SessionUser, access_of, role
from oneclick.web.api.desk import ReviewDesk, answer, desk_of, refusals
from oneclick.web.refusals import Refused

router = APIRouter()
Viewer = Annotated[SessionUser, Depends(role("viewer"))]
Annotator = Annotated[SessionUser, Depends(role("annotator"))]
Lead = Annotated[SessionUser, Depends(role("lead"))]
Key = Annotated[str, Field(min_length=1, max_length=100)]
Round = Annotated[str, Field(max_length=100)]
Count = Annotated[int, Field(ge=0, lt=1 << 53)]
ORIGINS = {
    "d": "detected by one model",
    "u": "united from several models",
    "i": "interpolated",
    "r": "recovered from a low score",
    "h": "set by a person",
}
"""Words for the origin letters of boxes."""


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class LeaseBody(_Body):
    """Whether to take a clip over from somebody else."""

    take: bool = False


class FenceBody(_Body):
    """Number of the sender's lease."""

    fence: Count


class EditBody(_Body):
    """Body of the request that edits labels."""

    key: Key
    base: Count
    fence: Count
    round: Round = ""
    op: dict[str, Any]


class VerdictBody(_Body):
    """Body of the request that accepts or rejects a clip."""

    key: Key
    base: Count
    fence: Count
    round: Round = ""
    decision: Decision
    reason: Annotated[str, Field(max_length=2000)] = ""
    active_seconds: Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False, strict=False)] = 0


class ReopenBody(_Body):
    """Why a clip is reviewed again."""

    reason: Annotated[str, Field(min_length=1, max_length=2000)]


@router.get("/api/clips/{clip}")
def open_clip(request: Request, clip: str, user: Viewer) -> Response:
    """Return the labels of a clip with all edits so far, and the questions about them.

    A clip that does not wait for review is shown as its newest labels are.
    """
    desk = desk_of(request)
    record = desk.record(clip, user)
    access_of(request).audit.record_view(user, clip)
    current = desk.round(clip, user)
    if not current.queue.is_open(clip):
        return answer(_decided_clip(desk, user, clip))
    with refusals():
        opened = current.bench.open(clip)
        lease = desk.leases.of(clip)
        reopening = current.queue.reopening(clip)
        question_list = desk.questions(record, current.queue.shown_labels(clip))
    document = opened.state.to_document() | {
        "camera": record.clip.camera,
        "stage": ClipStage.IN_REVIEW.value,
        "comments": opened.comments,
        "head": opened.head,
        "undoable": opened.undoable,
        "redoable": opened.redoable,
        "revision": opened.revision,
        "round": opened.round,
        "questions": question_list,
        "origins": ORIGINS,
        "lease": {"holder": lease.holder, "until": lease.until.isoformat()} if lease else None,
        "reopened": {"reason": reopening.reason, "by": reopening.by} if reopening else None,
    }
    return answer(document)


def _decided_clip(desk: ReviewDesk, user: SessionUser, clip: str) -> dict[str, Any]:
    record = desk.record(clip, user)
    label_set = labels.latest(desk.workspace, clip)
    if label_set is None:
        raise Refused(404, "this clip has no labels yet")
    desk_record = DeskRecord.load(desk.queue.desk_file(clip))
    edit_state = state.EditState.from_labels(label_set, record.clip.fps, desk.settings.attributes)
    return edit_state.to_document() | {
        "camera": record.clip.camera,
        "stage": record.stage.value,
        "comments": desk_record.comments if desk_record else (),
        "head": 0,
        "undoable": 0,
        "redoable": 0,
        "revision": label_set.revision,
        "round": "",
        "questions": [],
        "origins": ORIGINS,
        "lease": None,
        "reopened": None,
        "decided": record.stage is not ClipStage.LABELLED,
    }


@router.post("/api/clips/{clip}/lease")
def take_lease(request: Request, clip: str, user: Annotator, body: LeaseBody) -> Response:
    """Lease a clip, also from somebody else where that is wanted."""
    desk = desk_of(request)
    desk.record(clip, user)
    with refusals():
        lease = desk.leases.take(clip, user.name, body.take)
    detail = "taken over" if body.take else ""
    access_of(request).audit.record(user, "lease", clip, detail=detail, durable=False)
    return answer({"fence": lease.fence, "until": lease.until.isoformat()})


@router.post("/api/clips/{clip}/heartbeat")
def renew_lease(request: Request, clip: str, user: Annotator, body: FenceBody) -> Response:
    """Prolong a lease: the page is still open."""
    desk = desk_of(request)
    desk.record(clip, user)
    if not desk.round(clip, user).queue.is_open(clip):
        raise Refused(409, f"clip {clip} was decided: it waits for nobody", decided=True)
    with refusals():
        lease = desk.leases.renew(clip, user.name, body.fence)
    return answer({"fence": lease.fence, "until": lease.until.isoformat()})


@router.post("/api/clips/{clip}/release")
def release_lease(request: Request, clip: str, user: Annotator, body: FenceBody) -> Response:
    """Give a clip back; where a later lease took the place of this one, nothing is changed."""
    desk = desk_of(request)
    desk.record(clip, user)
    return answer({"released": desk.leases.release(clip, user.name, body.fence)})


@router.post("/api/clips/{clip}/edits")
def edit(request: Request, clip: str, user: Annotator, body: EditBody) -> Response:
    """Apply an edit; the answer means that it is on the disk."""
    desk = desk_of(request)
    desk.record(clip, user)
    operation = operations.decode(msgspec.json.encode(body.op))
    edit_request = _edit_request(clip, body, user)
    with refusals():
        result = desk.round(clip, user).bench.edit(edit_request, operation)
    # The journal is the durable record of edits; the log has them in its own order.
    kind = str(body.op.get("op", ""))
    access_of(request).audit.record(
        user, "edit", clip, detail=f"{result.rev} {kind}", durable=False
    )
    return answer(edit_document(result))


@router.post("/api/clips/{clip}/verdict")
def decide(request: Request, clip: str, user: Annotator, body: VerdictBody) -> Response:
    """Decide about a clip as its labels are now."""
    desk = desk_of(request)
    record = desk.record(clip, user)
    if body.decision == "reject" and not body.reason.strip():
        raise Refused(422, "say why the clip is rejected")
    edit_request = _edit_request(clip, body, user)
    current = desk.round(clip, user)
    with refusals():
        labels_shown = current.queue.shown_labels(clip) if current.queue.has(clip) else None
        question_list = desk.questions(record, labels_shown) if labels_shown else []
        is_first = current.bench.decide(
            edit_request,
            body.decision,
            reason=body.reason,
            active_seconds=body.active_seconds,
            asked=question_list,
        )
    if not is_first:
        raise Refused(409, f"clip {clip} was decided by somebody else", decided=True)
    access_of(request).audit.record(user, "verdict", clip, detail=body.decision, durable=False)
    desk.collection.request()
    return answer({"decision": body.decision})


@router.post("/api/clips/{clip}/reopen")
def reopen_clip(request: Request, clip: str, user: Lead, body: ReopenBody) -> Response:
    """Put a clip that was accepted or published back into review."""
    desk = desk_of(request)
    desk.record(clip, user)
    try:
        reopening = reopen.reopen(desk.home, clip, user.name, body.reason)
    except (IllegalMove, UsageError) as error:
        raise Refused(409, str(error)) from None
    access_of(request).audit.record(user, "reopen", clip, detail=reopening.reason)
    return answer({"round": reopening.round, "revision": reopening.revision})


def _edit_request(clip: str, body: EditBody | VerdictBody, user: SessionUser) -> EditRequest:
    return EditRequest(
        clip=clip,
        key=body.key,
        base=body.base,
        fence=body.fence,
        by=user.name,
        round=body.round,
    )


def edit_document(result: EditResult) -> dict[str, Any]:
    """Convert the result of an edit to what JSON holds."""
    changed_comments = {} if result.comments is None else {"comments": result.comments}
    return changed_comments | {
        "rev": result.rev,
        "changed": [state.track_document(track) for track in result.changed],
        "removed": result.removed,
        "answers": result.answers,
        "undoable": result.undoable,
        "redoable": result.redoable,
    }

"""Second looks: for leads, the clips whose two reviews differ, side by side."""

from __future__ import annotations

from typing import Annotated, Any, get_args

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from oneclick.core.errors import IllegalMove, UnknownName, UsageError
from oneclick.core.labels import LabelTrack
from oneclick.editing import state
from oneclick.feedback import review_quality
from oneclick.feedback.review_quality import Correction
from oneclick.stages import second_looks
from oneclick.storage import labels
from oneclick.storage.second_looks import Choice, LookResult
from oneclick.web.accounts.access import SessionUser, access_of, role
from oneclick.web.api.desk import answer, desk_of
from oneclick.web.refusals import Refused

router = APIRouter()
Lead = Annotated[SessionUser, Depends(role("lead"))]
CHOICES = get_args(Choice)


class SettleBody(BaseModel):
    """Body of the request by which a lead settles two reviews of a clip."""

    model_config = ConfigDict(extra="forbid", strict=True)

    choice: Choice
    reason: Annotated[str, Field(max_length=2000)] = ""


@router.get("/api/looks")
def list_looks(request: Request, user: Lead) -> Response:
    """Return the clips whose two reviews differ and that nobody settled, oldest first."""
    desk = desk_of(request)
    rows = []
    for result in desk.looks.unsettled():
        try:
            record = desk.record(result.clip, user)
        except Refused:
            continue  # another camera's
        rows.append(_summary(result) | {"camera": record.clip.camera})
    return answer({"looks": rows})


@router.get("/api/looks/{clip}")
def open_look(request: Request, clip: str, user: Lead) -> Response:
    """Return both reviews of a clip, and where they differ.

    Where a later review has overtaken them, its labels stand in the place of the first ones.
    """
    desk = desk_of(request)
    record = desk.record(clip, user)
    result = desk.looks.result(clip)
    if result is None:
        raise Refused(404, "nobody looked a second time at this clip")
    access_of(request).audit.record_view(user, clip)
    sent, first = (
        second_looks.read_revision(desk.workspace, clip, number)
        for number in (result.sent, result.accepted)
    )
    settlement = desk.looks.settlement(clip)
    is_overtaken = settlement is None and desk.looks.is_overtaken(result)
    newest = labels.latest(desk.workspace, clip) if is_overtaken else None
    first_name = result.first
    if newest is not None and newest.revision > result.accepted:
        first, first_name = newest, newest.made_by
    second = tuple(track.decode() for track in result.tracks)
    edit_state = state.EditState.from_labels(first, record.clip.fps, desk.settings.attributes)
    return answer(
        edit_state.to_document()
        | _summary(result)
        | {
            "camera": record.clip.camera,
            "stage": record.stage.value,
            "first": first_name,
            "sides": [
                {"by": by, "tracks": [state.track_document(track) for track in tracks]}
                for by, tracks in ((first_name, first.tracks), (result.second, second))
            ],
            "differences": differences(sent.tracks, first.tracks, second),
            "settled": settlement.choice if settlement else None,
            "overtaken": is_overtaken,
        }
    )


@router.post("/api/looks/{clip}/settle")
def settle(request: Request, clip: str, user: Lead, body: SettleBody) -> Response:
    """Decide which of two reviews stands, or put the clip back into review."""
    desk = desk_of(request)
    desk.record(clip, user)
    try:
        settlement = second_looks.settle(desk.home, clip, body.choice, user.name, body.reason)
    except UnknownName:
        raise Refused(404, "nobody looked a second time at this clip") from None
    except IllegalMove as error:
        raise Refused(409, str(error)) from None
    except UsageError:
        raise Refused(422, "say why the clip is reviewed again") from None
    access_of(request).audit.record(user, "settle", clip, detail=settlement.choice)
    desk.collection.request()
    return answer({"choice": settlement.choice})


def differences(
    sent: tuple[LabelTrack, ...], first: tuple[LabelTrack, ...], second: tuple[LabelTrack, ...]
) -> list[dict[str, Any]]:
    """Return what only one of two reviewers corrected, in the order of frames."""
    sides = [review_quality.find_corrections(sent, tracks) for tracks in (first, second)]
    rows = []
    for side, other in ((0, 1), (1, 0)):
        for correction in sides[side]:
            if not any(correction.equals(each) for each in sides[other]):
                rows.append(_correction_document(correction, side))
    return sorted(rows, key=lambda row: (row["start"], row["side"], row["kind"]))


def _correction_document(correction: Correction, side: int) -> dict[str, Any]:
    return {
        "kind": correction.kind,
        "side": side,
        "start": int(correction.frames[0]),
        "stop": int(correction.frames[-1]) + 1,
        "box": [round(value, 1) for value in correction.boxes[0].tolist()],
    }


def _summary(result: LookResult) -> dict[str, Any]:
    one_sided = [
        counts.first + counts.second - 2 * counts.both for counts in result.corrections.values()
    ]
    return {
        "clip": result.clip,
        "first": result.first,
        "second": result.second,
        "at": result.at.isoformat(),
        "decision": result.decision,
        "reason": result.reason,
        "agreement": result.agreement,
        "count": sum(one_sided),
    }

"""`/api/predictions` and `/api/spans`: what edge cameras send, and what they are asked for."""

from __future__ import annotations

from typing import Any, cast

import msgspec
from fastapi import APIRouter, Request, Response

from oneclick.core.edge_messages import IntakeAnswer
from oneclick.storage import intake_counts, span_requests
from oneclick.web.intake import bodies
from oneclick.web.intake.desk import IntakeDesk
from oneclick.web.intake.spans import SpanUploads
from oneclick.web.intake.tokens import CameraToken
from oneclick.web.refusals import Refused

PATHS = ("/api/predictions", "/api/spans")
"""Their bodies are no JSON, and read behind the check of the token."""
router = APIRouter()


@router.post(PATHS[0])
async def receive(request: Request) -> Response:
    """Take a batch of predictions in; the answer comes when it is on the device."""
    desk, camera = _desk(request), intake_counts.STRANGERS
    try:
        token = _token(request)
        camera = token.camera
        (await desk.camera(camera)).admit(desk.settings.requests_per_minute)
        body = await bodies.read(request)
        batch = bodies.decode(request.headers.get("content-type", ""), body)
        answer = await desk.take(token, batch)
    except Refused as refusal:
        desk.refuse(camera, f"{refusal.status_code} {_kind(str(refusal.detail))}")
        raise
    return _json(answer)


@router.get(PATHS[0])
async def state(request: Request) -> Response:
    """Tell a device with which number it goes on."""
    intake = await _desk(request).camera(_token(request).camera)
    return _json(IntakeAnswer(next=intake.log.next, spans=intake.open_spans))


@router.get(PATHS[1])
def list_spans(request: Request) -> Response:
    """List the raw video that the device is asked for."""
    requests = span_requests.pending(_desk(request).workspace, _token(request).camera)
    return _json([wanted for wanted in requests if wanted.state == "open"])


@router.put("/api/spans/{span}")
async def upload(request: Request, span: str, offset: int = 0) -> dict[str, int]:
    """Add bytes to the video of a request; the answer is the offset wanted next."""
    token, body = _token(request), await bodies.read(request)
    return {"next": await _uploads(request).add(token, span, offset, body)}


@router.post("/api/spans/{span}")
async def answer_span(request: Request, span: str) -> dict[str, str]:
    """End a request: its video is complete, lies somewhere else, or does not come."""
    token, body = _token(request), await bodies.read(request)
    return {"state": await _uploads(request).finish(token, span, body)}


def _desk(request: Request) -> IntakeDesk:
    return cast(IntakeDesk, request.app.state.intake)


def _uploads(request: Request) -> SpanUploads:
    return SpanUploads(_desk(request).workspace, _desk(request).settings)


def _token(request: Request) -> CameraToken:
    return _desk(request).authorise(request.headers.get("authorization", ""))


def _kind(text: str) -> str:
    """Return what refusals of one kind have in common: their text up to the first colon."""
    return text.partition(":")[0][:80]


def _json(value: Any) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json")

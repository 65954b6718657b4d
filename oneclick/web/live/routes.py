"""Pages and API of live cameras: states, single pictures, and what triggers would have found."""

from __future__ import annotations

import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any, cast

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response

from oneclick import triggers
from oneclick.core.errors import BadInput
from oneclick.report.alerts import open_alerts
from oneclick.report.live_firing import live_firing
from oneclick.report.live_numbers import live_numbers
from oneclick.web import pages
from oneclick.web.accounts.access import SessionUser, access_of, role
from oneclick.web.api.desk import answer, desk_of
from oneclick.web.live import messages
from oneclick.web.live.cameras import WatchedCamera, cameras_of, record_view
from oneclick.web.live.pictures import LivePictures
from oneclick.web.refusals import Refused

router = APIRouter()
Viewer = Annotated[SessionUser, Depends(role("viewer"))]
MINUTES = 10.0
"""Time over which triggers are tried with another confidence."""
MOST_LIT = 400
"""Times of lit lamps that are told; of more the last ones."""
LIT_SECONDS = 2.0
"""Time for which the wall shows a lamp: it asks once a second, and many are lit for less."""
LAST_TIME = 1 << 36
"""Unix seconds, some thousand years from now."""


@router.get("/live")
def wall_page(request: Request, user: pages.Visitor) -> Response:
    """Return the page of all live cameras."""
    return pages.guarded_page(request, user, "live")


@router.get("/live/{camera}")
def camera_page(request: Request, camera: str, user: pages.Visitor) -> Response:
    """Return the page of one camera; whether the user may see it the API tells."""
    return pages.guarded_page(request, user, "live_camera")


@router.get("/api/live")
def list_cameras(request: Request, user: Viewer) -> Response:
    """Return each camera in scope with the lamps of its last seconds, and open alerts."""
    rows = []
    for camera in cameras_of(request).seen_by(user):
        try:
            rows.append(_summary(camera))
        except Refused:
            continue  # its state cannot be read now
    return answer({"cameras": rows, "alerts": _alerts(request, user), "now": time.time()})


def _alerts(request: Request, user: SessionUser) -> list[dict[str, Any]]:
    """Return the alerts about cameras in scope that hold."""
    try:
        alerts = open_alerts(cameras_of(request).home)
    except BadInput:
        return [{"camera": "", "text": "the alerts cannot be read: oneclick doctor says why"}]
    return [
        {"camera": alert.camera, "text": alert.text} for alert in alerts if user.sees(alert.camera)
    ]


@router.get("/api/live/{camera}/state")
def camera_state(request: Request, camera: str, user: Viewer) -> Response:
    """Return the state of one camera, what its ring holds, and when lamps were lit in it."""
    live_camera = cameras_of(request).get(camera, user)
    lit = live_camera.lit_times()[-MOST_LIT:]
    view = access_of(request).view_mode(user)
    return answer(_summary(live_camera) | {"lit": lit, "view": view, "now": time.time()})


@router.get("/api/live/{camera}/newest")
def newest_picture(request: Request, camera: str, user: Viewer) -> Response:
    """Return the message of the newest picture."""
    live_camera = _watched(request, camera, user)
    view = access_of(request).view_mode(user)
    return _message(_pictures(request).newest(live_camera, view))


@router.get("/api/live/{camera}/picture")
def picture(
    request: Request,
    camera: str,
    user: Viewer,
    at: Annotated[float | None, Query(alias="time", ge=0, le=LAST_TIME)] = None,
    source: Annotated[str, Query(max_length=200)] = messages.RING,
    number: Annotated[int, Query(ge=0, le=1 << 53)] = 0,
    step: Annotated[int, Query(ge=-1, le=1)] = 0,
) -> Response:
    """Return the message of a picture: the one nearest to a time, or by number in its source.

    No content where a step leads past the last picture, or the first.
    """
    live_camera = _watched(request, camera, user)
    view, pictures = access_of(request).view_mode(user), _pictures(request)
    if at is not None:
        return _message(pictures.at(live_camera, at, view))
    return _message(pictures.numbered(live_camera, source, number, step, view))


@router.get("/api/live/{camera}/firing")
def firing(
    request: Request,
    camera: str,
    user: Viewer,
    score: Annotated[float, Query(ge=0, le=1)],
) -> Response:
    """Return how often triggers would have fired in the last minutes at another confidence."""
    live_camera = cameras_of(request).get(camera, user)
    headers = live_camera.headers()
    last = max((header.time for header in headers), default=0.0)
    recent = [header for header in headers if header.time > last - 60 * MINUTES]
    conf = desk_of(request).settings.triggers
    rules = triggers.make(conf.enabled, conf.params)
    return answer(asdict(live_firing(recent, live_camera.classes, score, rules)))


@router.get("/api/live/{camera}/numbers")
def numbers(request: Request, camera: str, user: Viewer) -> Response:
    """Return what was recorded and found today, and in the same hours a week ago."""
    cameras_of(request).get(camera, user)
    result = asdict(live_numbers(desk_of(request).catalog, camera, datetime.now(UTC)))
    return answer(result | {"stop": result["stop"].timestamp()})


def _watched(request: Request, camera: str, user: SessionUser) -> WatchedCamera:
    """Return a camera of which a picture is shown, and record that."""
    live_camera = cameras_of(request).get(camera, user)
    record_view(request, user, live_camera)
    return live_camera


def _summary(camera: WatchedCamera) -> dict[str, Any]:
    """Return state and extent of the ring, with the lamps of its last seconds."""
    span = camera.ring.span()
    newest = camera.ring.newest_headers(LIT_SECONDS)
    lamps = {lamp.trigger: None for header in newest for lamp in header.lamps}
    return cast(dict[str, Any], msgspec.to_builtins(camera.state)) | {
        "ring": span and asdict(span),
        "lamps": list(lamps),
    }


def _pictures(request: Request) -> LivePictures:
    pictures: LivePictures = request.app.state.live_pictures
    return pictures


def _message(content: bytes | None) -> Response:
    if content is None:
        return Response(status_code=204)
    return Response(content, media_type="application/octet-stream")

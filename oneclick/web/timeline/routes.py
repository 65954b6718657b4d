"""The data of the timeline: lanes, curves, moments, and the pages that show them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Depends, Query, Request, Response

from oneclick.catalog import Catalog
from oneclick.core.clips import Video
from oneclick.core.errors import UnknownName
from oneclick.report import signal_curves, trigger_lanes, windows
from oneclick.storage import incidents, mutes
from oneclick.storage.mutes import Mute
from oneclick.web import pages
from oneclick.web.accounts.access import SessionUser, access_of, role
from oneclick.web.api.desk import answer, desk_of
from oneclick.web.media import CACHE
from oneclick.web.pages import Visitor
from oneclick.web.refusals import Refused
from oneclick.web.timeline import documents
from oneclick.web.timeline.frames import VideoFrames

router = APIRouter()
Viewer = Annotated[SessionUser, Depends(role("viewer"))]
Seconds = Annotated[float, Query(ge=0, le=1e11, allow_inf_nan=False)]
FRAME_HITS = 50
"""Hits of a moment that are named."""


@router.get("/timeline")
def timeline_page(request: Request, user: Visitor) -> Response:
    """Return the page of all cameras."""
    return pages.guarded_page(request, user, "timeline")


@router.get("/timeline/{camera}")
def camera_page(request: Request, camera: str, user: Visitor) -> Response:
    """Return the page of one camera; whether the user may see it the API tells."""
    return pages.guarded_page(request, user, "timeline")


@router.get("/api/timeline/extent")
def extent(request: Request, user: Viewer) -> Response:
    """Return the cameras of the user, and from when to when there is video of them."""
    catalog = _catalog(request)
    cameras = [name for name in catalog.cameras() if user.sees(name)]
    extents = [catalog.extent_between(None, None, camera) for camera in cameras]
    starts = [start.timestamp() for _, start, _ in extents if start]
    stops = [stop.timestamp() for _, _, stop in extents if stop]
    return answer(
        {
            "cameras": cameras,
            "start": min(starts, default=None),
            "stop": max(stops, default=None),
            "now": catalog.now().timestamp(),
        }
    )


@router.get("/api/timeline/lanes")
def lanes(
    request: Request, user: Viewer, start: Seconds, stop: Seconds, camera: str | None = None
) -> Response:
    """Return all lanes of a window, of one camera or of all that the user may see."""
    catalog = _catalog(request)
    if camera is not None:
        check_camera(catalog, user, camera)
    names = [camera] if camera else [name for name in catalog.cameras() if user.sees(name)]
    shown = trigger_lanes.trigger_lanes(catalog, start, stop, names)
    extra = {
        "mutes": [
            mute_document(mute)
            for mute in mutes.load(catalog.workspace).all
            if mute.camera in names
            and mute.since.timestamp() < stop
            and mute.ends_at.timestamp() > start
        ],
        "incidents": [
            documents.incident_document(incident)
            for incident in incidents.load(catalog.workspace)
            if incident.camera in names
            and incident.since.timestamp() < stop
            and incident.until.timestamp() > start
        ],
    }
    return Response(documents.encode_lanes(shown, extra), media_type="application/json")


@router.get("/api/timeline/curves/{camera}")
def curves(
    request: Request,
    camera: str,
    user: Viewer,
    start: Seconds,
    stop: Seconds,
    columns: Annotated[int, Query(ge=10, le=4000)] = 400,
) -> Response:
    """Return the curves of a camera in a window."""
    catalog = _catalog(request)
    check_camera(catalog, user, camera)
    if not 0 < stop - start <= trigger_lanes.MOST_SECONDS:
        raise Refused(422, "the window is empty, or too long")
    shown = signal_curves.signal_curves(catalog, camera, start, stop, columns)
    return answer(
        {
            "start": start,
            "complete": shown.is_complete,
            "curves": [
                {
                    "name": curve.name,
                    "step": curve.step,
                    "points": [[round(at - start, 3), low, high] for at, low, high in curve.points],
                }
                for curve in shown.curves
            ],
        }
    )


@router.get("/api/timeline/moment/{camera}")
def moment(
    request: Request,
    camera: str,
    user: Viewer,
    at: Seconds | None = None,
    video: str | None = None,
    frame: Annotated[int | None, Query(ge=0, lt=1 << 31)] = None,
) -> Response:
    """Return the frame at a time, or a frame of a video, with stored boxes and the hits there."""
    catalog = _catalog(request)
    check_camera(catalog, user, camera)
    if video is not None:
        recording = find_video(catalog, user, video)
        number = min(frame or 0, max(recording.frames - 1, 0))
    elif at is not None:
        recording, number = _frame_at(catalog, camera, at)
    else:
        raise Refused(422, "name a time, or a video and a frame")
    if recording.camera != camera:
        raise Refused(404, "there is no such video")
    taken = recording.taken_at(number)
    hits = [
        {"trigger": hit.trigger, "why": hit.why, "score": hit.score, "start": hit.start}
        for hit in catalog.hits_within(recording.id, 0, number + 1)
        if hit.stop > number
    ]
    return answer(
        {
            "video": recording.id,
            "frame": number,
            "frames": recording.frames,
            "fps": recording.fps,
            "width": recording.width,
            "height": recording.height,
            "at": taken.timestamp() if taken else None,
            "picture": f"/media/video/{recording.id}/{number}.jpg",
            "exists": catalog.workspace.video_file(recording).exists(),
            "models": _boxes(catalog, recording, number),
            "hits": hits[:FRAME_HITS],
        }
    )


@router.get("/media/video/{video}/{frame}.jpg")
def video_frame(
    request: Request, video: str, frame: str, user: Viewer, small: bool = False
) -> Response:
    """Return a frame of a recording, blurred for roles that need no faces."""
    catalog, access = _catalog(request), access_of(request)
    recording = find_video(catalog, user, video)
    number = int(frame) if frame.isascii() and frame.isdigit() and len(frame) <= 9 else -1
    if not 0 <= number < recording.frames:
        raise Refused(404, "there is no such frame")
    access.audit.record_view(user, recording.id)
    frames: VideoFrames = request.app.state.video_frames
    is_blurred = access.view_mode(user) == "blurred"
    content = frames.jpeg(recording, number, is_blurred, is_small=small)
    return Response(content, media_type="image/jpeg", headers=CACHE)


def mute_document(mute: Mute) -> dict[str, Any]:
    """Convert a mute to what JSON holds."""
    return {
        "id": mute.id,
        "camera": mute.camera,
        "trigger": mute.trigger,
        "start": mute.since.timestamp(),
        "stop": mute.ends_at.timestamp(),
        "reason": mute.reason,
        "by": mute.by,
        "lifted": mute.lifted_at is not None,
    }


def find_video(catalog: Catalog, user: SessionUser, video: str) -> Video:
    """Return a video that the user may see.

    Raises:
        Refused: 404: there is none, or its camera is not in the user's scope.
    """
    try:
        recording = catalog.video(video)
    except UnknownName:
        raise Refused(404, "there is no such video") from None
    if not user.sees(recording.camera):
        raise Refused(404, "there is no such video")
    return recording


def check_camera(catalog: Catalog, user: SessionUser, camera: str) -> None:
    """Raise Refused (404) where there is no such camera, or it is not in the user's scope."""
    if not user.sees(camera) or camera not in catalog.cameras():
        raise Refused(404, "there is no such camera")


def _frame_at(catalog: Catalog, camera: str, at: float) -> tuple[Video, int]:
    """Return the recording and frame of a time; where there is no video, the nearest before it."""
    when = windows.utc_time(at)
    videos = catalog.videos_between(when, datetime.fromtimestamp(at + 1, UTC), camera)
    if not videos:
        raise Refused(404, "there is no video at this time")
    recording = videos[0]
    assert recording.started_at is not None
    number = round(recording.frame_at(at - recording.started_at.timestamp()))
    return recording, max(0, min(number, recording.frames - 1))


def _boxes(catalog: Catalog, video: Video, frame: int) -> list[dict[str, Any]]:
    """Return the stored boxes of all models on one frame."""
    folder = catalog.workspace.predictions(video.id, "-").parent
    models = []
    for path in sorted(folder.glob("[!.]*.parquet")):
        detections = signal_curves.load_visible(catalog.workspace, video.id, path.stem)
        if detections is None or frame >= detections.length:
            continue
        rows = detections.rows(frame)
        models.append(
            {
                "model": path.stem,
                "boxes": np.round(detections.boxes[rows].astype(np.float64), 1).tolist(),
                "scores": np.round(detections.scores[rows].astype(np.float64), 3).tolist(),
                "names": [detections.names[int(number)] for number in detections.classes[rows]],
            }
        )
    return models


def _catalog(request: Request) -> Catalog:
    return desk_of(request).catalog

"""Pages and API of searches in a region: start, follow and end them, and a picture to draw on."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from oneclick.catalog import Catalog
from oneclick.core.clips import Video
from oneclick.core.errors import UnknownName
from oneclick.core.moments import EVIDENCE, Evidence, Moment
from oneclick.core.regions import Region
from oneclick.core.spans import Span
from oneclick.report import windows
from oneclick.stages import region_search
from oneclick.storage import searches
from oneclick.storage.searches import SearchRecord
from oneclick.web import pages
from oneclick.web.accounts.access import SessionUser, access_of, role
from oneclick.web.accounts.users import ROLES
from oneclick.web.api.desk import answer, desk_of
from oneclick.web.refusals import Refused
from oneclick.web.search.desk import SearchDesk
from oneclick.web.timeline import routes as timeline_routes

router = APIRouter()
Viewer = Annotated[SessionUser, Depends(role("viewer"))]
Seconds = Annotated[float, Field(ge=0, le=1e11, allow_inf_nan=False, strict=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False, strict=False)]
AROUND_MOMENT = 1.5
"""Seconds before and after a moment that its clip has."""
MOST_IN_CLIP = 58.0
"""Seconds of a clip of a moment that lasts longer, around its strongest frame."""
MOST_FAILURES = 20
"""Lines about recordings that could not be searched; of more the number is told."""
MOST_LISTED = 30
"""Earlier searches that are listed."""


class SearchBody(BaseModel):
    """What to look for, where and when; times in seconds since 1970."""

    model_config = ConfigDict(extra="forbid", strict=True)

    key: Annotated[str, Field(min_length=8, max_length=100)]
    region: Annotated[list[Share], Field(min_length=4, max_length=4)]
    evidence: Annotated[list[Evidence], Field(min_length=1, max_length=3)]
    start: Seconds | None = None
    stop: Seconds | None = None


@router.get("/search/{camera}")
def search_page(request: Request, camera: str, user: pages.Visitor) -> Response:
    """Return the page where a search on a camera is started."""
    return pages.guarded_page(request, user, "search")


@router.get("/search/{camera}/{name}")
def result_page(request: Request, camera: str, name: str, user: pages.Visitor) -> Response:
    """Return the page of one search; whether the user may see it the API tells."""
    return pages.guarded_page(request, user, "search")


@router.post("/api/search/{camera}")
def start(request: Request, camera: str, user: Viewer, body: SearchBody) -> Response:
    """Start a search; doing it twice starts it once."""
    timeline_routes.check_camera(desk_of(request).catalog, user, camera)
    region = Region(*body.region)
    since, until = (_time(value) for value in (body.start, body.stop))
    if since and until and since >= until:
        raise Refused(422, "the time ends before it begins")
    kinds = tuple(kind for kind in EVIDENCE if kind in body.evidence)
    record = SearchRecord(
        id="",
        camera=camera,
        region=(region.x1, region.y1, region.x2, region.y2),
        evidence=kinds,
        since=since,
        until=until,
        by=user.name,
        at=desk_of(request).catalog.now(),
    )
    started = _search_desk(request).start(record, body.key)
    place = ",".join(f"{side:g}" for side in record.region)
    detail = f"{started.id}: {', '.join(kinds)} in {place} from {since} to {until}"
    access_of(request).audit.record(user, "search", camera, detail=detail)
    return answer({"id": started.id})


@router.get("/api/search/{camera}")
def earlier(request: Request, camera: str, user: Viewer) -> Response:
    """Return the user's own searches on a camera, the newest first; of everybody's to a lead."""
    catalog = desk_of(request).catalog
    timeline_routes.check_camera(catalog, user, camera)
    records = searches.all_of(catalog.workspace, camera, None if _leads(user) else user.name)
    return answer({"searches": [_summary(record) for record in records[:MOST_LISTED]]})


@router.get("/api/search/{camera}/picture")
def picture(
    request: Request,
    camera: str,
    user: Viewer,
    start: timeline_routes.Seconds | None = None,
    stop: timeline_routes.Seconds | None = None,
    back: Annotated[int, Query(ge=0, le=10_000)] = 0,
) -> Response:
    """Return a picture to draw a region on: of the newest recording in a time, or one before."""
    catalog = desk_of(request).catalog
    timeline_routes.check_camera(catalog, user, camera)
    since, until = _time(start), _time(stop)
    videos = catalog.videos_between(since, until, camera)
    if since is None and until is None:
        videos = [*catalog.undated_videos(camera), *videos]
    present = (video for video in reversed(videos) if catalog.workspace.video_file(video).is_file())
    for number, video in enumerate(present):
        spans = list(region_search.spans_in_window(video, since, until))
        if number == back and spans:
            return answer(_picture(video, spans[len(spans) // 2]))
    raise Refused(404, "there is no such recording in this time")


@router.get("/api/search/{camera}/{name}/state")
def state(
    request: Request,
    camera: str,
    name: str,
    user: Viewer,
    after: Annotated[int, Query(ge=0, le=1 << 31)] = 0,
) -> Response:
    """Return how far a search is, and its moments from number `after` on."""
    record, catalog = _find(request, camera, name, user), desk_of(request).catalog
    home = f"{catalog.workspace.home}/"
    videos = dict[str, Video | None]()
    return answer(
        _summary(record)
        | {
            "reason": _visible(record.reason, home),
            "seconds": record.seconds,
            "mine": record.by == user.name or _leads(user),
            "failed": [_visible(line, home) for line in record.failed.values()][:MOST_FAILURES],
            "failures": len(record.failed),
            "after": after,
            "moments": [_moment(catalog, each, videos) for each in record.moments[after:]],
        }
    )


@router.post("/api/search/{camera}/{name}/cancel")
def cancel(request: Request, camera: str, name: str, user: Viewer) -> Response:
    """End a search; what it found until then stays."""
    record = _find(request, camera, name, user)
    if record.by != user.name:
        access_of(request).require(user, "lead")
    if record.is_open:
        searches.cancel(desk_of(request).workspace, record.id)
        access_of(request).audit.record(user, "search-cancel", camera, detail=record.id)
    return answer({"id": record.id})


def _find(request: Request, camera: str, name: str, user: SessionUser) -> SearchRecord:
    """Return a search on a camera that the user may see. Raises Refused (404)."""
    catalog = desk_of(request).catalog
    timeline_routes.check_camera(catalog, user, camera)
    try:
        record = searches.load(catalog.workspace, name)
    except UnknownName:
        raise Refused(404, "there is no such search") from None
    if record.camera != camera:
        raise Refused(404, "there is no such search")
    return record


def _summary(record: SearchRecord) -> dict[str, Any]:
    """Convert a search without its moments to what JSON holds."""
    return {
        "id": record.id,
        "camera": record.camera,
        "region": record.region,
        "evidence": record.evidence,
        "start": record.since and record.since.timestamp(),
        "stop": record.until and record.until.timestamp(),
        "by": record.by,
        "at": record.at.timestamp(),
        "status": record.status,
        "share": record.share,
        "count": len(record.moments),
    }


def _moment(catalog: Catalog, moment: Moment, videos: dict[str, Video | None]) -> dict[str, Any]:
    """Convert a moment to what JSON holds; `clip` is the span of time that would be its clip."""
    if moment.video not in videos:
        try:
            videos[moment.video] = catalog.video(moment.video)
        except UnknownName:
            videos[moment.video] = None
    video = videos[moment.video]
    return {
        "video": moment.video,
        "frame": moment.frame,
        "at": moment.at and moment.at.timestamp(),
        "seconds": len(moment.span) / video.fps if video else 0.0,
        "evidence": moment.evidence,
        "strength": moment.strength,
        "why": moment.why,
        "clip": clip_span(video, moment) if video else None,
        "picture": f"/media/video/{moment.video}/{moment.frame}.jpg?small=1",
    }


def clip_span(video: Video, moment: Moment) -> tuple[float, float] | None:
    """Return start and stop of the clip of a moment in seconds since 1970; None without a date.

    It stays within the recording and its stretch, where a clip must lie.
    """
    if video.started_at is None:
        return None
    around = round(AROUND_MOMENT * video.fps)
    first, stop_frame = moment.start - around, moment.stop + around
    if (stop_frame - first) / video.fps > MOST_IN_CLIP:
        half = int(MOST_IN_CLIP * video.fps / 2)
        first, stop_frame = moment.frame - half, moment.frame + half
    stretch = video.timing.stretch_at(moment.frame, video.frames)
    first, last = max(first, stretch.start), min(stop_frame, stretch.stop) - 1
    start, stop = (video.started_at.timestamp() + video.seconds_at(each) for each in (first, last))
    return start, stop + 0.5 / video.fps


def _picture(video: Video, span: Span) -> dict[str, Any]:
    """Describe the frame in the middle of a span."""
    frame = (span.start + span.stop) // 2
    taken = video.taken_at(frame)
    return {
        "video": video.id,
        "frame": frame,
        "width": video.width,
        "height": video.height,
        "at": taken and taken.timestamp(),
        "picture": f"/media/video/{video.id}/{frame}.jpg",
    }


def _time(seconds: float | None) -> datetime | None:
    return None if seconds is None else windows.utc_time(seconds)


def _visible(line: str, home: str) -> str:
    """Return a line about a failure without paths of this machine."""
    return line.split("; traceback in ", 1)[0].replace(home, "")


def _leads(user: SessionUser) -> bool:
    return ROLES.index(user.role) >= ROLES.index("lead")


def _search_desk(request: Request) -> SearchDesk:
    return cast(SearchDesk, request.app.state.search)

"""What people do on the timeline: clips of spans, muted triggers, incidents."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from oneclick import triggers
from oneclick.core.errors import Unavailable, UnknownName, UsageError
from oneclick.report import windows
from oneclick.stages import pick_span
from oneclick.storage import incidents, mutes
from oneclick.storage.mutes import Mute
from oneclick.web.accounts.access import SessionUser, access_of, role
from oneclick.web.api.desk import answer, desk_of
from oneclick.web.refusals import Refused
from oneclick.web.timeline import documents, routes

router = APIRouter()
Annotator = Annotated[SessionUser, Depends(role("annotator"))]
Lead = Annotated[SessionUser, Depends(role("lead"))]
Key = Annotated[str, Field(min_length=8, max_length=100)]
Moment = Annotated[float, Field(ge=0, le=1e11, allow_inf_nan=False, strict=False)]
Reason = Annotated[str, Field(min_length=1, max_length=500)]
LONGEST_MUTE = timedelta(days=31)


class _ActionBody(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class ClipBody(_ActionBody):
    """A span that is to become a clip, in seconds since 1970."""

    start: Moment
    stop: Moment


class IncidentBody(ClipBody):
    """A span that is to be kept."""

    key: Key
    reason: Reason


class MuteBody(_ActionBody):
    """A trigger that is not to be heard."""

    key: Key
    trigger: Annotated[str, Field(min_length=1, max_length=100)]
    start: Moment
    seconds: Annotated[float, Field(gt=0, le=LONGEST_MUTE.total_seconds(), strict=False)]
    reason: Reason


@router.post("/api/timeline/clip/{camera}")
def make_clip(request: Request, camera: str, user: Annotator, body: ClipBody) -> Response:
    """Select a span to be cut; doing it twice selects it once."""
    desk = desk_of(request)
    routes.check_camera(desk.catalog, user, camera)
    options = pick_span.PickOptions(
        test_share=desk.settings.triggers.test_share,
        clip_seconds=desk.settings.triggers.clip_seconds,
    )
    since, until = windows.utc_time(body.start), windows.utc_time(body.stop)
    try:
        clip = pick_span.pick(desk.catalog, camera, since, until, options)
    except UsageError as error:
        access_of(request).audit.record(user, "pick", camera, "refused", str(error), durable=False)
        raise Refused(409, str(error)) from None
    except Unavailable:
        raise Refused(503, "clips are being selected now: try again", retry_after=5) from None
    access_of(request).audit.record(user, "pick", clip.id, detail=f"{since} to {until}")
    return answer({"clip": clip.id, "start": clip.span.start, "stop": clip.span.stop})


@router.post("/api/timeline/mute/{camera}")
def mute(request: Request, camera: str, user: Lead, body: MuteBody) -> Response:
    """Mute a trigger on a camera for a while."""
    catalog = desk_of(request).catalog
    routes.check_camera(catalog, user, camera)
    if body.trigger not in triggers.names() and body.trigger not in catalog.hit_counts():
        raise Refused(404, "there is no such trigger")
    since = windows.utc_time(body.start)
    new = Mute(
        id=mutes.mute_id(camera, body.trigger, since, body.key),
        camera=camera,
        trigger=body.trigger,
        since=since,
        until=since + timedelta(seconds=body.seconds),
        reason=body.reason,
        by=user.name,
        at=catalog.now(),
    )
    if not mutes.add(catalog.workspace, new):
        return answer(routes.mute_document(mutes.find(catalog.workspace, new.id)))
    detail = f"{new.trigger} from {new.since} to {new.until}: {new.reason}"
    access_of(request).audit.record(user, "mute", camera, detail=detail)
    return answer(routes.mute_document(new))


@router.post("/api/timeline/unmute/{name}")
def unmute(request: Request, name: str, user: Lead) -> Response:
    """Lift a mute; one that has ended stays as it is."""
    catalog = desk_of(request).catalog
    try:
        running = mutes.find(catalog.workspace, name)
        routes.check_camera(catalog, user, running.camera)
        lifted = mutes.lift(catalog.workspace, name, catalog.now(), user.name)
    except UnknownName:
        raise Refused(404, "there is no such mute") from None
    detail = f"{running.trigger} {name}"
    access_of(request).audit.record(user, "unmute", running.camera, detail=detail)
    return answer(routes.mute_document(lifted))


@router.post("/api/timeline/incident/{camera}")
def mark_incident(request: Request, camera: str, user: Annotator, body: IncidentBody) -> Response:
    """Mark a span as an incident: its recordings are kept from retention."""
    catalog = desk_of(request).catalog
    routes.check_camera(catalog, user, camera)
    try:
        incident, is_new = pick_span.mark_incident(
            catalog,
            camera=camera,
            since=windows.utc_time(body.start),
            until=windows.utc_time(body.stop),
            reason=body.reason,
            by=user.name,
            key=body.key,
        )
    except UsageError as error:
        raise Refused(409, str(error)) from None
    if is_new:
        access_of(request).audit.record(user, "incident", incident.id, detail=incident.reason)
    return answer(documents.incident_document(incident))


@router.post("/api/timeline/release/{name}")
def release_incident(request: Request, name: str, user: Lead) -> Response:
    """Let retention delete the recordings of an incident again."""
    catalog = desk_of(request).catalog
    try:
        incident = incidents.find(catalog.workspace, name)
        routes.check_camera(catalog, user, incident.camera)
        released = incidents.release(catalog.workspace, name, catalog.now(), user.name)
    except UnknownName:
        raise Refused(404, "there is no such incident") from None
    access_of(request).audit.record(user, "release", name)
    return answer(documents.incident_document(released))

"""Frames of clips: by id and number only, checked against session and scope."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from oneclick.catalog import Catalog
from oneclick.core.errors import BadInput, UnknownName
from oneclick.storage import bounded_files, jpeg
from oneclick.web.accounts.access import SessionUser, access_of, role
from oneclick.web.blurring import BlurredFrames
from oneclick.web.refusals import Refused

router = APIRouter()
CACHE = {"Cache-Control": "private, max-age=600", "Vary": "Cookie"}
"""Frames never change; a browser may keep them for as long as the next doubts take."""
Viewer = Annotated[SessionUser, Depends(role("viewer"))]


@router.get("/media/{clip}/{frame}.jpg")
def frame(request: Request, clip: str, frame: str, user: Viewer) -> Response:
    """Return a frame as it is on disk, or with blurred heads for roles that need no faces.

    The path on disk is made of what the catalog says, never of what the address says.
    """
    access, catalog = access_of(request), _catalog(request)
    number = int(frame) if frame.isascii() and frame.isdigit() and len(frame) <= 9 else -1
    try:
        record = catalog.clip(clip)
    except UnknownName:
        raise Refused(404, "there is no such clip") from None
    access.require(user, "viewer", camera=record.clip.camera)
    if not 0 <= number < len(record.clip.span):
        raise Refused(404, "there is no such frame")
    access.audit.record_view(user, record.clip.id)
    try:
        if access.view_mode(user) == "blurred":
            blurred: BlurredFrames = request.app.state.blurred
            content = blurred.jpeg(record.clip, record.revision, number)
        else:
            path = catalog.workspace.frame_file(record.clip.id, number)
            content = bounded_files.read_bytes(path, jpeg.MAX_BYTES)
    except BadInput:
        raise Refused(404, "this frame is not there, or is broken") from None
    return Response(content, media_type="image/jpeg", headers=CACHE)


def _catalog(request: Request) -> Catalog:
    catalog: Catalog = request.app.state.catalog
    return catalog

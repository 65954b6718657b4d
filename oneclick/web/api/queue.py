"""The queue: what waits, most expected corrections first, and the next clip for whoever is free."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from oneclick.catalog.review_queue import PAGE, QueueRow
from oneclick.report import people
from oneclick.web.accounts.access import SessionUser, access_of, role
from oneclick.web.api.desk import answer, desk_of
from oneclick.web.refusals import Refused

router = APIRouter()
MAX_PAGE = 500
Viewer = Annotated[SessionUser, Depends(role("viewer"))]
Annotator = Annotated[SessionUser, Depends(role("annotator"))]


@router.get("/api/queue")
def queue(
    request: Request,
    user: Viewer,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = PAGE,
    offset: Annotated[int, Query(ge=0, lt=1 << 53)] = 0,
) -> Response:
    """Return the clips that wait, and how much was done today."""
    desk = desk_of(request)
    rows = desk.catalog.queue_page(user.cameras, limit, offset, user.name)
    waiting, frames = desk.catalog.queue_size(user.cameras, user.name)
    return answer(
        {
            "clips": [row_document(row) for row in rows],
            "waiting": waiting,
            "images_waiting": frames,
            "done_today": people.images_today(desk.catalog, desk.catalog.now(), zone=None),
            "goal": desk.settings.review.goal,
        }
    )


@router.post("/api/queue/next")
def take_next(request: Request, user: Annotator) -> Response:
    """Lease the clip that is worth most to the user, among those that nobody holds."""
    desk = desk_of(request)
    lease = desk.leases.next(user.name, user.cameras)
    if lease is None:
        raise Refused(404, "no clip waits that nobody else reviews")
    access_of(request).audit.record(user, "lease", lease.clip, durable=False)
    return answer({"clip": lease.clip, "fence": lease.fence, "until": lease.until.isoformat()})


def row_document(row: QueueRow) -> dict[str, Any]:
    """Convert a row of the queue to what JSON holds."""
    document = dict(vars(row))
    document["until"] = row.until.isoformat() if row.until else None
    return document

"""Numbers of the review: of the team for everybody, of people for leads and themselves."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from oneclick.report import people, review_quality_report
from oneclick.web.accounts.access import SessionUser, role
from oneclick.web.accounts.users import ROLES
from oneclick.web.api.desk import answer, desk_of

router = APIRouter()
Viewer = Annotated[SessionUser, Depends(role("viewer"))]


@router.get("/api/stats")
def stats(request: Request, user: Viewer) -> Response:
    """Return throughput, quality, what waits, and the goal of the day."""
    desk = desk_of(request)
    throughput = people.throughput(
        desk.catalog, desk.catalog.now(), desk.settings.review.goal, zone=None
    )
    quality = review_quality_report(desk.home)
    if ROLES.index(user.role) < ROLES.index("lead"):
        throughput, quality = throughput.of(user.name), quality.of(user.name)
    return answer(asdict(throughput) | {"quality": asdict(quality)})

"""The review pages: one application of accounts, API, media and pages, behind its guards."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.exceptions import HTTPException

from oneclick.catalog import Catalog
from oneclick.core.errors import (
    BadInput,
    NoSpace,
    OneclickError,
    Unavailable,
    UnknownName,
    UsageError,
)
from oneclick.platforms.local.options import LocalOptions, of_section
from oneclick.services.origin_guard import OriginGuard
from oneclick.settings import Settings
from oneclick.storage.workspace import Workspace
from oneclick.web import guards, media, metrics, pages
from oneclick.web.accounts import routes, sign_on
from oneclick.web.accounts.access import Access
from oneclick.web.accounts.audit import AuditLog
from oneclick.web.accounts.limits import LoginLimits
from oneclick.web.accounts.passwords import Passwords
from oneclick.web.accounts.sessions import Sessions
from oneclick.web.accounts.sign_on import SignOn
from oneclick.web.accounts.users import Users
from oneclick.web.api import clips, detections, looks, queue, stats
from oneclick.web.api.desk import ReviewDesk
from oneclick.web.blurring import BlurredFrames
from oneclick.web.intake import routes as intake_routes
from oneclick.web.intake.desk import IntakeDesk
from oneclick.web.intake.worker_process import WorkerProcess
from oneclick.web.live import routes as live_routes
from oneclick.web.live import stream
from oneclick.web.live.cameras import WatchedCameras
from oneclick.web.live.pictures import LivePictures
from oneclick.web.live.recordings import Recordings
from oneclick.web.refusals import Refused
from oneclick.web.search import routes as search_routes
from oneclick.web.search.desk import SearchDesk
from oneclick.web.timeline import actions as timeline_actions
from oneclick.web.timeline import routes as timeline_routes
from oneclick.web.timeline.frames import VideoFrames

COOKIE = "oneclick"
_STATUS: dict[type[OneclickError], int] = {
    UnknownName: 404,
    UsageError: 422,
    BadInput: 422,
    NoSpace: 507,
    Unavailable: 503,
}
_LOG = logging.getLogger(__name__)


def create_review_app(
    home: Path,
    settings: Settings,
    origins: Iterable[str],
    *,
    passwords: Passwords | None = None,
    catalog: Catalog | None = None,
) -> FastAPI:
    """Create the application.

    Args:
        home: the workspace folder.
        settings: the whole configuration.
        origins: addresses by which browsers reach it, such as `http://127.0.0.1:8321`; only these
            names are answered. The last one is for people: its scheme and port make the cookie.
        passwords: with other costs of a hash than the usual ones.
        catalog: an open one, closed with the application; None opens it.

    Raises:
        Unavailable, BadInput: the catalog or the file of users cannot be used.
    """
    origins, workspace = list(origins), Workspace(home)
    options = local_options(settings)
    is_secure = origins[-1].startswith("https://")
    catalog = catalog or Catalog.open(home)
    audit = AuditLog(workspace)
    sessions = Sessions(
        catalog,
        cookie=cookie_name(origins[-1]),
        secure=is_secure,
        idle=timedelta(minutes=options.idle_minutes),
        lifetime=timedelta(hours=options.session_hours),
    )

    desk = ReviewDesk(home, settings, catalog)
    intake = IntakeDesk(workspace, settings.intake, WorkerProcess(home))
    search = SearchDesk(workspace, catalog.now)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        desk.start()
        await intake.start()
        yield
        await intake.stop()
        await asyncio.to_thread(search.stop)
        await asyncio.to_thread(desk.stop)
        audit.close()
        catalog.close()

    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, lifespan=lifespan)
    app.state.home, app.state.settings, app.state.catalog = home, settings, catalog
    app.state.desk, app.state.intake, app.state.search = desk, intake, search
    app.state.access = Access(Users(workspace), sessions, audit, frozenset(options.blur_for))
    app.state.limits, app.state.passwords = LoginLimits(), passwords or Passwords()
    app.state.entered = set[str]()
    app.state.metrics = metrics.MetricsCache(home)
    app.state.blurred = BlurredFrames(workspace)
    app.state.video_frames = VideoFrames(workspace)
    app.state.sign_on = SignOn(options, origins[-1]) if options.issuer else None
    app.state.live_cameras, app.state.live_streams = WatchedCameras(home), stream.OpenStreams()
    app.state.live_pictures = LivePictures(Recordings(catalog))
    # First what comes a hundred times a second: routes are tried in this order.
    for module in (
        *(intake_routes, stream, live_routes),
        *(routes, sign_on, queue, clips, detections, looks, stats, media),
        *(timeline_routes, timeline_actions, search_routes, metrics, pages),
    ):
        app.include_router(module.router)
    app.add_exception_handler(HTTPException, _answer_refusal)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(OneclickError, _answer_error)
    # The last one added is the first that a request meets.
    app.add_middleware(guards.JsonBodies, raw_paths=intake_routes.PATHS)
    # No Strict-Transport-Security: it would hold for other servers of this host, on plain ports.
    app.add_middleware(OriginGuard, origins=origins, headers=guards.HEADERS)
    app.add_middleware(guards.NoStore)
    app.add_middleware(guards.RefusalLog, audit=audit)
    return app


def local_options(settings: Settings) -> LocalOptions:
    """Return section `review.local` of the settings."""
    return of_section(settings.review_platform("local").section)


def cookie_name(origin: str) -> str:
    """Return the name of the session cookie.

    Under TLS the browser itself takes care that no other host and no plain page sets it (__Host-).
    Cookies do not know ports: the name has it, so that two workspaces on one machine do not sign
    each other out.
    """
    parts = urlsplit(origin)
    prefix = "__Host-" if parts.scheme == "https" else ""
    return f"{prefix}{COOKIE}-{parts.port or parts.scheme}"


async def _answer_refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    details = error.details if isinstance(error, Refused) else {}
    headers = dict(error.headers or {})
    return _answer(request, {"error": str(error.detail)} | details, error.status_code, headers)


def _answer(
    request: Request,
    document: dict[str, object],
    status: int,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return JSON; in a browser that comes from a provider's page, the page of sign-in says it."""
    is_page = request.url.path.startswith("/sign-on") and request.method == "GET"
    if is_page and "text/html" in request.headers.get("accept", ""):
        return HTMLResponse(pages.login_page_saying(str(document["error"])), status, headers)
    return JSONResponse(document, status, headers)


async def _answer_invalid(_: Request, error: Exception) -> JSONResponse:
    """Name the first field that is wrong, without repeating its value."""
    assert isinstance(error, RequestValidationError)
    problem = error.errors()[0]
    place = ".".join(str(part) for part in problem["loc"][1:])[:100]
    return JSONResponse({"error": f"{place}: {problem['msg']}".removeprefix(": ")}, 422)


async def _answer_error(request: Request, error: Exception) -> Response:
    """Answer an error of ours with its line; paths of this machine stay in the server's log."""
    assert isinstance(error, OneclickError)
    status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 500)
    if status < 500:
        return _answer(request, {"error": str(error)}, status)
    _LOG.warning("%s %s: %s", request.method, request.url.path, error)
    text = {503: "something that is needed is not available now", 507: "the disk is full"}
    return _answer(
        request, {"error": text.get(status, "this failed") + "; see the server's log"}, status
    )

"""Pages and their files: package data below `static/`, under addresses that change with content.

A page is an HTML file in which `{{static}}` stands for `/static/<digest>`: browsers may keep its
scripts and styles for ever, since a new version has another digest.
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from oneclick.web.accounts.access import SessionUser, access_of
from oneclick.web.refusals import Refused

FOLDER = Path(__file__).parent / "static"
_PLACE = b"{{static}}"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}


@dataclass(frozen=True)
class StaticFiles:
    """All files, read once: a path of a request is only looked up, and never opened."""

    digest: str
    """Of the names and contents of all files."""
    contents: dict[str, bytes]
    """By path below the folder, with `/`."""

    @property
    def address(self) -> str:
        """Return the address below which the files are."""
        return f"/static/{self.digest}"

    def page(self, name: str) -> bytes:
        """Return the HTML of a page."""
        return self.contents[f"{name}.html"].replace(_PLACE, self.address.encode())


@functools.cache
def load(folder: Path = FOLDER) -> StaticFiles:
    """Read the files of a folder."""
    contents = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.suffix in _TYPES and path.is_file()
    }
    summary = hashlib.sha256()
    for name, content in contents.items():
        summary.update(f"{name}\0{len(content)}\0".encode() + content)
    return StaticFiles(summary.hexdigest()[:16], contents)


router = APIRouter()


@router.get("/static/{digest}/{name:path}")
def static(digest: str, name: str) -> Response:
    """Return a file of the pages."""
    files = load()
    content = files.contents.get(name)
    if digest != files.digest or content is None or name.endswith(".html"):
        raise Refused(404, "there is no such file")
    kind = _TYPES[name[name.rindex(".") :]]
    headers = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(content, media_type=kind, headers=headers)


def optional_user(request: Request) -> SessionUser | None:
    """Return the user of a request, or None where nobody is signed in."""
    try:
        return access_of(request).user(request)
    except Refused:
        return None


Visitor = Annotated[SessionUser | None, Depends(optional_user)]


def html(name: str) -> Response:
    """Return the response with one of the HTML pages of the package."""
    return HTMLResponse(load().page(name))


def guarded_page(request: Request, user: SessionUser | None, name: str) -> Response:
    """Return a page of signed-in users; others go to the page where they sign in, and come back."""
    if user is None:
        return RedirectResponse(f"/login?next={quote(request.url.path)}", 303)
    return html(name)


def login_page_saying(text: str) -> bytes:
    """Return the page where users sign in, with a line about what went wrong."""
    message = b'<p id="message" role="alert">'
    return load().page("login").replace(message, message + escape(text).encode())


@router.get("/login")
def login_page() -> Response:
    """Return the page where users sign in."""
    return html("login")


@router.get("/enter/{token}")
def enter_page(token: str) -> Response:
    """Return the page that signs in whom a link is for; opening it alone uses nothing up."""
    return html("enter")


@router.get("/account")
def account_page(request: Request, user: Visitor) -> Response:
    """Return the page where users change their password."""
    return guarded_page(request, user, "account")


@router.get("/")
def queue_page(request: Request, user: Visitor) -> Response:
    """Return the page of the queue."""
    return guarded_page(request, user, "queue")


@router.get("/clip/{clip}")
def clip_page(request: Request, clip: str, user: Visitor) -> Response:
    """Return the page where a clip is reviewed; whether the user may see it the API tells."""
    return guarded_page(request, user, "clip")


@router.get("/look/{clip}")
def look_page(request: Request, clip: str, user: Visitor) -> Response:
    """Return the page where a lead compares two reviews of a clip."""
    return guarded_page(request, user, "look")


@router.get("/favicon.ico")
def icon() -> Response:
    """Return no icon, without a refusal in the log."""
    return Response(status_code=204)

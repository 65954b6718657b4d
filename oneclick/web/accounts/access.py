"""What routes ask: who sends a request, and may they do that?

A route takes the user as a dependency, and refuses by raising:

    @router.post("/api/clips/{clip}/edits")
    def edit(clip: str, user: Annotated[SessionUser, Depends(role("annotator"))], request: Request):
        access = access_of(request)
        access.require(user, "annotator", camera=record.clip.camera)
        ...
        access.audit.record(user, "edit", clip, "ok")
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, cast

from fastapi import Request
from starlette.requests import HTTPConnection

from oneclick.web.accounts.audit import AuditLog
from oneclick.web.accounts.sessions import Sessions
from oneclick.web.accounts.users import ROLES, Role, Users
from oneclick.web.refusals import Refused

ViewMode = Literal["clear", "blurred"]
PASSIVE = ("/heartbeat", "/stream", "/newest", "/state", "/api/live")
"""Ends of paths that an open page asks for by itself."""


@dataclass(frozen=True, kw_only=True)
class SessionUser:
    """The user of a request."""

    name: str
    role: Role
    cameras: tuple[str, ...] | None
    """Cameras in scope; None is every camera."""
    address: str
    """Network address that the request came from."""
    session: str
    """Digest of the session's token."""

    def sees(self, camera: str) -> bool:
        """Check whether clips of the camera are in scope."""
        return self.cameras is None or camera in self.cameras


class Access:
    """Users, sessions and audit log of one running server; `access_of(request)` returns it.

    Args:
        users: the file of users.
        sessions: rows of the catalog.
        audit: the log.
        blur_for: roles to which faces are shown blurred.
    """

    def __init__(
        self,
        users: Users,
        sessions: Sessions,
        audit: AuditLog,
        blur_for: frozenset[Role] = frozenset(),
    ) -> None:
        self.users, self.sessions, self.audit = users, sessions, audit
        self._blur_for = blur_for

    def user(self, request: HTTPConnection) -> SessionUser:
        """Return the user whose session cookie the request carries.

        What a page asks for that is merely open does not keep a session alive.

        Raises:
            Refused: 401: no session, or one that has ended, or whose user is gone.
        """
        cookie = request.cookies.get(self.sessions.cookie, "")
        is_active = not request.url.path.endswith(PASSIVE)
        session = self.sessions.find(cookie, touch=is_active) if cookie else None
        user = self.users.find(session.user) if session else None
        if session is None or user is None:
            raise Refused(401, "sign in: there is no session, or it has ended")
        return SessionUser(
            name=user.name,
            role=user.role,
            cameras=user.cameras,
            address=client_address(request),
            session=session.digest,
        )

    def require(self, user: SessionUser, least: Role, camera: str | None = None) -> None:
        """Check that a user has at least a role, and a camera in scope.

        Raises:
            Refused: 403 for the role; 404 for a camera out of scope, as for one that is not there.
        """
        if ROLES.index(user.role) < ROLES.index(least):
            raise Refused(403, f"this needs role {least}; {user.name} has role {user.role}")
        if camera is not None and not user.sees(camera):
            raise Refused(404, "there is no such clip")

    def view_mode(self, user: SessionUser) -> ViewMode:
        """Return how frames are shown to the user."""
        return "blurred" if user.role in self._blur_for else "clear"


def access_of(request: HTTPConnection) -> Access:
    """Return the Access of the server that answers a request."""
    return cast(Access, request.app.state.access)


def current_user(request: Request) -> SessionUser:
    """Return the user of a request: a dependency of routes; raises Refused (401)."""
    return access_of(request).user(request)


def role(least: Role) -> Callable[[Request], SessionUser]:
    """Return a dependency that returns the user, who has at least this role, or refuses (403)."""

    def user_with_role(request: Request) -> SessionUser:
        user = current_user(request)
        access_of(request).require(user, least)
        return user

    return user_with_role


def client_address(request: HTTPConnection) -> str:
    """Return the network address of a request; behind a proxy of ours that of the browser."""
    return request.client.host if request.client else "unknown"

"""Sessions: a random token in a cookie, whose sha256 is a row of the catalog."""

from __future__ import annotations

import re
import secrets
from datetime import timedelta

from starlette.responses import Response

from oneclick.catalog import Catalog
from oneclick.catalog.web_sessions import WebSession
from oneclick.web.accounts.users import digest

TOUCH_SHARE = 0.05
"""Share of the idle time after which use is recorded again: not every request writes a row."""
_TOKEN = re.compile(r"[\w-]{43}")


class Sessions:
    """Begins, finds and ends sessions.

    Args:
        catalog: that holds the rows.
        cookie: name of the cookie.
        secure: the cookie is sent over TLS only.
        idle: a session that is not used for this long has ended.
        lifetime: so has one that began this long ago.
    """

    def __init__(
        self,
        catalog: Catalog,
        *,
        cookie: str,
        secure: bool,
        idle: timedelta,
        lifetime: timedelta,
    ) -> None:
        self._catalog, self.cookie, self.secure = catalog, cookie, secure
        self._idle, self._lifetime = idle, lifetime

    def begin(self, response: Response, user: str, old_cookie: str = "") -> WebSession:
        """Begin a session and set its cookie; the session of an old cookie ends.

        The token is always new: one that somebody planted in the browser is worth nothing.
        """
        self._catalog.end_old_sessions(self._idle, self._lifetime)
        if old_cookie:
            self.end(old_cookie)
        token = secrets.token_urlsafe(32)
        response.set_cookie(
            self.cookie,
            token,
            max_age=int(self._lifetime.total_seconds()),
            path="/",
            secure=self.secure,
            httponly=True,
            samesite="strict",
        )
        return self._catalog.add_session(digest(token), user)

    def find(self, cookie: str, touch: bool = True) -> WebSession | None:
        """Return the session of a cookie; None for a forged one or one that has ended.

        Args:
            cookie: its value.
            touch: the session is used, and lives on.
        """
        if not _TOKEN.fullmatch(cookie):
            return None
        session = self._catalog.session(digest(cookie))
        if session is None:
            return None
        time = self._catalog.now()
        if time - session.seen_at > self._idle or time - session.created_at > self._lifetime:
            self._catalog.end_session(session.digest)
            return None
        if touch and time - session.seen_at > self._idle * TOUCH_SHARE:
            self._catalog.touch_session(session.digest)
        return session

    def end(self, cookie: str) -> None:
        """End the session of a cookie."""
        self._catalog.end_session(digest(cookie))

    def end_all(self, user: str, except_digest: str = "") -> int:
        """End the sessions of a user, except for one; return how many there were."""
        return self._catalog.end_sessions_of(user, except_digest)

    def forget(self, response: Response) -> None:
        """Take the cookie away from the browser, with all pictures and labels that it stored.

        Edits that were not sent stay: the page asks whoever signs out about theirs, and others who
        share the browser send their own.
        """
        response.delete_cookie(
            self.cookie, path="/", secure=self.secure, httponly=True, samesite="strict"
        )
        response.headers["Clear-Site-Data"] = '"cache"'

"""Sessions of the review pages: rows that end with a sign-out, a new password or their time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from oneclick.catalog import schema
from oneclick.catalog.store import CatalogBase


@dataclass(frozen=True)
class WebSession:
    """One session of a user."""

    digest: str
    """sha256 of the token that the browser holds, hex digits."""
    user: str
    created_at: datetime
    """UTC."""
    seen_at: datetime
    """UTC; time of the last request that was recorded."""


class WebSessionsMixin(CatalogBase):
    """Sessions in the catalog: every process sees at once that one was ended."""

    def add_session(self, digest: str, user: str) -> WebSession:
        """Add a session that begins now."""
        time = self._clock()
        session = WebSession(digest, user, time, time)
        with self.transaction() as connection:
            connection.execute(sa.insert(schema.web_sessions).values(**vars(session)))
        return session

    def session(self, digest: str) -> WebSession | None:
        """Return the session with this digest, whatever its age, or None."""
        table = schema.web_sessions
        rows = self._fetch(sa.select(table).where(table.c.digest == digest))
        return WebSession(**rows[0]._mapping) if rows else None

    def touch_session(self, digest: str) -> None:
        """Record that a session is used now; one that was ended stays ended."""
        table = schema.web_sessions
        with self.transaction() as connection:
            query = sa.update(table).where(table.c.digest == digest)
            connection.execute(query.values(seen_at=self._clock()))

    def end_session(self, digest: str) -> bool:
        """Delete a session; return False if there is none."""
        return self._delete_sessions(schema.web_sessions.c.digest == digest) > 0

    def end_sessions_of(self, user: str, except_digest: str = "") -> int:
        """Delete the sessions of a user, except for one; return how many there were."""
        table = schema.web_sessions
        return self._delete_sessions(table.c.user == user, table.c.digest != except_digest)

    def end_old_sessions(self, idle: timedelta, lifetime: timedelta) -> int:
        """Delete sessions that were idle or lasted too long; return how many there were."""
        time, table = self._clock(), schema.web_sessions
        is_old = sa.or_(table.c.seen_at < time - idle, table.c.created_at < time - lifetime)
        return self._delete_sessions(is_old)

    def _delete_sessions(self, *conditions: sa.ColumnElement[bool]) -> int:
        with self.transaction() as connection:
            query = sa.delete(schema.web_sessions).where(*conditions)
            return connection.execute(query).rowcount

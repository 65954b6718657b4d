"""Refusals of the web server: one line of JSON, {"error": …}, with the right status."""

from __future__ import annotations

from fastapi import HTTPException


class Refused(HTTPException):
    """A request that is not carried out; `text` is the one line that the page shows.

    Args:
        status: HTTP status.
        text: what is wrong and what helps, without anything that the user may not know.
        retry_after: seconds after which a retry has a chance.
        details: further keys of the JSON answer, such as the head of a journal.
    """

    def __init__(
        self, status: int, text: str, *, retry_after: float | None = None, **details: object
    ) -> None:
        headers = {} if retry_after is None else {"Retry-After": str(max(1, round(retry_after)))}
        super().__init__(status, text, headers)
        self.details = details

"""Authenticated requests to the REST API of a Prefect server or Prefect Cloud."""

from __future__ import annotations

import base64
import time
import uuid
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import ProxyHandler, Request, build_opener

import msgspec

from oneclick.core.errors import OneclickError, Unavailable, UnknownName, UsageError
from oneclick.services import prefect_settings
from oneclick.services.prefect_settings import REQUEST_SECONDS
from oneclick.storage import bounded_documents
from oneclick.storage.bounded_documents import BrokenJson

PAGE = 200
"""Rows of one response: a server returns no more."""
BUSY = 503
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class PrefectConnection:
    """Requests to one server. Every method raises Unavailable if it does not respond properly.

    Args:
        url: URL of the API; it may contain `user:password@`.
        key: API key of Prefect Cloud.
        seconds: timeout of a request.

    Raises:
        UsageError: the URL is invalid.
    """

    def __init__(self, url: str, key: str = "", seconds: float = REQUEST_SECONDS) -> None:
        self.url, user = _split_user(url.rstrip("/"))
        self._headers = {"Content-Type": "application/json"} | _authorization(key, user)
        self._seconds = seconds
        # A proxy cannot reach this machine, and must not see its key.
        loopback = urlsplit(self.url).hostname in LOOPBACK
        self._opener = build_opener(*([ProxyHandler({})] if loopback else []))

    def fetch_all(
        self, path: str, body: dict[str, Any] | None = None, limit: int | None = None
    ) -> list[dict[str, Any]]:
        """Return the rows of all pages, at most `limit`."""
        rows: list[dict[str, Any]] = []
        while True:
            size = PAGE if limit is None else min(PAGE, limit - len(rows))
            window = {"limit": size, "offset": len(rows)}
            page = self.request("POST", path, {**(body or {}), **window}, list[dict[str, Any]])
            rows += page
            if len(page) < size or len(rows) == limit:
                return rows

    def request(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        kind: Any = dict[str, Any],
    ) -> Any:
        """Send a request and decode the response to the type `kind`."""
        data = msgspec.json.encode(body) if body is not None else None
        request = Request(self.url + path, data, self._headers, method=method)
        try:
            with self._open(request) as response:
                return bounded_documents.parse_json(response.read(), kind)
        except HTTPError as error:
            with error:  # its connection is still open
                raise _refusal(error, self.url, path) from None
        except (URLError, OSError, HTTPException, ValueError, BrokenJson) as error:
            reason = getattr(error, "reason", None) or error
            raise Unavailable(
                f"the Prefect server at {self.url} does not answer ({reason}): "
                "start it with oneclick up, or correct PREFECT_API_URL"
            ) from None

    def _open(self, request: Request) -> Any:
        """Send a request, again while the server's database is busy or if it wants a CSRF token."""
        deadline, token_sent = time.monotonic() + self._seconds, False
        while True:
            try:
                return self._opener.open(request, timeout=self._seconds)
            except HTTPError as error:
                wants_token = not token_sent and _wants_csrf_token(error)
                if not wants_token and (error.code != BUSY or time.monotonic() > deadline):
                    raise
                error.close()
            if wants_token:
                self._headers |= self._csrf_headers()
                for name, value in self._headers.items():
                    request.add_header(name, value)
                token_sent = True
            else:
                time.sleep(0.2)

    def _csrf_headers(self) -> dict[str, str]:
        """Fetch a token, which a server that checks CSRF wants with each request that changes."""
        client = str(uuid.uuid4())
        token = self.request("GET", f"/csrf-token?client={client}", kind=_CsrfToken).token
        return {"Prefect-Csrf-Client": client, "Prefect-Csrf-Token": token}


class _CsrfToken(msgspec.Struct, frozen=True):
    token: str


def _wants_csrf_token(error: HTTPError) -> bool:
    """Check whether a request was refused for want of a valid CSRF token; reads its body."""
    return error.code == 403 and b"CSRF token" in error.read(1000)


def _split_user(url: str) -> tuple[str, str]:
    """Split a URL into one that may be shown and its `user:password`."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise UsageError(f"PREFECT_API_URL is no address: {error}") from None
    user, _, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=host)), unquote(user)


def _authorization(key: str, user: str) -> dict[str, str]:
    """Return the header with Cloud's key, or with a user and password."""
    if key:
        return {"Authorization": f"Bearer {key}"}
    basic = user or prefect_settings.setting("PREFECT_API_AUTH_STRING")
    if not basic:
        return {}
    return {"Authorization": f"Basic {base64.b64encode(basic.encode()).decode()}"}


def _refusal(error: HTTPError, url: str, path: str) -> OneclickError:
    if error.code in (401, 403):
        return Unavailable(
            f"the Prefect server at {url} refuses the key: set PREFECT_API_KEY for Prefect Cloud, "
            "or PREFECT_API_AUTH_STRING for a server"
        )
    if error.code == 404 and path.startswith("/flow_runs/"):
        return UnknownName("flow run", unquote(path.split("/")[2]))
    if error.code in (400, 409, 422) and path.endswith("/create_flow_run"):
        try:
            fields: dict[str, Any] = bounded_documents.parse_json(error.read(), dict[str, Any])
            reason = first_line(str(fields["detail"]))
        except (OSError, HTTPException, BrokenJson, KeyError):
            reason = f"it answers {error.code}"
        return UsageError(f"the Prefect server refuses these parameters: {reason}")
    return Unavailable(f"the Prefect server at {url} answers {error.code} to {path}")


def first_line(text: str | None) -> str:
    """Return the first line of a message, at most 200 characters."""
    return (text or "").strip().split("\n", 1)[0][:200]

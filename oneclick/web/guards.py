"""What stands before every route: headers of every answer, bodies, and a note of each refusal."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

import msgspec

from oneclick.core.errors import OneclickError
from oneclick.services.origin_guard import Application, Headers, Message, Receive, Send
from oneclick.storage.bounded_documents import BrokenJson, parse_json
from oneclick.web.accounts.audit import AuditLog, Visitor
from oneclick.web.server import MAX_BODY_BYTES

HEADERS: Headers = (
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        b"img-src 'self' blob:; font-src 'self'; base-uri 'none'; form-action 'none'; "
        b"frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
)
"""Pages load only what lies on this server, run no script of their text, and are in no frame."""
REFUSALS_PER_MINUTE = 60
"""Refusals of one address that are recorded one by one; of more only the number is."""
_UNSAFE = ("POST", "PUT", "PATCH", "DELETE")


class NoStore:
    """ASGI middleware that lets no browser keep an answer, unless the route says for how long."""

    def __init__(self, app: Application) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Add Cache-Control: no-store where there is no Cache-Control."""

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [*message.get("headers", ())]
                if all(name.lower() != b"cache-control" for name, _ in headers):
                    headers.append((b"cache-control", b"no-store"))
                message["headers"] = headers
            await send(message)

        await self._app(scope, receive, send_marked)


class JsonBodies:
    """ASGI middleware that reads each body whole before the application sees it.

    What changes something has a body of JSON: the type alone keeps forms of other sites out, since
    a browser asks first before it sends JSON elsewhere. Malformed JSON (NaN and nesting without end
    are) and bodies above MAX_BODY_BYTES never reach a route.

    Args:
        app: the application behind it.
        raw_paths: beginnings of paths whose routes read other bodies themselves, and take no
            cookie.
    """

    def __init__(self, app: Application, raw_paths: tuple[str, ...] = ()) -> None:
        self._app, self._raw_paths = app, raw_paths

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass the request on with its body, or answer it with 400, 413 or 415."""
        is_open = scope["type"] != "http" or scope["method"] not in _UNSAFE
        if is_open or scope["path"].startswith(self._raw_paths or ("\0",)):
            await self._app(scope, receive, send)
            return
        headers = {name.lower(): value for name, value in scope["headers"]}
        length = headers.get(b"content-length", b"0")
        kind = headers.get(b"content-type", b"").split(b";")[0].strip().lower()
        if not length.isdigit() or int(length) > MAX_BODY_BYTES:
            await _answer(send, 413, "the body is too large: at most 1 MiB")
            return
        if kind != b"application/json":
            await _answer(send, 415, "send JSON, with Content-Type: application/json")
            return
        body = bytearray()
        more = True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                return  # the client is gone
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > MAX_BODY_BYTES:
                await _answer(send, 413, "the body is too large: at most 1 MiB")
                return
        try:
            parse_json(bytes(body))
        except BrokenJson as error:
            await _answer(send, 400, f"the body is no JSON: {str(error)[:200]}")
            return
        pending: list[Message] = [{"type": "http.request", "body": bytes(body), "more_body": False}]

        async def receive_again() -> Message:
            return pending.pop() if pending else await receive()

        await self._app(scope, receive_again, send)


class RefusalLog:
    """ASGI middleware that records every refused request in the audit log.

    Args:
        app: the application behind it.
        audit: the log.
        clock: seconds, monotonic.
    """

    def __init__(
        self, app: Application, audit: AuditLog, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._app, self._audit, self._clock = app, audit, clock
        self._minute, self._counts = 0, dict[str, int]()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass the request on, and look at the status of the answer."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        is_open = False

        async def send_recorded(message: Message) -> None:
            nonlocal is_open
            if message["type"] == "http.response.start" and message["status"] >= 400:
                await self.record(scope, message["status"])
            elif message["type"] == "websocket.close" and not is_open:
                await self.record(scope, 403)
            is_open = is_open or message["type"] == "websocket.accept"
            await send(message)

        await self._app(scope, receive, send_recorded)

    async def record(self, scope: Message, status: int) -> None:
        """Record that a request was answered with this status."""
        entries, minute = [], int(self._clock() // 60)
        if minute != self._minute:
            for address, count in self._counts.items():
                if count > REFUSALS_PER_MINUTE:
                    more = f"{count - REFUSALS_PER_MINUTE} more within a minute"
                    entries.append((address, "flood", more))
            self._minute, self._counts = minute, {}
        address = scope["client"][0] if scope.get("client") else "unknown"
        self._counts[address] = self._counts.get(address, 0) + 1
        if self._counts[address] <= REFUSALS_PER_MINUTE:
            # A link of the sign-in page is as good as a password.
            path = "/enter/…" if scope["path"].startswith("/enter/") else scope["path"]
            entries.append((address, str(status), f"{scope.get('method', 'WebSocket')} {path}"))
        if entries:  # another writer may wait for the device meanwhile
            await asyncio.to_thread(self._write, entries)

    def _write(self, entries: list[tuple[str, str, str]]) -> None:
        # With a full disk the request is refused all the same.
        with contextlib.suppress(OneclickError):
            for address, outcome, detail in entries:
                visitor = Visitor("", address)
                self._audit.record(visitor, "refused", "", outcome, detail, durable=False)


async def _answer(send: Send, status: int, text: str) -> None:
    """Answer before the body was read, and close the connection that brings it."""
    content = msgspec.json.encode({"error": text})
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(content)),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})

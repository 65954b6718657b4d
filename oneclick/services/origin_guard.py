"""Checks of host name and origin that stand before every web server of this project.

Whoever can open a connection may be a page of another site that a browser on this machine shows: it
can send requests to 127.0.0.1, and have its own host name resolve to it (DNS rebinding).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

Headers = tuple[tuple[bytes, bytes], ...]
HEADERS: Headers = (
    (b"content-security-policy", b"frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)
"""Headers of every answer where nothing else is asked for."""
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_OWN_SITE = {b"same-origin", b"none"}


class OriginGuard:
    """ASGI middleware that refuses requests of foreign pages and to foreign host names.

    Requests and WebSockets alike. A request without an Origin header does not come from a script of
    a page, or only reads; one that changes something and that a browser marks as another site's
    (Sec-Fetch-Site) is refused too.

    Args:
        app: the application behind it.
        origins: those of the application's own pages, such as `http://127.0.0.1:4200`.
        any_host: accept every host name, where requests are signed and reach us through a proxy.
        headers: added to every answer, also to refusals.
    """

    def __init__(
        self,
        app: Application,
        origins: Iterable[str] = (),
        any_host: bool = False,
        headers: Headers = HEADERS,
    ) -> None:
        self._app = app
        self._headers = headers
        self._origins = {origin.encode() for origin in origins}
        self._hosts = {urlsplit(origin).netloc.encode() for origin in origins}
        self._any_host = any_host

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass an allowed request on, or answer it with 400 (host) or 403 (origin)."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        hosts = [value.lower() for name, value in scope["headers"] if name == b"host"]
        origins = [value.lower() for name, value in scope["headers"] if name == b"origin"]
        sites = {value for name, value in scope["headers"] if name == b"sec-fetch-site"}
        is_safe = scope.get("method", "GET") in _SAFE_METHODS
        if not self._any_host and not (len(hosts) == 1 and hosts[0] in self._hosts):
            await self._refuse(scope, send, 400, b"This server does not have that host name.\n")
        elif not self._origins.issuperset(origins) or not (is_safe or sites <= _OWN_SITE):
            await self._refuse(scope, send, 403, b"Pages of other sites may not use this server.\n")
        else:

            async def send_guarded(message: Message) -> None:
                if message["type"] == "http.response.start":
                    message["headers"] = [*message.get("headers", ()), *self._headers]
                await send(message)

            await self._app(scope, receive, send_guarded)

    async def _refuse(self, scope: Message, send: Send, status: int, text: bytes) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(text))]
        headers += self._headers
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": text})


def origin_of(scheme: str, host: str, port: int | None) -> str:
    """Return the origin as a browser writes it: without the scheme's own port."""
    name = f"[{host}]" if ":" in host else host.lower()
    default = {"http": 80, "https": 443}[scheme]
    return f"{scheme}://{name}" if port in (None, default) else f"{scheme}://{name}:{port}"

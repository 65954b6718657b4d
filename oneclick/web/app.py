"""The web server: for now one address, where webhooks of the review platform arrive."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import resource
import socket
import threading
import time
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI, Request, Response
from uvicorn.protocols.http.h11_impl import H11Protocol

from oneclick.core.errors import OneclickError, Unavailable
from oneclick.platforms.base import RequestCheck, UntrustedWebhook
from oneclick.services.origin_guard import OriginGuard

MAX_BODY_BYTES = 1 << 20
"""Of a webhook; most have some hundred bytes."""
DEBOUNCE_SECONDS = 5.0
"""Delay before verdicts are collected: people finish several clips in a row."""
CONNECTION_SECONDS = 15.0
"""A connection is closed then, so that idle ones do not keep others out."""
MAX_CONNECTIONS = 1 << 15
_LOG = logging.getLogger(__name__)


class DebouncedJob:
    """Work that runs in a thread of its own, once for any number of requests in a short time.

    Args:
        delay: seconds from the first request to the run.
    """

    def __init__(self, work: Callable[[], None], delay: float = DEBOUNCE_SECONDS) -> None:
        self._requested = threading.Event()

        def run_forever() -> None:
            while True:
                self._requested.wait()
                time.sleep(delay)
                self._requested.clear()
                work()

        threading.Thread(target=run_forever, daemon=True).start()

    def request(self) -> None:
        """Request a run soon; a request during a run leads to another run."""
        self._requested.set()


def create_app(path: str, check: RequestCheck, collect: DebouncedJob) -> FastAPI:
    """Create the application.

    Args:
        path: where webhooks arrive.
        check: verifies a request, and tells whether a clip was decided.
        collect: collects verdicts.
    """
    app = FastAPI(openapi_url=None)
    # Webhooks are signed, and come through proxies of any name; pages of a browser never send them.
    app.add_middleware(OriginGuard, any_host=True)

    @app.post(path)
    async def receive(request: Request) -> Response:
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > MAX_BODY_BYTES:
                return Response(status_code=413)
        try:
            if check(request.headers, body, time.time()):
                collect.request()
        except UntrustedWebhook as error:
            return Response(str(error), 401)
        except OneclickError as error:
            _LOG.warning("webhook: %s", error)
            return Response(status_code=500)
        return Response(status_code=204)

    return app


class ShortLivedProtocol(H11Protocol):
    """HTTP on a connection that is closed after CONNECTION_SECONDS, whatever its peer does."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock of a new connection."""
        super().connection_made(transport)
        self.loop.call_later(CONNECTION_SECONDS, transport.abort)


def serve(app: FastAPI, address: str, on_ready: Callable[[str], None]) -> None:
    """Serve the application at `host:port` until Ctrl-C; port 0 takes any free port.

    Args:
        on_ready: called with the address once the socket is open.

    Raises:
        Unavailable: the address cannot be listened on.
    """
    host, _, port = address.rpartition(":")
    host = {"localhost": "127.0.0.1", "": "0.0.0.0"}.get(host, host.strip("[]"))
    try:
        if not 0 <= int(port) < 1 << 16:
            raise ValueError(f"no port {port}")
        # A name would be looked up on the network; only an address is certainly this machine's.
        version = ipaddress.ip_address(host).version
        family = socket.AF_INET6 if version == 6 else socket.AF_INET
        server_socket = socket.create_server((host, int(port)), family=family, backlog=2048)
    except (OSError, ValueError) as error:
        raise Unavailable(
            f"cannot listen on {address}: {error}; give an IP address of this machine and a free "
            "port, host:port"
        ) from None
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY:
        files = max(files, min(most, MAX_CONNECTIONS))
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, most))
    config = uvicorn.Config(
        app, http=ShortLivedProtocol, log_level="warning", timeout_graceful_shutdown=3
    )
    with server_socket:
        on_ready(f"{host}:{server_socket.getsockname()[1]}")
        uvicorn.Server(config).run(sockets=[server_socket])

"""One address where webhooks of the review platform arrive."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from fastapi import FastAPI, Request, Response

from oneclick.core.errors import OneclickError
from oneclick.platforms.base import RequestCheck, UntrustedWebhook
from oneclick.services.origin_guard import OriginGuard
from oneclick.web import server
from oneclick.web.server import MAX_BODY_BYTES

DEBOUNCE_SECONDS = 5.0
"""Delay before verdicts are collected: people finish several clips in a row."""
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
                return Response(status_code=413, headers={"Connection": "close"})
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


def serve(app: FastAPI, address: str, on_ready: Callable[[str], None]) -> None:
    """Serve the application at `host:port` until Ctrl-C; port 0 takes any free port.

    Args:
        on_ready: called with the address once the socket is open.

    Raises:
        Unavailable: the address cannot be listened on.
    """
    listener = server.open_socket(address)
    host, port = listener.getsockname()[:2]
    on_ready(f"{host}:{port}")
    server.serve(app, listener)

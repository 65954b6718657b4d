"""The web server: for now one address, where Encord's webhooks arrive."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI, Request, Response

from oneclick.core.errors import Unavailable
from oneclick.platforms.encord import webhook

MOST = 1 << 20
"""Bytes of a notice; Encord's have some hundred."""
REST = 5.0
"""Seconds: people finish several clips in a row."""
ENCORD = "/hooks/encord"


class Errand:
    """Work in a thread of its own, some seconds after it was asked for; once, however often."""

    def __init__(self, work: Callable[[], None], rest: float = REST) -> None:
        self._work, self._rest, self._asked = work, rest, threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def ask(self) -> None:
        """Do it soon; what is asked for during the work is done again after it."""
        self._asked.set()

    def _run(self) -> None:
        while True:
            self._asked.wait()
            time.sleep(self._rest)
            self._asked.clear()
            self._work()


def create(secret: str, collect: Errand) -> FastAPI:
    """The application.

    Args:
        secret: what Encord signs with.
        collect: takes in verdicts.
    """
    app = FastAPI(openapi_url=None)

    @app.post(ENCORD)
    async def encord(request: Request) -> Response:
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > MOST:
                return Response(status_code=413)
        try:
            if webhook.news(secret, request.headers, body, time.time()):
                collect.ask()
        except webhook.Untrusted as error:
            return Response(str(error), 401)
        return Response(status_code=204)

    return app


def serve(app: FastAPI, address: str, ready: Callable[[str], None]) -> None:
    """Answer at `host:port` until Ctrl-C; port 0 is any that is free.

    Args:
        ready: called with the address once the door is open.

    Raises:
        Unavailable: if nothing can listen there.
    """
    host, _, port = address.rpartition(":")
    try:
        if not 0 <= int(port) < 1 << 16:
            raise ValueError(f"no port {port}")
        door = socket.create_server((host, int(port)))
    except (OSError, ValueError) as error:
        raise Unavailable(
            f"cannot listen on {address}: {error}; choose another host:port"
        ) from None
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=3)
    with door:
        ready(f"{host}:{door.getsockname()[1]}")
        uvicorn.Server(config).run(sockets=[door])

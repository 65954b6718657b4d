"""The program of every Prefect server that we start: `python -m oneclick.flows.prefect_server FD`.

It serves Prefect's own application on a socket that its parent has opened, so that nobody else can
have the port, behind the checks of `origin_guard`. Key and origins come in the environment.
"""

from __future__ import annotations

import base64
import hashlib
import socket
import sys

import uvicorn

from oneclick.core import garbage
from oneclick.flows import prefect_tables
from oneclick.services.origin_guard import Application, Message, OriginGuard, Receive, Send
from oneclick.services.prefect_access import SIGN_IN

# Both of Prefect's user interfaces keep the key in the browser's storage of this origin.
_SCRIPT = """
const token = location.hash.slice(1);
history.replaceState(null, "", location.pathname);
if (token) localStorage.setItem("prefect-password", token);
location.replace("/");
"""
_PAGE = f'<!doctype html><meta charset="utf-8"><title>oneclick</title><script>{_SCRIPT}</script>'
_DIGEST = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
_POLICY = f"default-src 'none'; script-src 'sha256-{_DIGEST}'"


def create_app() -> OriginGuard:
    """Create Prefect's application, with the page that signs a browser in, behind the guard."""
    from prefect.server.api import server
    from prefect.settings import PREFECT_SERVER_CORS_ALLOWED_ORIGINS

    prefect = server.create_app()

    async def application(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == SIGN_IN:
            await _send_sign_in_page(send)
        else:
            await prefect(scope, receive, send)

    return OriginGuard(application, PREFECT_SERVER_CORS_ALLOWED_ORIGINS.value().split(","))


async def _send_sign_in_page(send: Send) -> None:
    headers = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-security-policy", _POLICY.encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": _PAGE.encode()})


def main(descriptor: int) -> None:
    """Serve on an inherited socket until SIGTERM."""
    with garbage.paused():
        app: Application = create_app()
        prefect_tables.create_missing()
    config = uvicorn.Config(app, lifespan="on", log_level="warning", server_header=False)
    with socket.socket(fileno=descriptor) as listener:
        uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main(int(sys.argv[1]))

"""Requests of foreign pages and to foreign names never reach the application."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from oneclick.services.origin_guard import OriginGuard, origin_of

OWN = "http://127.0.0.1:4200"


async def _talk(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("hello")
    await socket.close()


def client(*origins: str, any_host: bool = False) -> TestClient:
    routes = [
        Route("/", lambda _: PlainTextResponse("hello"), methods=["GET", "POST"]),
        WebSocketRoute("/talk", _talk),
    ]
    return TestClient(OriginGuard(Starlette(routes=routes), origins, any_host), base_url=OWN)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": OWN}, 200),
        ({"Host": "LOCALHOST:4200"}, 200),
        ({"Host": "127.0.0.1"}, 400),
        ({"Host": "127.0.0.1:4201"}, 400),
        ({"Host": "evil.example:4200"}, 400),
        ({"Host": ""}, 400),
        ({"Host": "user@127.0.0.1:4200"}, 400),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "https://127.0.0.1:4200"}, 403),
        ({"Origin": "http://127.0.0.1"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
    ],
    ids=str,
)
def test_only_our_host_and_origin_pass(headers: dict[str, str], status: int) -> None:
    guarded = client(OWN, "http://localhost:4200")
    for method in ("GET", "POST", "OPTIONS"):
        answer = guarded.request(method, "/", headers=headers)
        assert answer.status_code == (405 if status == 200 and method == "OPTIONS" else status)
    host = headers.get("Host", "127.0.0.1:4200")
    if status == 200:
        with guarded.websocket_connect("/talk", headers={"Host": host} | headers) as socket:
            assert socket.receive_text() == "hello"
    else:
        with (
            pytest.raises(WebSocketDisconnect),
            guarded.websocket_connect("/talk", headers={"Host": host} | headers),
        ):
            pass


def test_what_passes_may_not_be_framed() -> None:
    assert client(OWN).get("/").headers["content-security-policy"] == "frame-ancestors 'none'"


def test_signed_requests_come_to_any_name_but_from_no_page() -> None:
    guarded = client(any_host=True)
    assert guarded.post("/", headers={"Host": "hooks.example"}).status_code == 200
    headers = {"Host": "hooks.example", "Origin": "http://hooks.example"}
    assert guarded.post("/", headers=headers).status_code == 403


@pytest.mark.parametrize(
    ("parts", "origin"),
    [
        (("http", "127.0.0.1", 4200), OWN),
        (("http", "LocalHost", 80), "http://localhost"),
        (("https", "ward.example", 443), "https://ward.example"),
        (("https", "ward.example", None), "https://ward.example"),
        (("http", "::1", 4200), "http://[::1]:4200"),
    ],
)
def test_an_origin_is_written_as_browsers_do(
    parts: tuple[str, str, int | None], origin: str
) -> None:
    assert origin_of(*parts) == origin

"""The web server in this process, over real HTTP.

Idle connections were looked for at every server: those of the review pages and of the intake are
bounded in time, size and number (test_connections.py); Prefect's own, which this machine alone
reaches, is not.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from functools import partial
from queue import Queue

import httpx
import pytest
import uvicorn
from fastapi.testclient import TestClient

from oneclick.core.errors import OneclickError, Unavailable
from oneclick.platforms.encord import webhook as encord
from oneclick.web import server
from oneclick.web import webhook as web
from tests.waits import HANG_SECONDS

CHECK = partial(encord.reports_decision, "ours")
BODY = b'{"event_type":"task_completed_event"}'


class Work:
    """Counts how often it was done, and may be held up."""

    def __init__(self) -> None:
        self.times, self.open, self.begun = 0, threading.Event(), threading.Event()
        self.open.set()

    def __call__(self) -> None:
        self.begun.set()
        self.open.wait(HANG_SECONDS)
        self.times += 1

    def reaches(self, times: int) -> bool:
        end = time.monotonic() + HANG_SECONDS
        while self.times < times and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(0.1)
        return self.times == times


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def client(work: Work, monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx.Client]:
    monkeypatch.setattr(server, "CONNECTION_SECONDS", HANG_SECONDS)  # a test may take its time
    servers: list[uvicorn.Server] = []
    real_server = uvicorn.Server

    def build(config: uvicorn.Config) -> uvicorn.Server:
        servers.append(real_server(config))
        return servers[0]

    monkeypatch.setattr(uvicorn, "Server", build)
    addresses: Queue[str] = Queue()
    running = web.create_app(encord.PATH, CHECK, web.DebouncedJob(work, delay=0.05))
    thread = threading.Thread(target=web.serve, args=(running, "127.0.0.1:0", addresses.put))
    thread.start()
    url = f"http://{addresses.get(timeout=HANG_SECONDS)}"
    with httpx.Client(base_url=url, timeout=HANG_SECONDS) as http:
        yield http
    servers[0].should_exit = True
    thread.join(HANG_SECONDS)
    assert not thread.is_alive()


def post(
    client: httpx.Client, body: bytes = BODY, key: str = "ours", origin: str | None = None
) -> int:
    at = str(int(time.time()))
    signed = hmac.new(key.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
    headers = {encord.SIGNATURE: signed, encord.TIMESTAMP: at}
    if origin is not None:
        headers["Origin"] = origin
    return client.post(encord.PATH, content=body, headers=headers).status_code


def test_a_burst_of_notices_is_one_errand_and_one_during_it_another(
    client: httpx.Client, work: Work
) -> None:
    work.open.clear()
    assert [post(client) for _ in range(30)] == [204] * 30
    assert work.begun.wait(HANG_SECONDS)
    assert post(client) == 204
    work.open.set()
    assert work.reaches(2)


def test_what_is_forged_too_large_or_no_news_starts_nothing(
    client: httpx.Client, work: Work
) -> None:
    assert post(client, key="theirs") == 401
    assert post(client, b"x" * (server.MAX_BODY_BYTES + 1)) == 413
    assert post(client, b'{"event_type":"agent_stage_work_available_event"}') == 204
    assert client.get(encord.PATH).status_code == 405
    assert client.get("/docs").status_code == 404
    assert work.reaches(0)


def test_a_page_in_a_browser_is_refused_whatever_it_sends(client: httpx.Client, work: Work) -> None:
    assert post(client, origin="http://evil.example") == 403
    assert post(client, origin="null") == 403
    assert work.reaches(0)


def test_idle_connections_do_not_keep_webhooks_out(
    client: httpx.Client, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = (client.base_url.host, client.base_url.port or 0)
    with contextlib.ExitStack() as stack:
        idle = [stack.enter_context(socket.create_connection(address)) for _ in range(100)]
        idle[0].sendall(b"POST /hooks/encord HTTP/1.1\r\n")
        assert post(client) == 204
        monkeypatch.setattr(server, "CONNECTION_SECONDS", 0.2)
        connection = stack.enter_context(socket.create_connection(address, HANG_SECONDS))
        with contextlib.suppress(ConnectionResetError):  # it is closed by the server
            assert connection.recv(1) == b""
    assert work.reaches(1)


@pytest.mark.parametrize(
    "address", ["here", "127.0.0.1:99999", "127.0.0.1:no", "nowhere.invalid:80"]
)
def test_an_address_where_nothing_can_listen_is_named(
    address: str, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look_up(*_: object) -> None:
        raise AssertionError("a name was looked up on the network")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(socket, "create_server", look_up)
    running = web.create_app(encord.PATH, CHECK, web.DebouncedJob(work))
    with pytest.raises(Unavailable, match=f"cannot listen on {address}"):
        web.serve(running, address, print)


def test_a_check_that_fails_is_logged_and_answered_with_500(
    work: Work, caplog: pytest.LogCaptureFixture
) -> None:
    def check(headers: Mapping[str, str], body: bytes, timestamp: float) -> bool:
        raise OneclickError("plug-in acme 1.2: it is broken")

    application = web.create_app("/hooks/acme", check, web.DebouncedJob(work))
    with TestClient(application) as client:
        assert client.post("/hooks/acme", content=b"{}").status_code == 500
    assert "plug-in acme 1.2: it is broken" in caplog.text

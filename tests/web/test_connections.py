"""What a connection to the review pages may cost: size, time, number."""

from __future__ import annotations

import contextlib
import gc
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from oneclick.web import server
from tests.waits import HANG_SECONDS, wait_until
from tests.web.site import PASSWORD, PASSWORDS, Site

LOGIN = {"name": "ada", "password": PASSWORD}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    site = Site(tmp_path)
    site.add("ada")
    return site


class Chunks:
    """A body without end that counts what was taken of it."""

    def __init__(self, total: int) -> None:
        self.total, self.sent = total, 0

    def __iter__(self) -> Iterator[bytes]:
        while self.sent < self.total:
            self.sent += 1 << 16
            yield b" " * (1 << 16)


GIGABYTE = 1 << 30


@pytest.mark.parametrize("length", [GIGABYTE, None], ids=["announced", "in chunks"])
def test_a_body_of_a_gigabyte_is_refused_without_reading_it(site: Site, length: int | None) -> None:
    body = Chunks(GIGABYTE)
    headers = {"Content-Type": "application/json"}
    if length:
        headers["Content-Length"] = str(length)
    with site.served() as client:
        with contextlib.suppress(httpx.TransportError):
            answer = client.post("/api/login", content=body, headers=headers)
            assert answer.status_code == 413
        assert body.sent < 64 << 20
        assert client.post("/api/login", json=LOGIN).status_code == 200
    assert ("", "refused", "413") in site.acts()


def test_a_refused_client_that_sends_on_is_cut_off(site: Site) -> None:
    body = Chunks(GIGABYTE)
    headers = {"Host": "evil.example", "Content-Length": str(GIGABYTE)}
    with site.served() as client:
        with contextlib.suppress(httpx.TransportError):
            client.post("/api/login", content=body, headers=headers)
        assert body.sent < 64 << 20
        assert client.get("/login").status_code == 200


def raw(client: httpx.Client) -> socket.socket:
    """Open a connection of our own to the server of a client."""
    connection = socket.create_connection((client.base_url.host, client.base_url.port or 0))
    connection.settimeout(HANG_SECONDS)
    return connection


def ends(connection: socket.socket) -> bytes:
    """Return what comes until the server closes the connection."""
    content = b""
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(1 << 16):
            content += part
    return content


HEAD = b"POST /api/login HTTP/1.1\r\nHost: 127.0.0.1:8321\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    "beginning",
    [b"", b"POST /api/lo", HEAD, HEAD + b"Content-Length: 50\r\n\r\n{"],
    ids=["nothing", "a method", "half of the headers", "half of the body"],
)
def test_a_request_that_does_not_go_on_is_ended(
    site: Site, beginning: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with site.served() as client:
        with monkeypatch.context() as patch:
            patch.setattr(server, "HEADER_SECONDS", 0.3)
            patch.setattr(server, "BODY_SECONDS", 0.3)
            with raw(client) as connection:
                connection.sendall(beginning)
                assert b"200 OK" not in ends(connection)
        assert client.get("/login").status_code == 200


def test_a_body_that_trickles_is_ended_though_bytes_keep_coming(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "BODY_SECONDS", 0.5)
    with site.served() as client, raw(client) as connection:
        connection.sendall(HEAD + b"Content-Length: 100000\r\n\r\n")
        stop = threading.Event()

        def trickle() -> None:
            with contextlib.suppress(OSError):
                while not stop.wait(0.05):
                    connection.sendall(b" ")

        thread = threading.Thread(target=trickle)
        thread.start()
        ends(connection)
        stop.set()
        thread.join()
        assert client.get("/login").status_code == 200


def test_a_connection_is_kept_for_the_next_request(site: Site) -> None:
    request = b"GET /login HTTP/1.1\r\nHost: 127.0.0.1:8321\r\n\r\n"
    with site.served() as client, raw(client) as connection:
        for _ in range(3):
            connection.sendall(request)
            content = b""
            while b"</html>" not in content:
                content += connection.recv(1 << 16)
            assert content.startswith(b"HTTP/1.1 200")


def test_one_address_gets_a_share_of_the_connections(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MAX_LOOPBACK", 5)
    with site.served() as client, contextlib.ExitStack() as stack:
        held = [stack.enter_context(raw(client)) for _ in range(5)]
        assert ends(stack.enter_context(raw(client))) == b""
        held[0].close()
        answered = []

        def answers() -> bool:
            with contextlib.suppress(httpx.TransportError):
                answered.append(client.get("/login").status_code)
            return answered == [200]

        wait_until(answers)


def test_nonsense_is_a_bad_request(site: Site) -> None:
    with site.served() as client:
        for nonsense in (b"\x16\x03\x01\x02\x00\x01\x00\x01", b"GET / HTTP/9\r\n\r\n", b"\0" * 99):
            with raw(client) as connection:
                connection.sendall(nonsense + b"\r\n\r\n")
                assert b"200 OK" not in ends(connection)
        with raw(client) as connection:
            with contextlib.suppress(OSError):
                connection.sendall(b"GET / HTTP/1.1\r\nX: " + b"x" * (1 << 20))
            assert b"200 OK" not in ends(connection)
        assert client.get("/login").status_code == 200


def test_hashes_are_computed_two_at_a_time(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    running, most = [0], [0]
    lock, real = threading.Lock(), PASSWORDS._hasher.verify

    def verify(password: str, hashed: str) -> bool:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        threading.Event().wait(0.02)
        with lock:
            running[0] -= 1
        return real(password, hashed)

    monkeypatch.setattr(PASSWORDS._hasher, "verify", verify)
    statuses: list[int] = []
    with site.served() as client:

        def log_in(number: int) -> None:
            wrong = {"name": f"user{number}", "password": "wrong"}
            statuses.append(client.post("/api/login", json=wrong).status_code)

        threads = [threading.Thread(target=log_in, args=(k,)) for k in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert most[0] <= 2
    assert set(statuses) == {401}


def test_what_is_loaded_at_the_start_is_left_out_of_collections(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counts = list[int]()
    monkeypatch.setattr(
        uvicorn.Server, "run", lambda *_, **__: counts.append(gc.get_freeze_count())
    )
    server.serve(FastAPI(), server.open_socket("127.0.0.1:0"))
    assert counts[0] > 10_000
    assert gc.get_freeze_count() == 0

"""What is said where there is no server, or one that refuses."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote

import pytest

from oneclick.core.errors import Unavailable, UnknownName, UsageError
from oneclick.services import prefect_api, prefect_http
from oneclick.services.prefect_api import PrefectServer
from tests.waits import HANG_SECONDS


class _Answer(BaseHTTPRequestHandler):
    """Answers with the code and the body that begin the path, and notes what it was told.

    `busy` answers 503 twice, then an empty list; `csrf` wants the newest of its tokens.
    """

    heard: list[str | None] = []  # noqa: RUF012
    busy = 0
    tokens = 0

    def do_POST(self) -> None:
        self.heard.append(self.headers.get("Authorization"))
        code, body = self.path.split("/")[1:3]
        if code == "busy":
            type(self).busy += 1
            code, body = ("200", "[]") if self.busy > 2 else ("503", "")
        if code == "csrf" and "csrf-token?client=" in self.path:
            type(self).tokens += 1
            code, body = "200", f'{{"token": "token {self.tokens}"}}'
        elif code == "csrf":
            valid = self.headers.get("Prefect-Csrf-Token") == f"token {self.tokens}"
            valid = valid and bool(self.headers.get("Prefect-Csrf-Client"))
            code, body = ("200", "[]") if valid else ("403", '{"detail": "Invalid CSRF token"}')
        self.send_response(int(code))
        self.end_headers()
        self.wfile.write(unquote(body).encode())

    do_GET = do_POST

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("401/x", "refuses the key: set PREFECT_API_KEY"),
        ("503/x", "answers 503 to /flows/filter"),
        ("200/x", "does not answer"),
        ("200/{}", "does not answer"),
        ("200/[1]", "does not answer"),
    ],
)
def test_a_server_that_does_not_do_as_it_should_is_named(
    url: str, code: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A busy server is asked again until the seconds are over: on this clock after two requests.
    monotonic = itertools.count(step=HANG_SECONDS).__next__
    clock = SimpleNamespace(monotonic=monotonic, sleep=lambda _: None)
    monkeypatch.setattr(prefect_http, "time", clock)
    with pytest.raises(Unavailable, match=reason) as excinfo:
        PrefectServer(f"{url}/{code}", "secret", seconds=HANG_SECONDS).deployments()
    assert "secret" not in str(excinfo.value)
    assert "\n" not in str(excinfo.value)
    assert _Answer.heard[-1] == "Bearer secret"


def test_a_server_whose_database_is_busy_is_asked_again(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    assert PrefectServer(f"{url}/busy/x").runs() == []


def test_a_server_that_wants_csrf_tokens_gets_them_also_when_one_expires(url: str) -> None:
    server = PrefectServer(f"{url}/csrf/x")
    assert server.runs() == []
    tokens = _Answer.tokens
    assert server.runs() == []
    assert _Answer.tokens == tokens
    _Answer.tokens += 1  # the one in hand is no longer valid
    assert server.runs() == []


def test_the_key_of_this_machine_s_server_goes_through_no_proxy(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name)
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert PrefectServer(f"{url}/200/[]").runs() == []


def test_a_run_that_is_unknown_is_named(url: str) -> None:
    with pytest.raises(UnknownName, match="no flow run is called 'abc'"):
        PrefectServer(f"{url}/404/x").cancel("abc")


@pytest.mark.parametrize("host", ["127.0.0.1:1", "127.0.0.1"])
def test_a_password_in_the_address_is_not_said(host: str) -> None:
    with pytest.raises(Unavailable, match=f"at http://{host}/api ") as excinfo:
        PrefectServer(f"http://me:secret@{host}/api", seconds=1).version()
    assert "secret" not in str(excinfo.value)


def test_an_address_that_is_none_is_named() -> None:
    with pytest.raises(UsageError, match="PREFECT_API_URL is no address"):
        PrefectServer("http://[::1/api")


def test_a_password_in_the_address_is_sent(url: str) -> None:
    with pytest.raises(Unavailable):
        PrefectServer(f"{url.replace('//', '//me:s%20t@')}/401/x").runs()
    assert _Answer.heard[-1] == "Basic bWU6cyB0"  # me:s t


def test_a_server_that_is_away_is_said_with_the_remedy() -> None:
    with pytest.raises(Unavailable, match="start it with oneclick up"):
        PrefectServer("http://127.0.0.1:1/api", seconds=1).runs()


def test_the_server_of_the_active_profile_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PREFECT_API_URL", "PREFECT_API_KEY", "PREFECT_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PREFECT_PROFILES_PATH", str(tmp_path / "profiles.toml"))
    assert prefect_api.connect() is None
    (tmp_path / "profiles.toml").write_text(
        'active = "work"\n[profiles.work]\nPREFECT_API_URL = "http://prefect.example/api"\n'
    )
    server = prefect_api.connect()
    assert server is not None
    assert server.url == "http://prefect.example/api"


@pytest.mark.parametrize("text", ["soon", "0", "-1", "inf", "nan"])
def test_a_timeout_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://prefect.example/api")
    monkeypatch.setenv("PREFECT_API_REQUEST_TIMEOUT", text)
    with pytest.raises(UsageError, match=f"PREFECT_API_REQUEST_TIMEOUT is '{text}'"):
        prefect_api.connect()

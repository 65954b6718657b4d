"""What is said where there is no server, or one that refuses."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from oneclick.core.errors import Unavailable, UnknownName
from oneclick.io import orchestrator
from oneclick.io.orchestrator import Orchestrator


class _Answer(BaseHTTPRequestHandler):
    """Answers with the code that stands first in the path, and notes what it was told."""

    heard: list[str | None] = []  # noqa: RUF012

    def do_POST(self) -> None:
        self.heard.append(self.headers.get("Authorization"))
        body = b"no JSON" if self.path.startswith("/200") else b"{}"
        self.send_response(int(self.path[1:4]))
        self.end_headers()
        self.wfile.write(body)

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
    ("code", "why"),
    [
        ("401", "refuses the key: set PREFECT_API_KEY"),
        ("503", "answers 503 to /flows/filter"),
        ("200", "does not answer"),
    ],
)
def test_a_server_that_does_not_do_as_it_should_is_named(url: str, code: str, why: str) -> None:
    with pytest.raises(Unavailable, match=why) as caught:
        Orchestrator(f"{url}/{code}", "secret").deployments()
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert _Answer.heard[-1] == "Bearer secret"


def test_a_run_that_is_unknown_is_named(url: str) -> None:
    with pytest.raises(UnknownName, match="no flow run is called 'abc'"):
        Orchestrator(f"{url}/404").cancel("abc")


def test_a_server_that_is_away_is_said_with_the_remedy() -> None:
    with pytest.raises(Unavailable, match="start it with oneclick up"):
        Orchestrator("http://127.0.0.1:1/api", seconds=1).runs()


def test_the_server_of_the_active_profile_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PREFECT_API_URL", "PREFECT_API_KEY", "PREFECT_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PREFECT_PROFILES_PATH", str(tmp_path / "profiles.toml"))
    assert orchestrator.connect() is None
    (tmp_path / "profiles.toml").write_text(
        'active = "work"\n[profiles.work]\nPREFECT_API_URL = "http://prefect.example/api"\n'
    )
    found = orchestrator.connect()
    assert found is not None
    assert found.url == "http://prefect.example/api"

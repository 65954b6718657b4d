from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from oneclick.core.evaluation import ModelScore
from oneclick.flows import alerts
from oneclick.report import TrainingReport

ROWS = (
    ModelScore(name="new", map=0.3, ap50=0.5, recall=0.6, images=40),
    ModelScore(name="old", map=0.4, ap50=0.6, recall=0.7, images=40),
)


def judged(verdict: str) -> TrainingReport:
    return TrainingReport(
        model="new",
        dataset="v0002-x",
        verdict=verdict,
        reasons=("worse on light=night",),
        rows=ROWS,
        seconds=1.0,
    )


class Hook(HTTPServer):
    """Keeps the messages it gets."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[dict[str, Any]] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        size = int(self.headers["content-length"])
        self.server.got.append(json.loads(self.rfile.read(size)))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Silence."""


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hook]:
    monkeypatch.setattr(alerts, "emit_event", lambda **_: None)
    server = Hook()
    yield server
    server.shutdown()
    server.server_close()


def test_a_refusal_reaches_the_webhook_with_its_reasons(hook: Hook) -> None:
    assert alerts.send_alert(judged("refuse"), f"http://127.0.0.1:{hook.server_port}/") == ""
    (message,) = hook.got
    assert message["event"] == "oneclick.gate.refused"
    assert message["reasons"] == ["worse on light=night"]
    assert [row["map"] for row in message["rows"]] == [0.3, 0.4]


def test_a_promotion_and_a_training_of_nothing_are_no_news(hook: Hook) -> None:
    url = f"http://127.0.0.1:{hook.server_port}/"
    assert alerts.send_alert(judged("promote"), url) == alerts.send_alert(None, url) == ""
    assert hook.got == []


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/", "nonsense", "ftp://x/"])
def test_a_webhook_that_is_away_is_said_and_fails_nothing(hook: Hook, url: str) -> None:
    assert url in alerts.send_alert(judged("refuse"), url)


def test_prefect_gets_an_event_that_automations_can_act_on(monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[dict[str, Any]] = []
    monkeypatch.setattr(alerts, "emit_event", lambda **event: events.append(event))
    assert alerts.send_alert(judged("not enough evidence"), "") == ""
    (event,) = events
    assert event["event"] == "oneclick.gate.waiting"
    assert event["resource"]["prefect.resource.id"] == "oneclick.model.new"

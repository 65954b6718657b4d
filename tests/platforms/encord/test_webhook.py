"""Encord's webhooks: what is signed is believed, for a while; all else is turned away."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path

import pytest

from oneclick.core.errors import UsageError
from oneclick.platforms.base import UntrustedWebhook
from oneclick.platforms.encord import webhook
from oneclick.platforms.encord.options import EncordOptions

NOW = 1_800_000_000.0


def signed(body: bytes, key: str = "ours", at: str = str(int(NOW))) -> dict[str, str]:
    signature = hmac.new(key.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {webhook.SIGNATURE: signature, webhook.TIMESTAMP: at}


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ("task_completed_event", True),
        ("task_submitted_event", True),
        ("task_sumbitted_event", True),
        ("agent_stage_work_available_event", False),
        ("an_event_of_next_year", False),
        (None, False),
    ],
)
def test_only_finished_tasks_are_news(event: str | None, expected: bool) -> None:
    body = json.dumps({"uid": "1", "event_type": event, "payload": {}}).encode()
    assert webhook.reports_decision("ours", signed(body), body, NOW) is expected


@pytest.mark.parametrize("body", [b"", b"no JSON", b"[]", b'"task_completed_event"', b"\xff"])
def test_signed_nonsense_is_no_news(body: bytes) -> None:
    assert webhook.reports_decision("ours", signed(body), body, NOW) is False


def test_a_signature_known_to_be_right_is_believed() -> None:
    """From the openssl command line."""
    body = b'{"event_type":"task_completed_event"}'
    signature = "3f8de56cbecbbd86d5b2fbcb71e87c6c0dfa199864055061324a77c504099968"
    headers = {webhook.SIGNATURE: signature, webhook.TIMESTAMP: "1800000000"}
    assert webhook.reports_decision("Jefe", headers, body, NOW)
    headers[webhook.SIGNATURE] = signature.upper()
    assert webhook.reports_decision("Jefe", headers, body, NOW)


@pytest.mark.parametrize(
    ("headers", "match"),
    [
        ({}, "signature is wrong"),
        ({webhook.SIGNATURE: "ä", webhook.TIMESTAMP: str(int(NOW))}, "signature is wrong"),
        (signed(b"{}", key="theirs"), "signature is wrong"),
        (signed(b"{ }"), "signature is wrong"),
        (signed(b"{}") | {webhook.TIMESTAMP: str(int(NOW) + 1)}, "signature is wrong"),
        (signed(b"{}", at=str(int(NOW) - 301)), "compare the clocks"),
        (signed(b"{}", at=str(int(NOW) + 301)), "compare the clocks"),
        (signed(b"{}", at="yesterday"), "compare the clocks"),
        (signed(b"{}", at="²"), "compare the clocks"),
    ],
)
def test_what_is_forged_or_old_is_turned_away(headers: dict[str, str], match: str) -> None:
    with pytest.raises(UntrustedWebhook, match=match):
        webhook.reports_decision("ours", headers, b"{}", NOW)


def test_the_secret_comes_from_a_file_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(webhook.SECRET_VARIABLE, raising=False)
    file = tmp_path / "secret"
    with pytest.raises(UsageError, match="no secret"):
        webhook.load_secret(EncordOptions())
    with pytest.raises(UsageError, match="cannot be read"):
        webhook.load_secret(EncordOptions(webhook_secret_file=str(file)))
    file.write_text(" \n")
    with pytest.raises(UsageError, match="no secret"):
        webhook.load_secret(EncordOptions(webhook_secret_file=str(file)))
    monkeypatch.setenv(webhook.SECRET_VARIABLE, "of the environment")
    assert webhook.load_secret(EncordOptions()) == "of the environment"
    file.write_text("of the file\n")
    assert webhook.load_secret(EncordOptions(webhook_secret_file=str(file))) == "of the file"

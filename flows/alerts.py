"""Alerts when the gate does not promote a candidate.

An event `oneclick.gate.refused` (or `.waiting`) for Prefect's automations, and a JSON message to a
webhook. Neither ever fails a training.
"""

from __future__ import annotations

import json
import urllib.request
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from prefect.events import emit_event

from oneclick.core import errors
from oneclick.report import TrainingReport

TIMEOUT_SECONDS = 10
EVENTS = {"refuse": "refused", "not enough evidence": "waiting"}


def send_alert(report: TrainingReport | None, webhook: str) -> str:
    """Send an event and a message if the verdict of the gate is not a promotion.

    Args:
        report: the training and the decision; None sends nothing.
        webhook: URL; empty sends the event only.

    Returns:
        Why the webhook did not accept the message; empty if it did.
    """
    if report is None or report.verdict not in EVENTS:
        return ""
    message: dict[str, Any] = {
        "event": f"oneclick.gate.{EVENTS[report.verdict]}",
        "model": report.model,
        "dataset": report.dataset,
        "reasons": list(report.reasons),
        "rows": [asdict(row) for row in report.rows],
    }
    resource = {
        "prefect.resource.id": f"oneclick.model.{report.model}",
        "prefect.resource.name": report.model,
    }
    # Emitting fails without a server.
    with suppress(Exception):
        emit_event(event=message["event"], resource=resource, payload=message)
    return post_message(webhook, message) if webhook else ""


def post_message(webhook: str, message: dict[str, Any]) -> str:
    """Post JSON to a URL; return the reason in one line if that fails, otherwise nothing."""
    body = json.dumps(message).encode()
    try:
        request = urllib.request.Request(
            webhook, body, {"Content-Type": "application/json"}, method="POST"
        )
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS):
            return ""
    except (OSError, ValueError) as error:
        return errors.reason(error, f"tell {webhook}")

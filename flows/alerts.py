"""Somebody is told when the gate does not let a candidate through.

An event `oneclick.gate.refused` (or `.waiting`) for Prefect's automations, and a JSON message to a
webhook. Neither ever fails a training.
"""

from __future__ import annotations

import json
import urllib.request
from dataclasses import asdict
from typing import Any

from prefect.events import emit_event

from oneclick.core import errors
from oneclick.report import Training

SECONDS = 10
KINDS = {"refuse": "refused", "not enough evidence": "waiting"}


def tell(judged: Training | None, webhook: str) -> str:
    """Send the gate's word if it is no promotion; why the webhook did not take it, or nothing."""
    if judged is None or judged.verdict not in KINDS:
        return ""
    message = _message(judged)
    _emit(message)
    return _post(webhook, message) if webhook else ""


def _message(judged: Training) -> dict[str, Any]:
    return {
        "event": f"oneclick.gate.{KINDS[judged.verdict]}",
        "model": judged.model,
        "dataset": judged.dataset,
        "reasons": list(judged.reasons),
        "rows": [asdict(row) for row in judged.rows],
    }


def _emit(message: dict[str, Any]) -> None:
    resource = {
        "prefect.resource.id": f"oneclick.model.{message['model']}",
        "prefect.resource.name": message["model"],
    }
    # Without a server there is nobody to take it.
    try:
        emit_event(event=message["event"], resource=resource, payload=message)
    except Exception:
        return


def _post(webhook: str, message: dict[str, Any]) -> str:
    body = json.dumps(message).encode()
    try:
        asked = urllib.request.Request(
            webhook, body, {"Content-Type": "application/json"}, method="POST"
        )
        with urllib.request.urlopen(asked, timeout=SECONDS):
            return ""
    except (OSError, ValueError) as error:
        return errors.reason(error, f"tell {webhook}")

"""Encord's webhooks: signed requests by which Encord tells that a task has moved.

A webhook is only a hint: decisions are always read from Encord's API, so a forged one would cause
no more than one more request.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import msgspec

from oneclick.core.errors import UsageError
from oneclick.platforms.base import RequestCheck, UntrustedWebhook
from oneclick.platforms.encord.options import EncordOptions
from oneclick.storage import bounded_documents
from oneclick.storage.bounded_documents import BrokenJson

PATH = "/hooks/encord"
SECRET_VARIABLE = "ENCORD_WEBHOOK_SECRET"
SIGNATURE, TIMESTAMP = "x-encord-signature", "x-encord-timestamp"
MAX_AGE_SECONDS = 300.0
"""An older webhook may be a replay."""
DECISION_EVENTS = {"task_submitted_event", "task_sumbitted_event", "task_completed_event"}
"""The second is how some versions of the service spell the first."""


class _WebhookEvent(msgspec.Struct, frozen=True):
    event_type: str = ""


def open_check(options: EncordOptions) -> RequestCheck:
    """Return the check of requests, with the secret loaded.

    Raises:
        UsageError: none is set, or its file cannot be read.
    """
    return partial(reports_decision, load_secret(options))


def load_secret(options: EncordOptions) -> str:
    """Return the secret that Encord signs webhooks with.

    Raises:
        UsageError: none is set, or its file cannot be read.
    """
    path = options.webhook_secret_file
    try:
        secret = (
            Path(path).expanduser().read_text() if path else os.environ.get(SECRET_VARIABLE, "")
        )
    except (OSError, UnicodeDecodeError):
        raise UsageError(
            f"the webhook's secret, {path}, cannot be read: "
            "correct review.encord.webhook_secret_file"
        ) from None
    if not secret.strip():
        raise UsageError(
            "no secret for Encord's webhook: set review.encord.webhook_secret_file, "
            f"or {SECRET_VARIABLE}, to the one that Encord shows beside the webhook"
        )
    return secret.strip()


def reports_decision(
    secret: str, headers: Mapping[str, str], body: bytes, timestamp: float
) -> bool:
    """Verify the signature of a webhook, and check whether a task was submitted or completed.

    Args:
        headers: names in lower case.
        timestamp: the current time, in seconds since 1970.

    Raises:
        UntrustedWebhook: it does not come from Encord, or is a replay of an old one.
    """
    sent_at = headers.get(TIMESTAMP, "")
    expected = hmac.new(secret.encode(), sent_at.encode() + b"." + body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), headers.get(SIGNATURE, "").lower().encode()):
        raise UntrustedWebhook("the signature is wrong: compare the webhook's secret")
    if not sent_at.isdecimal() or abs(timestamp - int(sent_at)) > MAX_AGE_SECONDS:
        raise UntrustedWebhook(f"sent at {sent_at}, not now: compare the clocks")
    try:
        event: _WebhookEvent = bounded_documents.parse_json(body, _WebhookEvent)
    except BrokenJson:
        return False
    return event.event_type in DECISION_EVENTS

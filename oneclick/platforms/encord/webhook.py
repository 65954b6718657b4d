"""Notices that Encord sends when a task moves: signed, and never more than a hint.

What was decided is always asked of Encord itself; whoever forges a notice makes us look once more.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from oneclick.core.errors import OneclickError, UsageError
from oneclick.platforms.options import EncordOptions

SECRET = "ENCORD_WEBHOOK_SECRET"
SIGNATURE, TIMESTAMP = "x-encord-signature", "x-encord-timestamp"
SKEW = 300.0
"""Seconds; an older notice may be somebody's copy."""
DECIDED = {"task_submitted_event", "task_sumbitted_event", "task_completed_event"}
"""The second is how some versions of the service spell the first."""


class Untrusted(OneclickError):
    """A notice that does not come from Encord, or is a copy of an old one."""


class _Notice(msgspec.Struct, frozen=True):
    event_type: str = ""


def secret(options: EncordOptions) -> str:
    """What Encord signs with.

    Raises:
        UsageError: none is set, or its file cannot be read.
    """
    path = options.webhook_secret_file
    try:
        found = Path(path).expanduser().read_text() if path else os.environ.get(SECRET, "")
    except (OSError, UnicodeDecodeError):
        raise UsageError(
            f"the webhook's secret, {path}, cannot be read: "
            "correct review.encord.webhook_secret_file"
        ) from None
    if not found.strip():
        raise UsageError(
            "no secret for Encord's webhook: set review.encord.webhook_secret_file, "
            f"or {SECRET}, to the one that Encord shows beside the webhook"
        )
    return found.strip()


def news(key: str, headers: Mapping[str, str], body: bytes, now: float) -> bool:
    """Whether the notice tells that somebody finished something.

    Args:
        headers: names in lower case.
        now: seconds since 1970.

    Raises:
        Untrusted: it does not come from Encord, or is a copy of an old one.
    """
    sent = headers.get(TIMESTAMP, "")
    signed = hmac.new(key.encode(), sent.encode() + b"." + body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(signed.encode(), headers.get(SIGNATURE, "").lower().encode()):
        raise Untrusted("the signature is wrong: compare the webhook's secret")
    if not sent.isdecimal() or abs(now - int(sent)) > SKEW:
        raise Untrusted(f"sent at {sent}, not now: compare the clocks")
    try:
        return msgspec.json.decode(body, type=_Notice).event_type in DECIDED
    except msgspec.MsgspecError:
        return False

"""Messages to people: a candidate that the gate does not promote, a camera that is silent.

An event for Prefect's automations (`oneclick.gate.refused`, `oneclick.alert.open`…), a JSON message
to a webhook, and a text through Prefect's notification blocks. None of them ever fails a flow.
"""

from __future__ import annotations

import asyncio
import http.client
import inspect
import json
import urllib.request
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError

import msgspec
from prefect.blocks.abstract import NotificationBlock
from prefect.blocks.core import Block
from prefect.events import emit_event

from oneclick.core import errors, urls, visible
from oneclick.report import TrainingReport
from oneclick.services import deadlines, mail
from oneclick.services.mail import MailSettings
from oneclick.storage import alert_log, locks
from oneclick.storage.alert_log import AlertRecord
from oneclick.storage.workspace import Workspace

TIMEOUT_SECONDS = 10.0
"""For each answer of a webhook."""
MOST_SECONDS = 30.0
"""For one message to a webhook or a block."""
Receiver = Callable[[AlertRecord], str]
"""Takes the news of an alert; returns why it did not, in one line, otherwise nothing."""
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
    emit(message, resource)
    return post_message(webhook, message) if webhook else ""


def post_message(webhook: str, message: dict[str, Any]) -> str:
    """Post JSON to a URL; return the reason in one line if that fails, otherwise nothing.

    A webhook's URL is a password, and what its server answers may repeat it: neither stands in the
    reason.
    """
    host = urls.host_label(webhook)
    if not host.startswith(("http://", "https://")):
        return "cannot tell the webhook: its URL begins neither with http:// nor with https://"
    try:
        deadlines.call_within(MOST_SECONDS, partial(_post, webhook, json.dumps(message).encode()))
    except Exception as error:  # a server may answer anything
        return visible.line(f"cannot tell {host}: {_why_not_posted(error)}")
    return ""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Follows none: what is sent on would be a GET without the message."""

    def redirect_request(self, *_: object) -> None:
        """Refuse, so that the answer is the error that it is."""


def _post(url: str, body: bytes) -> None:
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"}, method="POST")
    try:
        with urllib.request.build_opener(_NoRedirects).open(request, timeout=TIMEOUT_SECONDS):
            pass
    except HTTPError as error:
        error.close()
        raise


def _why_not_posted(error: Exception) -> str:
    if isinstance(error, HTTPError):
        return f"it answers {error.code} {http.client.responses.get(error.code, '')}".rstrip()
    cause = error.reason if isinstance(error, URLError) else error
    if isinstance(cause, TimeoutError):
        return str(cause)
    return getattr(cause, "strerror", None) or type(cause).__name__


def emit(message: dict[str, Any], resource: dict[str, str]) -> None:
    """Emit an event for Prefect's automations; without a server nothing happens."""
    with suppress(Exception):
        emit_event(event=message["event"], resource=resource, payload=message)


def receivers(
    webhook: str, blocks: tuple[str, ...], mail_settings: MailSettings | None = None
) -> dict[str, Receiver]:
    """Return who is told of alerts: Prefect's automations, the webhook, addresses, the blocks."""
    people: dict[str, Receiver] = {"event": _emit_alert}
    if webhook:
        people["webhook"] = lambda record: post_message(webhook, alert_message(record))
    if mail_settings is not None:
        people |= {
            f"mail:{address}": partial(send_mail, mail_settings, address)
            for address in mail_settings.to
        }
    return people | {name: partial(notify, name) for name in blocks}


def tell_alerts(home: Path, people: dict[str, Receiver]) -> dict[str, str]:
    """Tell everybody the news that they lack; return who could not be told, with the reason.

    What was taken is written after each message: after a kill one may come twice, with the same id.

    Raises:
        BadInput: the file of alerts is broken. NoSpace, Unavailable: it cannot be written.
    """
    workspace, failed = Workspace(home), dict[str, str]()
    with locks.file_lock(workspace.locks_dir / "alerts"):
        log = alert_log.load(workspace)
        for position, record in enumerate(log.records):
            for name, receive in people.items():
                if name in failed or not record.awaits(name):
                    continue
                if error := _try_to_tell(name, receive, record):
                    failed[name] = error
                    continue
                record = msgspec.structs.replace(record, told=record.told | {name: record.news})
                records = (*log.records[:position], record, *log.records[position + 1 :])
                log = msgspec.structs.replace(log, records=records)
                alert_log.save(workspace, log)
        rest = tuple(r for r in log.records if r.ended_at is None or any(map(r.awaits, people)))
        if rest != log.records or failed != log.untold:
            alert_log.save(workspace, msgspec.structs.replace(log, records=rest, untold=failed))
    return failed


def _try_to_tell(name: str, receive: Receiver, record: AlertRecord) -> str:
    """Return why a receiver did not take the news: whatever it raises, the others are told."""
    try:
        return receive(record)
    except Exception as error:
        return errors.reason(error, f"tell {name}")


def alert_message(record: AlertRecord) -> dict[str, Any]:
    """Return the JSON message of an alert."""
    alert = record.alert
    return {
        "event": f"oneclick.alert.{record.news}",
        "id": record.id,
        "kind": alert.kind,
        "camera": alert.camera,
        "model": alert.model,
        "text": alert.text,
        "since": alert.since.isoformat(timespec="seconds"),
        "ended": record.ended_at and record.ended_at.isoformat(timespec="seconds"),
    }


def alert_text(record: AlertRecord) -> str:
    """Return the news of an alert as a person reads it."""
    if record.ended_at is None:
        return record.alert.text
    return f"over at {record.ended_at:%Y-%m-%d %H:%M} UTC: {record.alert.text}"


def send_mail(settings: MailSettings, to: str, record: AlertRecord) -> str:
    """Send an alert to an address; return the reason in one line if that fails.

    The code of the camera stands in it, as in ids; names of people and cameras do not.
    """
    alert = record.alert
    lines = [alert_text(record), "", f"camera {alert.camera}, {alert.kind}"]
    if alert.model:
        lines.append(f"model {alert.model}")
    lines += [f"alert {record.id}, told by oneclick; oneclick status lists what is open"]
    try:
        mail.send(
            settings,
            to,
            subject=f"oneclick: {alert.camera} {alert.kind}{' is over' if record.ended_at else ''}",
            text="\n".join(lines) + "\n",
            name=f"{record.id}.{record.news}",
            at=record.ended_at or record.opened_at,
        )
    except errors.OneclickError as error:
        return str(error)
    return ""


def notify(name: str, record: AlertRecord) -> str:
    """Send an alert through a notification block; return the reason in one line if that fails."""
    try:
        return deadlines.call_within(MOST_SECONDS, partial(_notify, name, record))
    except Exception as error:  # each kind of block raises its own; some name the URL
        return urls.masked(errors.reason(error, f"tell {name}"), urls.host_label)


def _notify(name: str, record: AlertRecord) -> str:
    block = Block.load(name)
    if not isinstance(block, NotificationBlock):
        return f"{name} sends no notifications: name a notification block in alerts.blocks"
    with block.raise_on_failure():
        # Prefect's own blocks send at once, others return a coroutine.
        sending: Any = block.notify(alert_text(record), f"oneclick: {record.alert.camera}")
        if inspect.isawaitable(sending):
            asyncio.run(_wait_for(sending))
    return ""


async def _wait_for(sending: Awaitable[None]) -> None:
    await sending


def _emit_alert(record: AlertRecord) -> str:
    camera = record.alert.camera
    resource = {
        "prefect.resource.id": f"oneclick.camera.{camera}",
        "prefect.resource.name": camera,
    }
    emit(alert_message(record), resource)
    return ""

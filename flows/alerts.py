"""Messages to people: a candidate that the gate does not promote, a camera that is silent.

An event for Prefect's automations (`oneclick.gate.refused`, `oneclick.alert.open`…), a JSON message
to a webhook, and a text through Prefect's notification blocks. None of them ever fails a flow.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import urllib.request
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from prefect.blocks.abstract import NotificationBlock
from prefect.blocks.core import Block
from prefect.events import emit_event

from oneclick.core import errors
from oneclick.report import TrainingReport
from oneclick.services import mail
from oneclick.services.mail import MailSettings
from oneclick.storage import alert_log, locks
from oneclick.storage.alert_log import AlertRecord
from oneclick.storage.workspace import Workspace

TIMEOUT_SECONDS = 10
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
                if error := receive(record):
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
    text = alert_text(record)
    try:
        block = Block.load(name)
        if not isinstance(block, NotificationBlock):
            return f"{name} sends no notifications: name a notification block in alerts.blocks"
        with block.raise_on_failure():
            # Prefect's own blocks send at once, others return a coroutine.
            sending: Any = block.notify(text, f"oneclick: {record.alert.camera}")
            if inspect.isawaitable(sending):
                asyncio.run(_wait_for(sending))
    except Exception as error:
        return errors.reason(error, f"tell {name}")
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

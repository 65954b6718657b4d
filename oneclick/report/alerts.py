"""Alerts: which cameras and models are beyond the limits of the settings."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from oneclick.report.edge import EdgeCameraRow
from oneclick.report.insight import Insight, InsightRow
from oneclick.storage import alert_log, live_state
from oneclick.storage.alert_log import Alert, AlertKind, AlertRecord
from oneclick.storage.live_state import CameraState
from oneclick.storage.workspace import Workspace

MIN_HOURS = 1.0
"""Rates over less time that a model has looked at raise no alert."""
FORGET = timedelta(days=7)
"""A receiver that does not answer for so long is not told any more that an alert is over."""
INSIGHT_KINDS: tuple[AlertKind, ...] = ("drift", "flicker", "unseen")
_PICTURES: dict[AlertKind, str] = {
    "silent": "camera {camera} sends no pictures",
    "frozen": "the pictures of camera {camera} are frozen",
    "dark": "the pictures of camera {camera} are dark",
    "not-recorded": "what camera {camera} sends is not recorded",
}


@dataclass(frozen=True, kw_only=True)
class AlertRules:
    """Limits beyond which a person is called; 0 is off."""

    camera_minutes: float = 10.0
    edge_hours: float = 24.0
    drift: float = 0.25
    flickers_per_minute: float = 0.0
    unseen_share: float = 0.0
    ignore: Collection[str] = ()
    """Cameras that no alert is about."""
    expected: Collection[str] = ()
    """Live cameras that should always run; others may be stopped."""


def open_alerts(home: Path) -> list[Alert]:
    """Return the alerts that hold, as the last check of the flow `watch` left them, by begin.

    Raises:
        BadInput: the file of alerts is broken.
    """
    log = alert_log.load(Workspace(home))
    return [record.alert for record in log.records if record.ended_at is None]


def live_alerts(home: Path, rules: AlertRules, now: datetime) -> Iterator[Alert]:
    """Yield the alerts about live cameras."""
    if not rules.camera_minutes:
        return
    latest = now.timestamp() - 60 * rules.camera_minutes
    for camera in live_state.cameras(home):
        state = live_state.read(home, camera, now.timestamp())
        if state is None or camera in rules.ignore:
            continue
        for kind, since in _troubles(state, camera in rules.expected).items():
            if since <= latest:
                at = datetime.fromtimestamp(since, UTC)
                text = f"{_PICTURES[kind].format(camera=camera)} since {at:%Y-%m-%d %H:%M} UTC"
                if kind == "silent" and state.message:
                    text += f": {state.message}"
                yield Alert(kind=kind, camera=camera, text=text, since=at)


def _troubles(state: CameraState, is_expected: bool) -> dict[AlertKind, float]:
    """Return when each trouble of a camera began, unix seconds; one that is down is silent."""
    if state.status == "stopped":
        return {"silent": state.written_at} if is_expected else {}
    since = dict(state.trouble_since)
    if (down := since.pop(live_state.DOWN, None)) is not None:
        since["silent"] = min(down, since.get("silent", down))
    return {kind: since[kind] for kind in _PICTURES if kind in since}


def edge_alerts(
    cameras: Sequence[EdgeCameraRow], rules: AlertRules, now: datetime
) -> Iterator[Alert]:
    """Yield the alerts about edge cameras that have sent nothing for long."""
    limit = timedelta(hours=rules.edge_hours)
    for row in cameras:
        at = row.seen_at
        if limit and at and row.camera and row.camera not in rules.ignore and now - at >= limit:
            text = f"edge camera {row.camera} has sent nothing since {at:%Y-%m-%d %H:%M} UTC"
            yield Alert(kind="edge-silent", camera=row.camera, text=text, since=at)


def insight_alerts(insight: Insight, rules: AlertRules) -> Iterator[Alert]:
    """Yield the alerts about what models do on cameras."""
    for row in insight.rows:
        if row.camera not in rules.ignore and row.hours >= MIN_HOURS:
            for kind, text in _insight_texts(row, rules):
                yield Alert(
                    kind=kind, camera=row.camera, model=row.model, text=text, since=insight.start
                )


def _insight_texts(row: InsightRow, rules: AlertRules) -> Iterator[tuple[AlertKind, str]]:
    place, drift = f"{row.model} on camera {row.camera}", row.drift
    if rules.drift and drift and drift.is_clear and drift.low > rules.drift:
        yield "drift", f"{place} has drifted by {drift.text}, above {rules.drift:g}"
    if (limit := rules.flickers_per_minute) and row.flickers_per_minute > limit:
        rate = f"{row.flickers_per_minute:.1f} times a minute"
        yield "flicker", f"{place} flickers {rate}, above {limit:g}"
    if (limit := rules.unseen_share) and row.unseen_share is not None and row.unseen_share > limit:
        share = f"{row.unseen_text} of the frames"
        yield "unseen", f"{place} sees nobody in {share} in spite of signs, above {limit:.1%}"


def update_records(
    records: Sequence[AlertRecord],
    alerts: Collection[Alert],
    now: datetime,
    unchecked: Collection[AlertKind] = (),
) -> tuple[AlertRecord, ...]:
    """Return the records after a check: new alerts are open, those that are gone have ended.

    What comes back before anybody was told that it is over goes on as the same event.

    Args:
        records: of the last check.
        alerts: that hold now.
        now: time of the check.
        unchecked: kinds that were not checked this time: they stay as they are.
    """
    standing = {alert.key: alert for alert in alerts}
    updated = []
    for record in records:
        is_told_over = record.ended_at is not None and "over" in record.told.values()
        alert = None if is_told_over else standing.pop(record.alert.key, None)
        if alert is not None:
            since = min(alert.since, record.alert.since)
            alert = msgspec.structs.replace(alert, since=since)
            record = msgspec.structs.replace(record, alert=alert, ended_at=None)
        elif record.ended_at is None and record.alert.kind not in unchecked:
            record = msgspec.structs.replace(record, ended_at=now)
        if record.ended_at is None or now - record.ended_at < FORGET:
            updated.append(record)
    updated += [AlertRecord(alert=alert, opened_at=now) for alert in standing.values()]
    return tuple(updated)

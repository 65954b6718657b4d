"""Alerts: which cameras and models are beyond the limits of the settings."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from oneclick.report.edge import EdgeCameraRow
from oneclick.report.insight import Insight, InsightRow
from oneclick.storage import alert_log, live_state
from oneclick.storage.alert_log import Alert, AlertKind, AlertLog, AlertRecord
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
    "no-model": "a model that should look at camera {camera} cannot",
}
_EXPLAINED: tuple[AlertKind, ...] = ("silent", "no-model")
"""Kinds whose reason the message of the state tells."""


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
    expected: Collection[str] | None = ()
    """Live cameras that should always run, others may be stopped; None where nobody can tell."""


def open_alerts(home: Path) -> list[Alert]:
    """Return the alerts that hold, as the last check of the flow `watch` left them, by begin.

    Raises:
        BadInput: the file of alerts is broken.
    """
    log = alert_log.load(Workspace(home))
    return [record.alert for record in log.records if record.ended_at is None]


def live_alerts(
    home: Path, rules: AlertRules, now: datetime, log: AlertLog | None = None
) -> Iterator[Alert]:
    """Yield the alerts about live cameras.

    What was told lasts until the trouble is gone, wherever the clock was set meanwhile.

    Args:
        home: the workspace folder.
        rules: the limits.
        now: time of the check.
        log: of the last check; its `missed` is that of this one.
    """
    if not rules.camera_minutes:
        return
    log = log or AlertLog()
    open_keys = {record.alert.key for record in log.records if record.ended_at is None}
    latest = now.timestamp() - 60 * rules.camera_minutes
    expected = rules.expected or ()
    names = {*live_state.cameras(home), *expected}
    for camera in sorted(names - set(rules.ignore)):
        missed_at = log.missed.get(camera, now)
        state = live_state.read(home, camera, now.timestamp())
        if state is None:
            state = live_state.unknown(home, camera, missed_at.timestamp())
        if state.status == "stopped" and camera not in expected:
            continue
        for kind, since in _troubles(state).items():
            at = datetime.fromtimestamp(since, UTC)
            # A time in the future is one from before the clock was set back.
            at = at if at <= now else min(missed_at, now)
            alert = Alert(kind=kind, camera=camera, text=_live_text(state, kind, at), since=at)
            if since <= latest or alert.key in open_keys:
                yield alert


def missed_cameras(
    home: Path, rules: AlertRules, now: datetime, earlier: Mapping[str, datetime]
) -> dict[str, datetime]:
    """Return the cameras that should run and do not, with the first check that missed each.

    Args:
        home: the workspace folder.
        rules: name the cameras that should run.
        now: time of the check.
        earlier: what the last check returned.
    """
    names = set(rules.expected or ()) - set(rules.ignore)
    states = {name: live_state.read(home, name, now.timestamp()) for name in names}
    return {
        name: min(earlier.get(name, now), now)
        for name, state in states.items()
        if state is None or state.status == "stopped"
    }


def _live_text(state: CameraState, kind: AlertKind, since: datetime) -> str:
    """Return what is wrong with a camera, since when, and why where that is known."""
    text = _PICTURES[kind].format(camera=state.camera)
    if kind == "silent" and state.status == "running" and kind not in state.flags:
        text = f"camera {state.camera} sends pictures for moments only"
    text += f" since {since:%Y-%m-%d %H:%M} UTC"
    return f"{text}: {state.message}" if kind in _EXPLAINED and state.message else text


def _troubles(state: CameraState) -> dict[AlertKind, float]:
    """Return when each trouble of a camera began, unix seconds; one that is down is silent."""
    since = dict(state.trouble_since)
    down = since.pop(live_state.DOWN, None)
    if state.status == "stopped":
        return {"silent": min(down or state.written_at, state.written_at)}
    if down is not None:
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

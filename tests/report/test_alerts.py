"""Limits beyond which a person is called, and the life of an alert from check to check."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from oneclick import report
from oneclick.core.drift import DriftEstimate
from oneclick.report import alerts, snapshot_reader
from oneclick.report.alerts import AlertRules
from oneclick.report.insight import Insight, InsightRow
from oneclick.storage import alert_log, intake_counts, live_state
from oneclick.storage.alert_log import Alert, AlertLog, AlertRecord
from oneclick.storage.intake_counts import CameraCounts
from oneclick.storage.live_state import CameraState, LiveStatus
from oneclick.storage.workspace import Workspace
from tests.catalog import samples

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
SILENT = Alert(kind="silent", camera="hall", text="no pictures", since=NOW)
DRIFT = Alert(kind="drift", camera="hall", model="m", text="drifts", since=NOW)


def write_state(
    home: Path, status: LiveStatus, minutes: dict[str, float], age: timedelta = MINUTE * 0
) -> None:
    """Write a camera whose troubles have lasted for some minutes, and its state for `age`."""
    at = (NOW - age).timestamp()
    state = CameraState(
        camera="hall",
        status=status,
        message="timed out" if status == "stalled" else "",
        since=at,
        written_at=at,
        flags=tuple(sorted(minutes.keys() - {live_state.DOWN})),
        trouble_since={name: at - 60 * value for name, value in minutes.items()},
    )
    live_state.write(home, state)


CAMERAS: dict[str, tuple[LiveStatus, dict[str, float], list[str]]] = {
    "well": ("running", {}, []),
    "frozen for 9 minutes": ("running", {"frozen": 9}, []),
    "frozen for 11 minutes": ("running", {"frozen": 11}, ["frozen"]),
    "dark and not recorded": ("running", {"dark": 11, "not-recorded": 60}, ["dark"]),
    "damaged, which a model can bear": ("running", {"damaged": 60}, []),
    "down": ("stalled", {"down": 11}, ["silent"]),
    "down, and thus silent": ("connecting", {"down": 11, "silent": 10.5}, ["silent"]),
    "stopped by somebody": ("stopped", {}, []),
}


@pytest.mark.parametrize("case", CAMERAS)
def test_a_camera_calls_a_person_once_its_trouble_has_lasted(tmp_path: Path, case: str) -> None:
    status, minutes, kinds = CAMERAS[case]
    write_state(tmp_path, status, minutes)
    results = list(alerts.live_alerts(tmp_path, AlertRules(), NOW))
    recorded = ["not-recorded"] if "not-recorded" in minutes else []
    assert [alert.kind for alert in results] == kinds + recorded
    begin = NOW - MINUTE * max(minutes.values(), default=0)
    assert all("hall" in alert.text for alert in results)
    assert not results or min(alert.since for alert in results) == begin
    assert list(alerts.live_alerts(tmp_path, AlertRules(camera_minutes=0), NOW)) == []
    assert list(alerts.live_alerts(tmp_path, AlertRules(ignore=["hall"]), NOW)) == []


@pytest.mark.parametrize(("expected", "kinds"), [(("hall",), ["silent"]), ((), [])])
def test_a_camera_whose_process_is_gone_is_missed_if_it_should_run(
    tmp_path: Path, expected: tuple[str, ...], kinds: list[str]
) -> None:
    write_state(tmp_path, "running", {}, age=11 * MINUTE)
    results = list(alerts.live_alerts(tmp_path, AlertRules(expected=expected), NOW))
    assert [alert.kind for alert in results] == kinds
    assert all("does not run any more" in alert.text for alert in results)


def test_a_new_attempt_to_connect_ends_no_trouble() -> None:
    def state(status: LiveStatus, at: float, *flags: str) -> CameraState:
        return CameraState(camera="hall", status=status, since=at, written_at=at, flags=flags)

    first = live_state.with_troubles(state("stalled", 10.0), None)
    second = live_state.with_troubles(state("connecting", 20.0, "silent"), first)
    assert second.trouble_since == {"down": 10.0, "silent": 20.0}
    third = live_state.with_troubles(state("running", 30.0, "dark"), second)
    assert third.trouble_since == {"dark": 30.0, "down": 10.0}
    fourth = msgspec.structs.replace(third, written_at=50.0)
    assert live_state.with_troubles(fourth, third).trouble_since == {"dark": 30.0}


def test_a_camera_that_comes_for_a_moment_again_and_again_is_down() -> None:
    last: CameraState | None = None
    for second in range(900):
        begin = second - second % 34  # 4 s of pictures, then the longest pause of a reader
        is_there = second - begin < 4
        state = CameraState(
            camera="hall",
            status="running" if is_there else "connecting",
            since=float(begin if is_there else begin + 4),
            written_at=float(second),
        )
        last = live_state.with_troubles(state, last)
    assert last is not None
    assert last.trouble_since == {"down": 3.0}


def test_an_edge_camera_that_sends_nothing_for_a_day_is_missed(tmp_path: Path) -> None:
    times = {"bed": NOW - 25 * HOUR, "door": NOW - 23 * HOUR, "": NOW - 99 * HOUR, "new": None}
    counts = {name: CameraCounts(seen_at=at) for name, at in times.items()}
    intake_counts.save(Workspace(tmp_path), counts)
    (alert,) = alerts.edge_alerts(report.edge_cameras(tmp_path), AlertRules(), NOW)
    assert (alert.kind, alert.camera, alert.since) == ("edge-silent", "bed", times["bed"])


def insight_of(drift: DriftEstimate | None, hours: float = 100.0) -> Insight:
    row = InsightRow(
        camera="hall",
        model="m",
        hours=hours,
        uptime=1.0,
        people_in_view=1.0,
        appearances_per_hour=1.0,
        detections_per_minute=1.0,
        flickers_per_minute=3.0,
        unseen_share=0.2,
        histogram=(),
        agreements=(),
        drift=drift,
        precision=None,
        recall=None,
    )
    return Insight(start=NOW - timedelta(days=7), stop=NOW, rows=[row], failed={})


def estimate(low: float, noise: float = 0.1) -> DriftEstimate:
    return DriftEstimate(value=0.5, low=low, high=0.9, noise=noise)


MODELS: dict[str, tuple[DriftEstimate | None, AlertRules, list[str]]] = {
    "drift beyond the limit": (estimate(0.3), AlertRules(), ["drift"]),
    "an interval that holds the limit": (estimate(0.2), AlertRules(), []),
    "no more than chance": (estimate(0.3, noise=0.6), AlertRules(), []),
    "no drift known": (None, AlertRules(), []),
    "drift switched off": (estimate(0.3), AlertRules(drift=0), []),
    "flicker": (None, AlertRules(flickers_per_minute=2.0), ["flicker"]),
    "less flicker": (None, AlertRules(flickers_per_minute=4.0), []),
    "unseen": (None, AlertRules(unseen_share=0.1), ["unseen"]),
    "camera ignored": (estimate(0.3), AlertRules(ignore=("hall",)), []),
}


@pytest.mark.parametrize("case", MODELS)
def test_a_model_calls_a_person_beyond_a_limit(case: str) -> None:
    drift, rules, kinds = MODELS[case]
    results = list(alerts.insight_alerts(insight_of(drift), rules))
    assert [alert.kind for alert in results] == kinds
    assert list(alerts.insight_alerts(insight_of(drift, hours=0.5), rules)) == []


def test_an_alert_opens_once_and_ends_once() -> None:
    opened = alerts.update_records((), [SILENT, DRIFT], NOW)
    assert [record.news for record in opened] == ["open", "open"]
    later = Alert(kind="silent", camera="hall", text="still none", since=NOW + MINUTE)
    same = alerts.update_records(opened, [later], NOW + MINUTE, unchecked=alerts.INSIGHT_KINDS)
    assert [record.id for record in same] == [record.id for record in opened]
    assert (same[0].alert.text, same[0].alert.since) == ("still none", NOW)
    over = alerts.update_records(same, [DRIFT], NOW + HOUR)
    assert [record.ended_at for record in over] == [NOW + HOUR, None]
    assert alerts.update_records(over, [DRIFT], NOW + timedelta(days=8)) == over[1:]


@pytest.mark.parametrize(("receipts", "ids"), [({"webhook": "open"}, 1), ({"webhook": "over"}, 2)])
def test_what_comes_back_is_a_new_event_once_somebody_heard_it_was_over(
    receipts: dict[str, alert_log.News], ids: int
) -> None:
    ended = AlertRecord(alert=SILENT, opened_at=NOW, ended_at=NOW + MINUTE, told=receipts)
    records = alerts.update_records([ended], [SILENT], NOW + HOUR)
    assert len({record.id for record in records}) == len(records) == ids
    assert records[-1].ended_at is None


def test_alerts_are_action_items_as_soon_as_they_are_written(tmp_path: Path) -> None:
    samples.furnish(tmp_path)
    reader = snapshot_reader.SnapshotReader(tmp_path)
    assert reader.read() is not None
    over = AlertRecord(alert=SILENT, opened_at=NOW, ended_at=NOW)
    records = (AlertRecord(alert=SILENT, opened_at=NOW), AlertRecord(alert=DRIFT, opened_at=NOW))
    alert_log.save(Workspace(tmp_path), AlertLog(records=(over, *records)))
    snapshot = reader.read()
    assert snapshot is not None
    items = [need for need in snapshot.needs if need.kind in ("camera", "insight")]
    assert [(item.text, item.command) for item in items] == [
        ("no pictures", ("cameras", "status")),
        ("drifts", ("insight", "--camera", "hall")),
    ]
    Workspace(tmp_path).alerts_file.write_text("{")
    snapshot = reader.read()
    assert snapshot is not None
    assert any("alerts.json" in need.text for need in snapshot.needs if need.kind == "broken")
    reader.close()

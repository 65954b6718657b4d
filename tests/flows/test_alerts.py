from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prefect.blocks.core import Block
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.blocks.system import Secret

from oneclick.core.evaluation import ModelScore
from oneclick.flows import alerts, repaired_settings, watch
from oneclick.report import TrainingReport, camera_figures
from oneclick.report.action_items import alert_action_items
from oneclick.report.alerts import AlertRules
from oneclick.settings import Settings
from oneclick.storage import alert_log, intake_counts, live_state
from oneclick.storage.alert_log import Alert, AlertLog, AlertRecord
from oneclick.storage.live_state import CameraState
from oneclick.storage.workspace import Workspace
from tests.flows.webhook import Hook

ROWS = (
    ModelScore(name="new", map=0.3, ap50=0.5, recall=0.6, images=40),
    ModelScore(name="old", map=0.4, ap50=0.6, recall=0.7, images=40),
)

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
DARK = Alert(kind="dark", camera="hall", text="hall is dark", since=NOW)


def judged(verdict: str) -> TrainingReport:
    return TrainingReport(
        model="new",
        dataset="v0002-x",
        verdict=verdict,
        reasons=("worse on light=night",),
        rows=ROWS,
        seconds=1.0,
    )


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hook]:
    monkeypatch.setattr(alerts, "emit_event", lambda **_: None)
    with Hook.listen() as server:
        yield server


def test_a_refusal_reaches_the_webhook_with_its_reasons(hook: Hook) -> None:
    assert alerts.send_alert(judged("refuse"), hook.url) == ""
    (message,) = hook.got
    assert message["event"] == "oneclick.gate.refused"
    assert message["reasons"] == ["worse on light=night"]
    assert [row["map"] for row in message["rows"]] == [0.3, 0.4]


def test_a_promotion_and_a_training_of_nothing_are_no_news(hook: Hook) -> None:
    url = hook.url
    assert alerts.send_alert(judged("promote"), url) == alerts.send_alert(None, url) == ""
    assert hook.got == []


@pytest.mark.parametrize(
    ("url", "says"),
    {
        "away": (
            "http://127.0.0.1:9/T0/hidden",
            "cannot tell http://127.0.0.1:9: Connection refused",
        ),
        "name and password": ("http://me:hidden@127.0.0.1:9/", "cannot tell http://127.0.0.1:9: "),
        "a blank": ("http://127.0.0.1:9/hidden 2", "cannot tell http://127.0.0.1:9: InvalidURL"),
        "no URL": ("hidden", "begins neither with http:// nor with https://"),
        "another kind": ("ftp://x/hidden", "begins neither with http:// nor with https://"),
        "a file": ("file:///etc/hidden", "begins neither with http:// nor with https://"),
    }.values(),
)
def test_a_webhook_that_is_away_is_said_without_its_path_and_fails_nothing(
    hook: Hook, url: str, says: str
) -> None:
    line = alerts.send_alert(judged("refuse"), url)
    assert says in line
    assert "hidden" not in line


def open_dark_alert(home: Path) -> Workspace:
    """Write the alert of a dark camera that nobody was told of; return its workspace."""
    workspace = Workspace(home)
    alert_log.save(workspace, AlertLog(records=(AlertRecord(alert=DARK, opened_at=NOW),)))
    return workspace


@pytest.mark.parametrize(
    "answer",
    {
        "another protocol": b"SSH-2.0-OpenSSH_9.6\r\n",
        "an endless header": b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000 + b"\r\n\r\n",
        "a refusal that repeats the URL": b"HTTP/1.1 403 no /hidden for you\r\n\r\n",
        "a redirection": b"HTTP/1.1 302 Found\r\nLocation: https://x/hidden\r\n\r\n",
        "nothing": b"",
    }.values(),
)
def test_a_webhook_that_answers_garbage_keeps_nobody_from_being_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    monkeypatch.setattr(alerts, "emit_event", lambda **_: None)
    workspace = open_dark_alert(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1 << 16)
                connection.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        people = alerts.receivers(f"{url}/hidden", ()) | {"mail": lambda _: ""}
        failed = alerts.tell_alerts(tmp_path, people)
    assert list(failed) == ["webhook"]
    assert failed["webhook"].startswith(f"cannot tell {url}: ")
    log = alert_log.load(workspace)
    assert list(log.records[0].told) == ["event", "mail"]
    assert log.untold == failed
    assert b"hidden" not in workspace.alerts_file.read_bytes()


def test_a_receiver_with_a_fault_of_its_own_keeps_nobody_from_being_told(tmp_path: Path) -> None:
    def fail(_: AlertRecord) -> str:
        raise KeyError("a bug")

    workspace = open_dark_alert(tmp_path)
    failed = alerts.tell_alerts(tmp_path, {"first": fail, "second": lambda _: ""})
    assert failed == {"first": "cannot tell first: KeyError: 'a bug'"}
    assert list(alert_log.load(workspace).records[0].told) == ["second"]


def test_a_webhook_that_never_ends_its_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    is_over = threading.Event()
    monkeypatch.setattr(alerts, "MOST_SECONDS", 0.01)
    monkeypatch.setattr(alerts, "_post", lambda *_: is_over.wait())
    try:
        assert alerts.post_message("http://x/hidden", {}) == (
            "cannot tell http://x: it is not done after 0 s"
        )
    finally:
        is_over.set()


def test_a_block_that_names_its_url_or_hangs_is_said_without_the_path(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> str:
        raise ValueError("cannot post to https://bot:hidden@chat/T0/hidden?hidden")

    record = AlertRecord(alert=DARK, opened_at=NOW)
    monkeypatch.setattr(alerts, "_notify", fail)
    line = alerts.notify("slack-webhook/ward", record)
    assert line == "cannot tell slack-webhook/ward: ValueError: cannot post to https://chat"
    is_over = threading.Event()
    monkeypatch.setattr(alerts, "MOST_SECONDS", 0.01)
    monkeypatch.setattr(alerts, "_notify", lambda *_: is_over.wait())
    try:
        assert "not done after" in alerts.notify("slack-webhook/ward", record)
    finally:
        is_over.set()


def test_prefect_gets_an_event_that_automations_can_act_on(monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[dict[str, Any]] = []
    monkeypatch.setattr(alerts, "emit_event", lambda **event: events.append(event))
    assert alerts.send_alert(judged("not enough evidence"), "") == ""
    (event,) = events
    assert event["event"] == "oneclick.gate.waiting"
    assert event["resource"]["prefect.resource.id"] == "oneclick.model.new"


def show(home: Path, at: datetime, *flags: str) -> None:
    """Write a live camera that runs, with flags that have lasted for an hour."""
    since = dict.fromkeys(flags, at.timestamp() - 3600)
    state = CameraState(
        camera="hall",
        status="running",
        since=0,
        written_at=at.timestamp(),
        flags=flags,
        trouble_since=since,
    )
    live_state.write(home, state)


def test_a_dark_camera_is_told_once_and_once_more_when_it_is_over(
    hook: Hook, tmp_path: Path
) -> None:
    people = alerts.receivers(hook.url, ())
    for minutes, flags in ((0, ["dark"]), (5, ["dark"]), (10, []), (15, [])):
        at = NOW + timedelta(minutes=minutes)
        show(tmp_path, at, *flags)
        assert watch.check_alerts(tmp_path, AlertRules(), at) == {}
        assert alerts.tell_alerts(tmp_path, people) == {}
    first, last = hook.got
    assert (first["event"], last["event"]) == ("oneclick.alert.open", "oneclick.alert.over")
    assert first["id"] == last["id"]
    assert (first["kind"], first["camera"], first["ended"]) == ("dark", "hall", None)
    assert last["ended"] == "2026-11-28T12:10:00+00:00"
    assert alert_log.load(Workspace(tmp_path)).records == ()


def test_news_that_a_webhook_did_not_take_is_sent_again_and_others_are_told_once(
    hook: Hook, tmp_path: Path
) -> None:
    records = tuple(
        AlertRecord(alert=alert, opened_at=NOW)
        for alert in (DARK, Alert(kind="frozen", camera="ward", text="frozen", since=NOW))
    )
    alert_log.save(Workspace(tmp_path), AlertLog(records=records))
    kinds: list[str] = []

    def take(record: AlertRecord) -> str:
        kinds.append(record.alert.kind)
        return ""

    people = {"mail": take, **alerts.receivers(hook.url, ())}
    hook.status = 503
    assert list(alerts.tell_alerts(tmp_path, people)) == ["webhook"]
    assert len(hook.got) == 1  # a receiver that is away is asked once a run
    hook.status = 204
    for _ in range(2):
        assert alerts.tell_alerts(tmp_path, people) == {}
    assert kinds == ["dark", "frozen"]
    assert [message["kind"] for message in hook.got[1:]] == ["dark", "frozen"]


def test_a_notification_block_of_prefect_gets_the_text(
    hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    block = CustomWebhookNotificationBlock(
        name="ward",
        url=hook.url,
        json_data={"subject": "{{subject}}", "body": "{{body}}"},
    )
    monkeypatch.setattr(Block, "load", lambda _: block)
    ended = AlertRecord(alert=DARK, opened_at=NOW, ended_at=NOW)
    for record in (AlertRecord(alert=DARK, opened_at=NOW), ended):
        assert alerts.notify("custom-webhook/ward", record) == ""
    assert [message["body"] for message in hook.got] == [
        "hall is dark",
        "over at 2026-11-28 12:00 UTC: hall is dark",
    ]
    assert hook.got[0]["subject"] == "oneclick: hall"
    hook.status = 500
    assert "custom-webhook/ward" in alerts.notify("custom-webhook/ward", ended)
    monkeypatch.setattr(Block, "load", lambda _: Secret(value="x"))
    assert "no notifications" in alerts.notify("secret/x", ended)


def test_what_cannot_be_checked_ends_no_alert_and_stops_no_other(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    away = Alert(kind="edge-silent", camera="bed", text="away", since=NOW)
    log = AlertLog(records=(AlertRecord(alert=away, opened_at=NOW),), insight_at=NOW)
    alert_log.save(workspace, log)
    intake_counts.save(workspace, {})
    (workspace.intake_dir / "counts.json").write_text("{")
    show(tmp_path, NOW, "dark")
    assert list(watch.check_alerts(tmp_path, AlertRules(), NOW)) == ["edge"]
    kinds = [
        record.alert.kind for record in alert_log.load(workspace).records if not record.ended_at
    ]
    assert kinds == ["edge-silent", "dark"]


def test_a_broken_file_of_alerts_keeps_nobody_from_being_told(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    alert_log.save(workspace, AlertLog())
    workspace.alerts_file.write_text("{")
    show(tmp_path, NOW, "dark")
    assert list(watch.check_alerts(tmp_path, AlertRules(), NOW)) == ["alerts"]
    assert [record.alert.kind for record in alert_log.load(workspace).records] == ["dark"]


def test_cameras_of_the_settings_should_always_run(tmp_path: Path) -> None:
    conf = Settings.model_validate(
        {"home": tmp_path, "live": {"cameras": {"Hall 2": "rtsp://10.0.0.7/a"}}}
        | {"alerts": {"edge_hours": 2, "webhook": "http://127.0.0.1/", "ignore": ["bed"]}}
    )
    rules = watch.alert_rules(conf, {})
    assert rules.expected is not None
    assert (list(rules.expected), rules.edge_hours, rules.ignore) == (["hall_2"], 2, ("bed",))


def live_conf(home: Path) -> Settings:
    cameras = {"hall": "rtsp://10.0.0.7/a", "ward": "rtsp://10.0.0.8/a"}
    return Settings.model_validate({"home": home, "live": {"cameras": cameras}})


def open_texts(home: Path) -> list[str]:
    records = alert_log.load(Workspace(home)).records
    return [record.alert.text for record in records if record.ended_at is None]


def test_cameras_that_never_ran_or_whose_state_is_torn_are_missed(tmp_path: Path) -> None:
    live_state.camera_folder(tmp_path, "hall").mkdir(parents=True)
    live_state.state_file(tmp_path, "hall").write_bytes(b"")
    rules = watch.alert_rules(live_conf(tmp_path), {})
    for minutes in (0, 5):
        watch.check_alerts(tmp_path, rules, NOW + timedelta(minutes=minutes))
        assert open_texts(tmp_path) == []
    rows = camera_figures(tmp_path, None)
    assert [(row.camera, row.state, row.trouble) for row in rows] == [
        ("hall", "fail", "its state cannot be read"),
        ("ward", "fail", "it has not run yet"),
    ]
    watch.check_alerts(tmp_path, rules, NOW + timedelta(minutes=10))
    since = "sends no pictures since 2026-11-28 12:00 UTC"
    assert open_texts(tmp_path) == [
        f"camera hall {since}: its state cannot be read",
        f"camera ward {since}: it has not run yet",
    ]
    show(tmp_path, NOW + timedelta(minutes=15))
    watch.check_alerts(tmp_path, rules, NOW + timedelta(minutes=15))
    assert [text.split()[1] for text in open_texts(tmp_path)] == ["ward"]
    assert list(alert_log.load(Workspace(tmp_path)).missed) == ["ward"]


@pytest.mark.parametrize("is_alive", [True, False])
def test_a_clock_that_is_set_back_ends_no_alert(tmp_path: Path, is_alive: bool) -> None:
    rules = AlertRules(expected=["hall"])
    last: CameraState | None = None

    def check(now: datetime, is_written: bool) -> list[str]:
        nonlocal last
        if is_written:
            state = CameraState(
                camera="hall", status="stalled", since=0, written_at=now.timestamp()
            )
            last = live_state.with_troubles(state, last)
            live_state.write(tmp_path, last)
        watch.check_alerts(tmp_path, rules, now)
        return [record.news for record in alert_log.load(Workspace(tmp_path)).records]

    assert check(NOW, is_written=True) == []
    assert check(NOW + timedelta(minutes=15), is_written=True) == ["open"]
    for minutes in range(20, 260, 5):
        moment = NOW + timedelta(minutes=minutes) - timedelta(hours=2)
        assert check(moment, is_written=is_alive) == ["open"]


def test_broken_names_of_cameras_stop_no_check(tmp_path: Path) -> None:
    workspace, conf = Workspace(tmp_path), live_conf(tmp_path)
    watch.check_alerts(tmp_path, watch.alert_rules(conf, {}), NOW)
    workspace.cameras_file.write_bytes(b"\0")
    failed: dict[str, str] = {}
    rules = watch.alert_rules(conf, failed)
    failed = watch.check_alerts(tmp_path, rules, NOW + timedelta(minutes=10), failed)
    assert list(failed) == ["cameras"]
    assert len(open_texts(tmp_path)) == 2
    items = [item.text for item in alert_action_items(tmp_path, NOW + timedelta(minutes=10))]
    assert sum("cameras.json is broken" in text for text in items) == 1


def test_where_nobody_knows_which_cameras_should_run_all_that_ran_are_missed(
    tmp_path: Path,
) -> None:
    show(tmp_path, NOW - timedelta(hours=1))
    watch.check_alerts(tmp_path, AlertRules(expected=None), NOW)
    assert [text.split()[1] for text in open_texts(tmp_path)] == ["hall"]


def test_a_watch_that_has_not_looked_for_long_is_told(tmp_path: Path) -> None:
    def items(hours: float) -> list[str]:
        moment = NOW + timedelta(hours=hours)
        return [item.text for item in alert_action_items(tmp_path, moment)]

    assert items(5) == []
    watch.check_alerts(tmp_path, AlertRules(expected=["hall"]), NOW)
    assert items(0.25) == []
    (text,) = items(5)
    assert text.startswith("no camera was checked since 2026-11-28 12:00 UTC")


SETTINGS = """
[live.cameras]
hall = "rtsp://10.0.0.7/a"
[alerts]
camera_minutes = 5
{alerts}
[alerts.mail]
to = ["night@home.example"]
sender = "oneclick@home.example"
server = "mail.home.example"
{end}
"""


@pytest.mark.parametrize(
    ("alerts_line", "end", "minutes"),
    [
        ("", "[train]\neffort = 'much'", 5),
        ("drift = 'big'", "", 5),
        ("", "[[[", 10),
    ],
    ids=["another section", "the same section", "no TOML"],
)
def test_wrong_settings_leave_the_rest_to_the_watch(
    alerts_line: str, end: str, minutes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = SETTINGS.format(alerts=alerts_line, end=end)
    (tmp_path / "oneclick.toml").write_text(text)
    monkeypatch.setenv("ONECLICK_HOME", str(tmp_path / "home"))
    conf, problem = repaired_settings.load()
    assert problem.startswith("settings: ")
    assert (conf.home, conf.alerts.camera_minutes) == (tmp_path / "home", minutes)
    assert bool(conf.alerts.mail.to) == (minutes == 5)
    program = "from oneclick.flows import policy, watch"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert result.returncode == 0, result.stderr

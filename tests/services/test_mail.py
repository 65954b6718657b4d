"""Mail over SMTP against a real server: TLS, who signs in, and what is refused in one line."""

from __future__ import annotations

import smtplib
import ssl
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from pydantic import ValidationError

from oneclick.core.errors import Unavailable, UsageError
from oneclick.flows import alerts
from oneclick.report import action_items
from oneclick.services import mail
from oneclick.services.mail import MailSettings
from oneclick.storage import alert_log
from oneclick.storage.alert_log import Alert, AlertLog, AlertRecord
from oneclick.storage.workspace import Workspace
from tests.fakes import certificates
from tests.services.smtp import MailServer

AT = datetime(2026, 11, 28, 12, tzinfo=UTC)
SECRET = "correct horse"
DARK = Alert(kind="dark", camera="hall", text="the pictures of camera hall are dark", since=AT)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of 127.0.0.1 with its key in one file."""
    return certificates.create(tmp_path_factory.mktemp("tls"))


def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def settings(server: MailServer, **more: object) -> MailSettings:
    fields = {"to": ["a@x.example"], "sender": "oneclick@x.example", "server": server.place} | more
    return MailSettings.model_validate({"security": "none"} | fields)


def send(options: MailSettings, text: str = "the camera is dark", to: str = "a@x.example") -> None:
    mail.send(options, to, subject="oneclick: hall\nBcc: all", text=text, name="id.open", at=AT)


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_message_goes_over_tls_with_a_password_of_a_file(
    certificate: Path, tmp_path: Path, security: str
) -> None:
    path = tmp_path / "password"
    path.write_text(f"{SECRET}\n")
    path.chmod(0o600)
    server = MailServer(tls(certificate), is_wrapped=security == "tls", password=SECRET)
    with server.listen():
        more = {"user": "bot", "password_file": path, "certificates": certificate}
        options = settings(server, security=security, **more)
        send(options)
        mail.check(options)
    ((to, message),) = server.messages
    assert (to, message["To"], message["From"]) == ("a@x.example", to, "oneclick@x.example")
    assert message["Bcc"] is None, "a subject is one line"
    assert message["Message-ID"] == "<id.open@oneclick.invalid>"
    assert str(message.get_payload()).splitlines() == ["the camera is dark"]
    in_the_clear = [line for secure, line in server.lines if not secure]
    assert all(line.startswith(("ehlo", "STARTTLS", "EHLO")) for line in in_the_clear)


def test_a_password_of_the_environment_is_not_told_where_it_is_wrong(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(mail.PASSWORD, "not the horse")
    with MailServer(tls(certificate), password=SECRET).listen() as server:
        options = settings(server, security="starttls", user="bot", certificates=certificate)
        with pytest.raises(Unavailable) as caught:
            send(options)
    line = str(caught.value)
    assert line.startswith(f"the mail server {server.place} took nothing: 535 …")
    assert line.isprintable()
    assert not server.messages


def test_a_server_that_is_not_trusted_or_has_no_tls_gets_nothing(certificate: Path) -> None:
    for context, says in ((tls(certificate), "CERTIFICATE_VERIFY_FAILED"), (None, "STARTTLS")):
        with MailServer(context).listen() as server:
            with pytest.raises(Unavailable, match=says):
                send(settings(server, security="starttls"))
            assert not server.messages


def test_a_server_that_is_away_or_says_nothing_in_time_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with MailServer().listen() as server:
        server.refused.add("a@x.example")
        with pytest.raises(Unavailable, match="took nothing: 550 nobody of this name"):
            send(settings(server))
        monkeypatch.setattr(mail, "TIMEOUT_SECONDS", 0.2)
        server.greeting = b"220"
        with pytest.raises(Unavailable, match="timed out"):
            send(settings(server))
        monkeypatch.setattr(mail, "MOST_SECONDS", 0.0)
        with pytest.raises(Unavailable, match="not done after"):
            send(settings(server))
    monkeypatch.setattr(mail, "MOST_SECONDS", 60.0)
    with pytest.raises(Unavailable, match="refused"):
        send(settings(server))


def test_what_nobody_thought_of_is_no_mail_that_was_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise KeyError("size")

    monkeypatch.setattr(smtplib.SMTP, "send_message", fail)
    with (
        MailServer().listen() as server,
        pytest.raises(Unavailable, match=r"cannot send mail: KeyError: 'size'"),
    ):
        send(settings(server))


def test_a_password_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text(SECRET)
    path.chmod(0o644)
    more = {"sender": "o@x.example", "security": "none"}
    options = MailSettings(server="127.0.0.1:9", user="bot", password_file=path, **more)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=f"others may read {path}: chmod 600") as caught:
        send(options)
    assert SECRET not in str(caught.value)
    path.unlink()
    with pytest.raises(UsageError, match="password"):
        send(options)
    with pytest.raises(UsageError, match=mail.PASSWORD):
        send(options.model_copy(update={"password_file": None}))


def test_a_password_file_that_may_not_be_read_leaves_the_alert_untold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    more = {"to": ["a@x.example"], "sender": "o@x.example", "security": "none"}
    path = tmp_path / "password"
    options = MailSettings(server="127.0.0.1:9", user="bot", password_file=path, **more)  # type: ignore[arg-type]
    record = AlertRecord(alert=DARK, opened_at=AT)
    alert_log.save(Workspace(tmp_path), AlertLog(records=(record,)))
    people: dict[str, alerts.Receiver] = {"mail": partial(alerts.send_mail, options, "a@x.example")}
    line = f"alerts.mail.password_file: {path}: cannot be read (Permission denied)"
    with monkeypatch.context() as patch:
        stat = Path.stat
        patch.setattr(
            Path,
            "stat",
            lambda file, **options: refuse() if file == path else stat(file, **options),
        )
        assert alerts.tell_alerts(tmp_path, people) == {"mail": line}
        with pytest.raises(UsageError):
            mail.check(options)
    assert alert_log.load(Workspace(tmp_path)).records[0].told == {}


def test_what_a_session_raises_is_raised_and_not_taken_for_success(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_: MailSettings) -> str:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(mail, "_password", fail)
    options = MailSettings(server="127.0.0.1:9", user="bot", security="none")
    with pytest.raises(ZeroDivisionError):
        mail.check(options)


@pytest.mark.parametrize(
    "change",
    [
        {"to": ["nobody"]},
        {"to": ["a@x\nBcc: b@x"]},
        {"to": [""]},
        {"sender": ""},
        {"server": ""},
        {"server": "mail:99999"},
        {"server": "mail:smtp"},
        {"server": "fe80::1"},
        {"server": "mail.example", "user": "bot"},
        {"more": 1},
    ],
    ids=str,
)
def test_settings_that_cannot_work_are_refused(change: dict[str, object]) -> None:
    fields = {"to": ["a@x.example"], "sender": "o@x.example", "server": "mail", "security": "none"}
    with pytest.raises(ValidationError):
        MailSettings.model_validate(fields | change)


def test_ports_follow_from_the_security() -> None:
    addresses = [
        MailSettings(server=server, security=security).address  # type: ignore[arg-type]
        for server, security in (
            ("a", "starttls"),
            ("a", "tls"),
            ("a:2525", "tls"),
            ("[::1]", "none"),
        )
    ]
    assert addresses == [("a", 587), ("a", 465), ("a", 2525), ("::1", 25)]


def test_an_address_that_is_refused_keeps_no_other_from_its_alerts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerts, "emit_event", lambda **_: None)
    ward = Alert(kind="drift", camera="ward", model="yolo", text="it has drifted", since=AT)
    records = tuple(AlertRecord(alert=alert, opened_at=AT) for alert in (DARK, ward))
    alert_log.save(Workspace(tmp_path), AlertLog(records=records))
    with MailServer().listen() as server:
        server.refused.add("gone@x.example")
        options = settings(server, to=["gone@x.example", "ops@x.example"])
        people = alerts.receivers("", (), options)
        for _ in range(2):
            failed = alerts.tell_alerts(tmp_path, people)
            assert list(failed) == ["mail:gone@x.example"]
            assert "550 nobody of this name" in failed["mail:gone@x.example"]
            (*_, item) = action_items.alert_action_items(tmp_path, AT)
            assert item.text.startswith("mail:gone@x.example gets no alerts: the mail server")
        assert [to for to, _ in server.messages] == ["ops@x.example"] * 2, "each alert once"
        assert [m["Subject"] for _, m in server.messages] == [
            "oneclick: hall dark",
            "oneclick: ward drift",
        ]
        server.refused.clear()
        assert alerts.tell_alerts(tmp_path, people) == {}
        assert len(server.messages) == 4
        assert len(list(action_items.alert_action_items(tmp_path, AT))) == 2, "both alerts alone"
        (first, *_) = server.messages
        assert "camera hall, dark" in str(first[1].get_payload())

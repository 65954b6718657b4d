"""Mail over SMTP: a short text to one person, over TLS, and one line of why it was not taken."""

from __future__ import annotations

import os
import smtplib
import socket
import ssl
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from oneclick.core import visible
from oneclick.core.errors import Unavailable, UsageError, reason
from oneclick.services import deadlines
from oneclick.storage import bounded_files

PASSWORD = "ONECLICK_MAIL_PASSWORD"
"""Environment variable of the password where there is no file of it."""
TIMEOUT_SECONDS = 10.0
"""For each answer of the server."""
MOST_SECONDS = 60.0
"""For a whole session."""
PORTS = {"starttls": 587, "tls": 465, "none": 25}
LOOPBACK = ("127.0.0.1", "localhost", "::1")
MOST_PASSWORD_BYTES = 4096


class MailSettings(BaseModel):
    """Mail that oneclick sends itself, without a Prefect server."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    to: tuple[str, ...] = ()
    """Addresses that get a message each when something begins, and when it is over; none is off."""
    sender: str = ""
    """Address in From."""
    server: str = ""
    """Name of the mail server, or name:port."""
    security: Literal["starttls", "tls", "none"] = "starttls"
    """TLS after the greeting (port 587), from the first byte on (465), or no TLS (25); no password
    is sent without TLS, but to this machine."""
    certificates: Path | None = None
    """PEM file of the authority that signed the server's certificate, where the system does not
    know it."""
    user: str = ""
    """Who signs in; empty signs nobody in."""
    password_file: Path | None = None
    """File of the password, which only its owner may read; without one it is in the environment,
    ONECLICK_MAIL_PASSWORD."""

    @field_validator("to", "sender")
    @classmethod
    def _check_addresses(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        for address in (value,) if isinstance(value, str) else value:
            local, at, host = address.rpartition("@")
            is_plain = (
                address.isascii() and address.isprintable() and not set(address) & set(" <>,")
            )
            if address and not (local and at and host and is_plain):
                raise ValueError(f"{address!r} is no address of mail: write name@host")
        return value

    @model_validator(mode="after")
    def _check_whole(self) -> MailSettings:
        if self.to and not (self.sender and self.server and all(self.to)):
            raise ValueError("alerts.mail.to needs alerts.mail.sender and alerts.mail.server")
        if self.server:
            _, port = self.address
            if not 0 < port < 1 << 16:
                raise ValueError(f"{self.server!r} is no mail server: write name or name:port")
        if self.user and self.security == "none" and self.address[0] not in LOOPBACK:
            raise ValueError("a password needs TLS: alerts.mail.security is starttls or tls")
        return self

    @property
    def address(self) -> tuple[str, int]:
        """Return host and port of the server; port 0 where it is none.

        An IPv6 address stands in brackets.
        """
        host, colon, port = self.server.rpartition(":")
        if not colon or self.server.endswith("]"):
            return self.server.strip("[]"), PORTS[self.security]
        is_host = ":" not in host or (host.startswith("[") and host.endswith("]"))
        is_port = port.isascii() and port.isdigit() and len(port) < 6
        return host.strip("[]"), int(port) if is_host and is_port else 0


def send(
    settings: MailSettings, to: str, *, subject: str, text: str, name: str, at: datetime
) -> None:
    """Send a text to one person.

    Args:
        settings: how.
        to: address.
        subject: in one line.
        text: of a line or more.
        name: of the message, the same where it comes twice.
        at: its time, timezone-aware.

    Raises:
        Unavailable: the server does not take it, and why, in one line.
        UsageError: the password cannot be read, or others may read it.
    """
    message = EmailMessage()
    message["From"], message["To"] = settings.sender, to
    message["Subject"] = visible.line(subject)
    message["Date"] = format_datetime(at)
    message["Message-ID"] = f"<{name}@oneclick.invalid>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    _within_time(settings, lambda session: session.send_message(message))


def check(settings: MailSettings) -> None:
    """Check that the server answers and signs us in, without sending anything. Raises as `send`."""
    _within_time(settings, lambda session: session.noop())


def _within_time(settings: MailSettings, work: Callable[[smtplib.SMTP], object]) -> None:
    """Work in a session that lasts MOST_SECONDS at most: a server may send a byte at a time."""

    def run() -> None:
        with _session(settings) as session:
            work(session)

    try:
        deadlines.call_within(MOST_SECONDS, run)
    except TimeoutError as error:
        raise Unavailable(f"the mail server {settings.server} took nothing: {error}") from None


@contextmanager
def _session(settings: MailSettings) -> Iterator[smtplib.SMTP]:
    """Yield a session with the server; what goes wrong is one line. Raises as `send`."""
    password = _password(settings) if settings.user else ""
    try:
        with _connect(settings) as session:
            if settings.user:
                session.login(settings.user, password)
            yield session
    except Exception as error:  # a server may answer anything, and smtplib trusts it
        line = _reason(error)
        if password:
            line = line.replace(password, "…")
        raise Unavailable(f"the mail server {settings.server} took nothing: {line}") from None


def _connect(settings: MailSettings) -> smtplib.SMTP:
    host, port = settings.address
    here = socket.gethostname() or "localhost"
    if settings.security == "none":
        return smtplib.SMTP(host, port, here, TIMEOUT_SECONDS)
    context = ssl.create_default_context(cafile=settings.certificates)
    if settings.security == "tls":
        return smtplib.SMTP_SSL(
            host, port, local_hostname=here, timeout=TIMEOUT_SECONDS, context=context
        )
    session = smtplib.SMTP(host, port, here, TIMEOUT_SECONDS)
    try:
        session.starttls(context=context)
    except BaseException:
        session.close()
        raise
    return session


def _password(settings: MailSettings) -> str:
    path = settings.password_file
    if path is None:
        password = os.environ.get(PASSWORD, "")
        if not password:
            raise UsageError(f"alerts.mail.user needs alerts.mail.password_file, or {PASSWORD}")
        return password
    try:
        state = bounded_files.check_regular(path, MOST_PASSWORD_BYTES, UsageError)
        if state.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise UsageError(f"others may read {path}: chmod 600 {path}")
        return bounded_files.read_text(path, MOST_PASSWORD_BYTES, UsageError).strip()
    except UsageError as error:
        raise UsageError(f"alerts.mail.password_file: {error}") from None


def _reason(error: Exception) -> str:
    """Return what went wrong in one line."""
    text: bytes | str
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, text = next(iter(error.recipients.values()))
    elif isinstance(error, smtplib.SMTPResponseException):
        code, text = error.smtp_code, error.smtp_error
    else:
        return reason(error, "send mail")
    answer = text.decode(errors="replace") if isinstance(text, bytes) else str(text)
    return visible.line(f"{code} {answer}")[:200]

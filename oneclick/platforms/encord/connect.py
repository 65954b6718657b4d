"""The way to Encord: its key, patience of our own, and its errors as ours.

The SDK waits up to 12 minutes for one answer, obeys any `Retry-After`, and does not retry what is
not idempotent. Here it never retries: whole steps are repeated, each of which looks before it acts.
"""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import requests
from encord import EncordUserClient, exceptions
from encord.http.constants import RequestsSettings

from oneclick import __version__
from oneclick.core.errors import OneclickError, PlatformAway, PlatformRefused
from oneclick.platforms.options import EUROPE, US, EncordOptions

T = TypeVar("T")
LONGEST_WAIT = 60.0
"""Seconds; a server that asks for more is away."""
CONNECT_SECONDS, ANSWER_SECONDS = 10, 60
KEY_FILE, KEY = "ENCORD_SSH_KEY_FILE", "ENCORD_SSH_KEY"
_SECRET = re.compile(r"([^\s'\"?]+)\?[^\s'\"]*=[^\s'\"]*")
_TRANSIENT = (
    exceptions.RequestException,
    exceptions.UnknownException,
    exceptions.RateLimitExceededError,
    exceptions.CloudUploadError,
    exceptions.GenericServerError,
    requests.RequestException,
    TimeoutError,
    ConnectionError,
)


def connect(options: EncordOptions) -> EncordUserClient:
    """A client for the key in the settings or the environment; nothing is asked yet.

    Raises:
        PlatformAway: there is no key, or it is of the wrong kind.
    """
    _keep_secrets()
    settings = RequestsSettings(
        max_retries=0,
        backoff_factor=0,
        connection_retries=0,
        connect_timeout=CONNECT_SECONDS,
        read_timeout=ANSWER_SECONDS,
        write_timeout=ANSWER_SECONDS,
    )
    try:
        return EncordUserClient.create_with_ssh_private_key(
            _key(options),
            requests_settings=settings,
            domain=options.domain,
            user_agent_suffix=f"oneclick/{__version__}",
        )
    except PlatformAway:
        raise
    except Exception:  # the SDK's message would quote the key
        raise PlatformAway(
            "the key for Encord is no Ed25519 key in OpenSSH format; make one with "
            "ssh-keygen -t ed25519 and register its public half on Encord"
        ) from None


def _key(options: EncordOptions) -> str:
    path = options.key_file or os.environ.get(KEY_FILE, "")
    if path:
        try:
            return Path(path).expanduser().read_text("ascii")
        except (OSError, UnicodeDecodeError):
            raise PlatformAway(
                f"the key for Encord, {path}, cannot be read: correct review.encord.key_file"
            ) from None
    found = os.environ.get(KEY, "")
    if not found:
        raise PlatformAway(
            f"no key for Encord: set review.encord.key_file or {KEY_FILE} to its private key file"
        )
    return found


@dataclass(frozen=True)
class Patience:
    """How long we wait for what; all in seconds."""

    tries: tuple[float, ...] = (1.0, 4.0, 15.0)
    """Before a step is tried again."""
    looks: tuple[float, ...] = (0.5, 2.0, 8.0, 20.0)
    """Between looks at a file that Encord has not decoded yet."""
    upload: float = 900.0
    """For one upload, which has no timeout in the SDK."""
    sleep: Callable[[float], object] | None = None
    """In place of waiting, for tests."""


PATIENT = Patience()


class Line:
    """Asks Encord, patiently.

    Args:
        options: for the words of errors.
    """

    def __init__(self, options: EncordOptions, patience: Patience) -> None:
        self._options, self.patience = options, patience
        self.stopped = threading.Event()
        """Set where somebody will not wait any longer."""

    def pause(self, seconds: float) -> None:
        """Wait, unless stopped."""
        (self.patience.sleep or self.stopped.wait)(seconds)

    def within(self, seconds: float, work: Callable[[], T]) -> T:
        """Work that has no timeout of its own; what takes longer is left alone in its thread.

        Raises:
            TimeoutError: it took longer, or we were stopped.
        """
        found: list[T] = []
        trouble: list[BaseException] = []

        def run() -> None:
            try:
                found.append(work())
            except BaseException as error:
                trouble.append(error)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        end = time.monotonic() + seconds
        while thread.is_alive() and not self.stopped.is_set() and time.monotonic() < end:
            thread.join(min(0.1, seconds))
        if trouble:
            raise trouble[0]
        if not found:
            raise TimeoutError(f"no end after {seconds:.0f} s")
        return found[0]

    def ask(self, what: str, step: Callable[[], T]) -> T:
        """Take a step that may be repeated; `what` names it in errors.

        Raises:
            PlatformAway: no answer after all tries, or the key is not welcome.
            PlatformRefused: the answer is no.
        """
        for wait in (*self.patience.tries, None):
            try:
                return step()
            except OneclickError:
                raise
            except _TRANSIENT as error:
                asked = getattr(error, "retry_after", None) or 0
                if wait is None or asked > LONGEST_WAIT or self.stopped.is_set():
                    raise self._away(what, error) from error
                self.pause(max(wait, asked))
            except Exception as error:
                raise self._translated(what, error) from error
        raise AssertionError("the last try returns or raises")

    def _away(self, what: str, error: Exception) -> PlatformAway:
        return PlatformAway(
            f"Encord at {self._options.domain} does not answer ({what}: {_brief(error)}); "
            "nothing is lost, the next run goes on from here"
        )

    def _translated(self, what: str, error: Exception) -> OneclickError:
        if isinstance(error, exceptions.AuthenticationError | exceptions.SshKeyNotFound):
            other = EUROPE if self._options.domain.rstrip("/") == US else US
            return PlatformAway(
                f"Encord at {self._options.domain} does not know this key: register its public "
                f"half there, or set review.encord.domain if the account is elsewhere ({other})"
            )
        return PlatformRefused(f"Encord refuses to {what}: {_brief(error)}{_trace(error)}")


def without_secrets(text: str) -> str:
    """The text with the query of every address cut off: signed addresses open files."""
    return _SECRET.sub(r"\1?…", text)


def _brief(error: Exception) -> str:
    cause: BaseException = error
    while isinstance(error, exceptions.RequestException) and cause.__cause__ is not None:
        cause = cause.__cause__
    text = without_secrets(str(getattr(cause, "message", None) or cause)).strip()
    if not isinstance(error, exceptions.EncordException):
        text = f"{type(error).__name__}: {text}"
    return (text.splitlines() or [""])[0][:200] or type(cause).__name__


def _trace(error: Exception) -> str:
    """What Encord's support asks for."""
    found = getattr(getattr(error, "context", None), "trace_id", None)
    return f" (trace {found})" if found else ""


class _WithoutSecrets(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = without_secrets(record.getMessage()), ()
        return True


_FILTER = _WithoutSecrets()


def _keep_secrets() -> None:
    """Signed addresses stay out of the logs of all who see them: a filter is not inherited."""
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] in ("encord", "urllib3", "requests"):
            logging.getLogger(name).addFilter(_FILTER)

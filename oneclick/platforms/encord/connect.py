"""Access to Encord: the key, retries of our own, and the SDK's errors as ours.

The SDK waits up to 12 minutes for one answer, obeys any `Retry-After`, and does not retry what is
not idempotent. Here its retries are off: whole steps are repeated, each of which checks what is
there before it acts.
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
from oneclick.platforms.encord.options import EUROPE, US, EncordOptions

T = TypeVar("T")
MAX_RETRY_AFTER = 60.0
"""Seconds; a server that asks for a longer delay counts as away."""
CONNECT_TIMEOUT, ANSWER_TIMEOUT = 10, 60
"""Seconds."""
KEY_FILE, KEY = "ENCORD_SSH_KEY_FILE", "ENCORD_SSH_KEY"
_URL_QUERY = re.compile(r"([^\s'\"?]+)\?[^\s'\"]*=[^\s'\"]*")
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
    """Return a client for the key in the settings or the environment; no request is made yet.

    Raises:
        PlatformAway: there is no key, or it is of the wrong kind.
    """
    hide_signed_urls()
    settings = RequestsSettings(
        max_retries=0,
        backoff_factor=0,
        connection_retries=0,
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=ANSWER_TIMEOUT,
        write_timeout=ANSWER_TIMEOUT,
    )
    try:
        return EncordUserClient.create_with_ssh_private_key(
            load_private_key(options),
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


def load_private_key(options: EncordOptions) -> str:
    """Return the private key from the file in the settings, or from the environment.

    Raises:
        PlatformAway: there is none, or its file cannot be read.
    """
    path = options.key_file or os.environ.get(KEY_FILE, "")
    if path:
        try:
            return Path(path).expanduser().read_text("ascii")
        except (OSError, UnicodeDecodeError):
            raise PlatformAway(
                f"the key for Encord, {path}, cannot be read: correct review.encord.key_file"
            ) from None
    key = os.environ.get(KEY, "")
    if not key:
        raise PlatformAway(
            f"no key for Encord: set review.encord.key_file or {KEY_FILE} to its private key file"
        )
    return key


@dataclass(frozen=True)
class RetryPolicy:
    """Delays and timeouts, all in seconds."""

    retry_delays: tuple[float, ...] = (1.0, 4.0, 15.0)
    """Before each retry of a step."""
    poll_delays: tuple[float, ...] = (0.5, 2.0, 8.0, 20.0)
    """Between polls for a file to be decoded, or for a row to appear."""
    upload_timeout: float = 900.0
    """Of one upload, which has no timeout in the SDK."""
    sleep: Callable[[float], object] | None = None
    """Replaces waiting, for tests."""


DEFAULT_RETRY_POLICY = RetryPolicy()


class Retrier:
    """Takes steps against Encord's API, with retries and timeouts.

    Args:
        options: for the texts of errors.
    """

    def __init__(self, options: EncordOptions, policy: RetryPolicy) -> None:
        self._options, self.policy = options, policy
        self.cancelled = threading.Event()
        """Set where the caller does not wait any longer."""

    def wait(self, seconds: float) -> None:
        """Sleep before a retry; a cancellation wakes it."""
        (self.policy.sleep or self.cancelled.wait)(seconds)

    def run_with_timeout(self, seconds: float, work: Callable[[], T]) -> T:
        """Run work that has no timeout of its own; after a timeout its thread is abandoned.

        Raises:
            TimeoutError: it took longer, or was cancelled.
        """
        results: list[T] = []
        errors: list[BaseException] = []

        def run() -> None:
            try:
                results.append(work())
            except BaseException as error:
                errors.append(error)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        end = time.monotonic() + seconds
        while thread.is_alive() and not self.cancelled.is_set() and time.monotonic() < end:
            thread.join(min(0.1, seconds))
        if errors:
            raise errors[0]
        if not results:
            raise TimeoutError(f"no end after {seconds:.0f} s")
        return results[0]

    def call(self, action: str, step: Callable[[], T]) -> T:
        """Take a step, and retry it after transient errors.

        Args:
            action: names the step in errors, as a verb phrase.

        Raises:
            PlatformAway: no answer after all retries, or the key is unknown.
            PlatformRefused: Encord refuses.
        """
        for delay in (*self.policy.retry_delays, None):
            try:
                return step()
            except OneclickError:
                raise
            except _TRANSIENT as error:
                retry_after = getattr(error, "retry_after", None) or 0
                if delay is None or retry_after > MAX_RETRY_AFTER or self.cancelled.is_set():
                    raise PlatformAway(
                        f"Encord at {self._options.domain} does not answer ({action}: "
                        f"{_one_line(error)}); nothing is lost, the next run goes on from here"
                    ) from error
                self.wait(max(delay, retry_after))
            except Exception as error:
                raise self.translate(action, error) from error
        raise AssertionError("the last try returns or raises")

    def translate(self, action: str, error: Exception) -> OneclickError:
        """Convert a permanent error of the SDK: an unknown key, or the refusal of an action."""
        if isinstance(error, exceptions.AuthenticationError | exceptions.SshKeyNotFound):
            other = EUROPE if self._options.domain.rstrip("/") == US else US
            return PlatformAway(
                f"Encord at {self._options.domain} does not know this key: register its public "
                f"half there, or set review.encord.domain if the account is elsewhere ({other})"
            )
        # Encord's support asks for the trace id.
        trace_id = getattr(getattr(error, "context", None), "trace_id", None)
        trace = f" (trace {trace_id})" if trace_id else ""
        return PlatformRefused(f"Encord refuses to {action}: {_one_line(error)}{trace}")


def without_secrets(text: str) -> str:
    """Cut the query off every URL in a text: signed URLs give access to files."""
    return _URL_QUERY.sub(r"\1?…", text)


def _one_line(error: Exception) -> str:
    """Return the first line of an error or of its cause, without secrets, cut to 200 characters."""
    cause: BaseException = error
    while isinstance(error, exceptions.RequestException) and cause.__cause__ is not None:
        cause = cause.__cause__
    text = without_secrets(str(getattr(cause, "message", None) or cause)).strip()
    if not isinstance(error, exceptions.EncordException):
        text = f"{type(error).__name__}: {text}"
    return (text.splitlines() or [""])[0][:200] or type(cause).__name__


class _SecretsFilter(logging.Filter):
    """Removes the query of URLs from log records."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = without_secrets(record.getMessage()), ()
        return True


_FILTER = _SecretsFilter()


def hide_signed_urls() -> None:
    """Keep signed URLs out of the logs of the SDK and of the libraries it uses."""
    # A filter is not inherited by child loggers.
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] in ("encord", "urllib3", "requests"):
            logging.getLogger(name).addFilter(_FILTER)

"""The device's link to the server: predictions go out, requests for raw video come in."""

from __future__ import annotations

import gzip
import ipaddress
import os
import random
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec

from oneclick.core.edge_messages import EdgeBatch, IntakeAnswer, SpanRequest
from oneclick.core.errors import OneclickError, UsageError
from oneclick.storage import bounded_files
from oneclick.storage.bounded_documents import BrokenJson, JsonDecoder

TIMEOUT_SECONDS = 15.0
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 60.0
"""Seconds between two attempts: each is twice the one before, with chance."""
_ANSWER = JsonDecoder[IntakeAnswer](IntakeAnswer)
_SPANS = JsonDecoder[list[SpanRequest]](list[SpanRequest])
_FIELDS = JsonDecoder[dict[str, Any]](dict[str, Any])


class NotTaken(OneclickError):
    """The server did not take something; the message says why.

    Args:
        text: the reason.
        status: of the answer; 0 where there was none.
        following: number that the server wants next, where it said.
        retry_after: seconds that it asks to wait.
    """

    def __init__(
        self,
        text: str,
        status: int = 0,
        following: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(text)
        self.status, self.following, self.retry_after = status, following, retry_after


def read_token(path: Path) -> str:
    """Return the token in a file that only its owner may read.

    Raises:
        UsageError: others may read it. BadInput: it cannot be read.
    """
    text = bounded_files.read_text(path, 4096).strip()
    if path.stat().st_mode & 0o077:
        raise UsageError(f"{path} may be read by others: chmod 600")
    return text


def check_server(url: str) -> str:
    """Return the address of a server: https, or http on this machine.

    Raises:
        UsageError: it is another: token and predictions could be read on the way.
    """
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return url.rstrip("/")
    try:
        is_here = ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        is_here = parts.hostname == "localhost"
    if parts.scheme == "http" and is_here:
        return url.rstrip("/")
    raise UsageError(
        f"--server {url!r}: give https://name; http would show token and predictions on the way"
    )


class ServerLink:
    """Requests to the intake of one server, with the token of one camera.

    Args:
        server: its address.
        token: of the camera.
        authorities: PEM file of the certificate authorities to trust; None trusts those of the
            system. There is no way to trust any.

    Raises:
        UsageError: the address is not safe, or the file is no PEM.
    """

    def __init__(self, server: str, token: str, authorities: Path | None = None) -> None:
        try:
            context = ssl.create_default_context(
                cafile=os.fspath(authorities) if authorities else None
            )
        except (OSError, ssl.SSLError) as error:
            raise UsageError(f"{authorities}: {error}; give a PEM file") from None
        self.camera = token.partition(".")[0]
        self._http = httpx.Client(
            base_url=check_server(server),
            verify=context,
            headers={"Authorization": f"Bearer {token}"},
            timeout=TIMEOUT_SECONDS,
            # A proxy of the environment is not meant for patient data.
            trust_env=False,
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def state(self) -> IntakeAnswer:
        """Return which number the server wants next. All requests raise NotTaken."""
        return _decode(self._send("GET", "/api/predictions"))

    def post(self, batch: EdgeBatch) -> IntakeAnswer:
        """Send a batch; the answer says what is on the server's disk."""
        body = gzip.compress(msgspec.msgpack.encode(batch), 1, mtime=0)
        headers = {"Content-Type": "application/msgpack", "Content-Encoding": "gzip"}
        return _decode(self._send("POST", "/api/predictions", body, headers))

    def spans(self) -> list[SpanRequest]:
        """Return the raw video that the server asks for."""
        answer = self._send("GET", "/api/spans")
        try:
            return _SPANS.decode(answer.content)
        except BrokenJson as error:
            raise NotTaken(f"the server's answer is broken: {error}") from None

    def upload(self, span: str, offset: int, content: bytes) -> None:
        """Add bytes to the video of a request."""
        headers = {"Content-Type": "application/octet-stream"}
        self._send("PUT", f"/api/spans/{span}?offset={offset}", content, headers)

    def finish(self, span: str, **fields: object) -> None:
        """Tell the server that the upload of a span is complete, or why it never will be."""
        body = msgspec.json.encode(fields)
        self._send("POST", f"/api/spans/{span}", body, {"Content-Type": "application/json"})

    def _send(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        try:
            answer = self._http.request(method, path, content=body, headers=headers)
        except httpx.HTTPError as error:
            raise NotTaken(f"the server does not answer: {type(error).__name__}") from None
        if answer.status_code == 200:
            return answer
        try:
            fields = _FIELDS.decode(answer.content)
        except BrokenJson:
            fields = {}
        following = fields.get("next")
        wait = answer.headers.get("retry-after", "")
        raise NotTaken(
            str(fields.get("error", f"status {answer.status_code}"))[:300],
            answer.status_code,
            following if isinstance(following, int) else None,
            float(wait) if wait.isdigit() else None,
        )


def _decode(answer: httpx.Response) -> IntakeAnswer:
    try:
        return _ANSWER.decode(answer.content)
    except BrokenJson as error:
        raise NotTaken(f"the server's answer is broken: {error}") from None


def pause_after(failures: int, chance: Callable[[], float] = random.random) -> float:
    """Return the seconds to wait after so many failures in a row."""
    longest = min(FIRST_PAUSE * 2.0 ** min(failures - 1, 30), LONGEST_PAUSE)
    return longest * (0.5 + chance() / 2)

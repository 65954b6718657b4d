"""Encord on a port of its own: both protocols that its SDK speaks, with signatures checked.

It can answer late, with errors, or not at all (`script`), and remembers every request (`log`).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.request import Request, urlopen

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from tests.fakes.encord_legacy import Legacy
from tests.fakes.encord_rest import Rest
from tests.fakes.encord_world import Refused, World
from tests.waits import HANG_SECONDS


@dataclass(frozen=True)
class Call:
    """One request."""

    number: int
    """0, 1, 2 … since the log was emptied."""
    name: str
    """`GET ontologies/*` or `labelrow PUT`."""
    size: int
    """Bytes of its body."""
    units: int
    """How many uids or actions it carries."""
    agent: str = ""


Fault = str | tuple[int, dict[str, str]] | float | None
"""`drop` before it is handled, `lose` the answer, (status, headers), or seconds to wait."""


def new_key() -> tuple[str, str]:
    """A private key as OpenSSH text, and its public half in hexadecimal."""
    key = Ed25519PrivateKey.generate()
    text = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.NoEncryption(),
    )
    raw = serialization.Encoding.Raw, serialization.PublicFormat.Raw
    return text.decode(), key.public_key().public_bytes(*raw).hex()


class EncordServer(ThreadingHTTPServer):
    """The service; `world` is what it keeps."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.world = World()
        self.log: list[Call] = []
        self.script: Callable[[Call], Fault] = lambda call: None
        self.most = 50_000_000
        """Largest body in bytes."""
        self.bodies: list[bytes] | None = None
        """What was sent, where a test asks for it."""
        self.mistakes: list[str] = []
        """Where this server itself fell over; a test asserts that there are none."""
        self._serving = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)
        self._serving.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def user(self, mail: str) -> str:
        """Register somebody; their private key."""
        private, public = new_key()
        self.world.keys[public] = mail
        return private

    def calls(self, name: str) -> list[Call]:
        """Requests whose name begins so."""
        return [call for call in self.log if call.name.startswith(name)]

    def hook(self, address: str, secret: str) -> None:
        """A webhook on the stages of people: whoever submits or approves is told of there."""

        def watch(action: dict[str, Any]) -> None:
            if action["actionType"] in _EVENTS:
                threading.Thread(target=_notify, args=(address, secret, action)).start()

        self.world.watcher = watch

    def end(self) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: EncordServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Silence."""

    def _serve(self) -> None:
        body = self._body()
        split = urlsplit(self.path)
        legacy = split.path in ("/public", "/public/user")
        if self.server.bodies is not None:
            self.server.bodies.append(self.path.encode() + body)
        payload = _parsed(body)
        call = self._call(split.path, legacy, payload, len(body))
        fault = self.server.script(call)
        if isinstance(fault, float):
            time.sleep(fault)
        elif fault == "drop":
            return self._hang_up()
        elif isinstance(fault, tuple):
            return self._send(fault[0], {"message": "trouble"}, fault[1])
        try:
            with self.server.world.lock:
                if len(body) > self.server.most:
                    raise Refused(413, message=f"more than {self.server.most} bytes")
                status, answer = self._answer(split, legacy, payload, body)
        except Refused as refused:
            status, answer = _refusal(refused, legacy)
        except Exception as error:
            self.server.mistakes.append(f"{call.name}: {error!r}")
            status, answer = 500, {"message": repr(error)}
        if fault == "lose":
            return self._hang_up()
        return self._send(status, answer, {})

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

    def _body(self) -> bytes:
        if self.headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _call(self, path: str, legacy: bool, payload: Any, size: int) -> Call:
        if legacy:
            name = f"{payload['query_type']} {payload['query_method']}"
            uids = payload["values"]["uid"]
            units = len(uids) if isinstance(uids, list) else 1
        else:
            short = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "*", path.removeprefix("/v2/public/"))
            name, units = (
                f"{self.command} {short}",
                len(payload) if isinstance(payload, list) else 1,
            )
        agent = self.headers.get("user-agent", "")
        with self.server.world.lock:
            call = Call(len(self.server.log), name, size, units, agent)
            self.server.log.append(call)
        return call

    def _answer(self, split: Any, legacy: bool, payload: Any, body: bytes) -> tuple[int, Any]:
        world = self.server.world
        if split.path.startswith("/bucket/"):
            if parse_qs(split.query).get("X-Signature") != ["secret"]:
                raise Refused(403)
            world.uploads[split.path.rsplit("/", 1)[-1]] = body
            return 200, {}
        by = self._legacy_user(body) if legacy else self._user(body)
        if by in world.revoked:
            raise Refused(403, "AUTHORISATION_ERROR")
        if legacy:
            response = Legacy(world, by, self.headers.get("ResourceID", "")).answer(payload)
            return 200, {"status": 200, "response": response}
        response = Rest(world, by, self.server.url).answer(
            self.command, split.path, parse_qs(split.query), payload
        )
        return (204, None) if response is None else (200, response)

    def _legacy_user(self, body: bytes) -> str:
        public, _, signature = self.headers.get("Authorization", ":").partition(":")
        return self._known(public, bytes.fromhex(signature), hashlib.sha256(body).digest())

    def _user(self, body: bytes) -> str:
        signature_input = self.headers.get("Signature-Input", "").removeprefix("encord-sig=")
        digest = f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"
        public = re.search(r'keyid="([0-9a-f]+)"', signature_input)
        if self.headers.get("Content-Digest") != digest or public is None:
            raise Refused(401)
        lines = {"@method": self.command, "@request-target": self.path}
        lines |= {"content-digest": digest, "@signature-params": signature_input}
        text = "\n".join(f'"{key}": {value}' for key, value in lines.items())
        signature = self.headers.get("Signature", "").removeprefix("encord-sig=:").rstrip(":")
        return self._known(public[1], base64.b64decode(signature), text.encode())

    def _known(self, public: str, signature: bytes, text: bytes) -> str:
        mail = self.server.world.keys.get(public)
        if mail is None:
            raise Refused(401, "AUTHENTICATION_ERROR", "unknown key")
        try:
            Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(signature, text)
        except InvalidSignature:
            raise Refused(401, "AUTHENTICATION_ERROR", "wrong signature") from None
        return mail

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _send(self, status: int, content: Any, headers: dict[str, str]) -> None:
        data = b"" if status == 204 else json.dumps(content).encode()
        self.send_response(status)
        for key, value in {"content-type": "application/json", **headers}.items():
            self.send_header(key, value)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


_EVENTS = {"submit": "task_submitted_event", "approve": "task_completed_event"}


def _notify(address: str, secret: str, action: dict[str, Any]) -> None:
    event = {
        "uid": action["taskUuid"],
        "version": 1,
        "source": "Encord",
        "event_type": _EVENTS[action["actionType"]],
        "event_created_timestamp": action["timestamp"],
        "payload": {
            "project_hash": action["projectUuid"],
            "data_hashes": [action["dataUnitUuid"]],
        },
    }
    body, at = json.dumps(event).encode(), str(int(time.time()))
    signed = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    headers = {"X-Encord-Signature": signed, "X-Encord-Timestamp": at}
    with urlopen(Request(address, body, headers), timeout=HANG_SECONDS):
        pass


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body) if body[:1] in (b"{", b"[") else None
    except ValueError:
        return None


def _refusal(refused: Refused, legacy: bool) -> tuple[int, Any]:
    if legacy and refused.status not in (413, 429):
        return 200, {
            "status": refused.status,
            "response": [refused.code],
            "payload": refused.message or None,
        }
    return refused.status, {"message": refused.message}

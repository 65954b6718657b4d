"""The shapes of a service's answers: which keys stand where, and never a value.

A proxy between the SDK and the service notes them. Signatures cover path and body but not the
host, so what passes through is still signed; files go to signed addresses and do not pass here.
"""

from __future__ import annotations

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import requests

Shapes = dict[str, set[str]]
"""Paths of keys by route: {"labelrow GET": {"response[].data_units.*.labels"}}."""
_SAME = {"connection", "content-length", "content-encoding", "transfer-encoding", "host"}
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")
_FREE = ("data_units", "labels", "object_answers", "object_actions", "classification_answers")
"""Where keys are values themselves: frames, hashes, ids."""
_TEXTS = ("editor", "clientMetadata", "client_metadata", "editorOntology")
"""Where our own content stands, which says nothing about the service."""


class Proxy(ThreadingHTTPServer):
    """Forwards everything to `target`, and notes the shapes of JSON answers."""

    daemon_threads = True

    def __init__(self, target: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target, self.shapes = target.rstrip("/"), Shapes()
        self._lock = threading.Lock()
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def note(self, route: str, answer: Any) -> None:
        with self._lock:
            self.shapes.setdefault(route, set()).update(paths(answer))

    def end(self) -> None:
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Proxy
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Silence."""

    def _forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {key: value for key, value in self.headers.items() if key.lower() not in _SAME}
        address = f"{self.server.target}{self.path}"
        answer = requests.request(self.command, address, data=body, headers=headers, timeout=120)
        if answer.ok and answer.content:
            self.server.note(_route(self.command, self.path, body), answer.json())
        self.send_response(answer.status_code)
        for key, value in answer.headers.items():
            if key.lower() not in _SAME:
                self.send_header(key, value)
        self.send_header("content-length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _forward


def _route(method: str, path: str, body: bytes) -> str:
    short = urlsplit(path).path
    if short in ("/public", "/public/user"):
        asked = json.loads(body)
        return f"{asked['query_type']} {asked['query_method']}"
    return f"{method} {_ID.sub('*', short.removeprefix('/v2/public/'))}"


def paths(answer: Any, at: str = "") -> set[str]:
    """Where keys stand in an answer; lists as [], frames, hashes and ids as *."""
    free = at.rpartition(".")[2] in _FREE
    if isinstance(answer, list):
        return set().union(*(paths(one, f"{at}[]") for one in answer))
    if not isinstance(answer, dict):
        return set()
    found = set()
    for key, value in answer.items():
        here = f"{at}.{'*' if free else key}".lstrip(".")
        found.add(here)
        if key not in _TEXTS:
            found |= paths(value, here)
    return found


def missing(fake: Shapes, real: Shapes) -> list[str]:
    """What the fake tells and the service does not, by route."""
    lost = {route: keys - real.get(route, set()) for route, keys in sorted(fake.items())}
    return [f"{route}: {', '.join(sorted(keys))}" for route, keys in lost.items() if keys]

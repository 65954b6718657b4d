"""What replies of Encord look like, noted by a small server between its SDK and the service.

Requests are signed over path and body, never over the host, so they can be passed on as they are.
Only names of keys are noted: no value, no id, no header and no signature.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests

Shape = set[str]
"""Paths of keys: {".results", ".results[].uuid"}."""
Shapes = dict[str, Shape]
"""By route: `GET ontologies/*` or `labelrow PUT`, with `*` in place of every id."""

SECONDS = 120
SILENT = "(no good answer)"
"""In place of keys, for a route that gave none."""
LEGACY = ("/public", "/public/user")
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}")
_NAME = re.compile(r"_?[a-z][a-z0-9]*([A-Z][a-z0-9]*|_[a-z0-9]+)*")
_BY_ID = {
    "data_units",
    "labels",
    "object_answers",
    "object_actions",
    "classification_answers",
    "spaces",
}
"""What holds its parts by id or frame."""
_ONE_WAY = {"connection", "content-encoding", "content-length", "date", "server", "set-cookie"}
_ONE_WAY |= {"accept-encoding", "host", "keep-alive", "transfer-encoding"}
"""Headers that belong to one connection."""


def paths(reply: Any, at: str = "") -> Iterator[str]:
    """Paths of all keys in a parsed JSON document; ids among the keys are `*`."""
    if isinstance(reply, list):
        for element in reply:
            yield from paths(element, f"{at}[]")
    if isinstance(reply, dict):
        by_id = at.rpartition(".")[2] in _BY_ID
        for key, value in reply.items():
            location = f"{at}.{key if not by_id and _NAME.fullmatch(key) else '*'}"
            yield location
            yield from paths(value, location)


def absent(expected: Shape, actual: Shape) -> list[str]:
    """Paths that are expected and were not seen where their neighbours were.

    What stands in a list that was empty, or in an object that was null, is not missed; nor is what
    stands in something that is missed itself.
    """
    return sorted(path for path in expected - actual if _is_open(_parent(path), actual))


def _parent(path: str) -> str:
    return path.rpartition(".")[0]


def _is_open(parent: str, actual: Shape) -> bool:
    """Whether something was seen inside; the reply itself always counts."""
    bare = parent.removesuffix("[]")
    return not bare or any(path.startswith((f"{bare}.", f"{bare}[")) for path in actual)


def missed(expected: Shapes, actual: Shapes) -> dict[str, list[str]]:
    """`absent` for every route; one that gave no good answer is named too."""
    return {
        name: absent(shape, actual[name]) if name in actual else [SILENT]
        for name, shape in expected.items()
    }


def more(expected: Shapes, actual: Shapes) -> Shapes:
    """Paths that were seen and that nobody expected, by route."""
    return {name: shape - expected.get(name, set()) for name, shape in actual.items()}


def listed(paths_by_route: Mapping[str, Iterable[str]]) -> str:
    """A line a path, under its route."""
    lines = [(route, sorted(inside)) for route, inside in sorted(paths_by_route.items())]
    return "\n".join("\n  ".join([route, *inside]) for route, inside in lines if inside)


def route(method: str, path: str, body: bytes) -> str:
    """What a request is about, without ids and query."""
    bare = path.partition("?")[0]
    if bare in LEGACY:
        question = json.loads(body)
        return f"{question['query_type']} {question['query_method']}"
    return f"{method} {_ID.sub('*', bare.removeprefix('/v2/public/'))}"


class Recorder(ThreadingHTTPServer):
    """Passes requests on to `target` (an origin: scheme, host, port) and notes what comes back."""

    daemon_threads = True

    def __init__(self, target: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target = target.rstrip("/")
        self.shapes: Shapes = {}
        self._lock = threading.Lock()
        self._serving = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Recorder:
        self._serving.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def note(self, name: str, content: bytes) -> None:
        """Keep the shape of a good answer."""
        reply = json.loads(content) if content else None
        with self._lock:
            self.shapes.setdefault(name, set()).update(paths(reply))

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: Recorder
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Silence: addresses may be signed."""

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        try:
            answer = self._passed_on(body)
        except requests.RequestException as error:
            self._send(502, {}, type(error).__name__.encode())
            return
        if answer.ok and _is_success(answer.content):
            self.server.note(route(self.command, self.path, body), answer.content)
        self._send(answer.status_code, answer.headers, answer.content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

    def _passed_on(self, body: bytes) -> requests.Response:
        headers = {k: v for k, v in self.headers.items() if k.lower() not in _ONE_WAY}
        with requests.Session() as session:
            address = self.server.target + self.path
            forwarded = session.prepare_request(
                requests.Request(self.command, headers=headers, url=address, data=body)
            )
            # As it came: the signature covers every character of it.
            forwarded.url = address
            proxies = session.merge_environment_settings(address, {}, None, None, None)
            return session.send(forwarded, timeout=SECONDS, allow_redirects=False, **proxies)

    def _send(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        self.send_response(status)
        for key, value in headers.items():
            if key.lower() not in _ONE_WAY:
                self.send_header(key, value)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _is_success(content: bytes) -> bool:
    """Whether the older protocol says so too; it refuses with HTTP 200."""
    try:
        reply = json.loads(content) if content else None
    except ValueError:
        return False
    status = reply.get("status") if isinstance(reply, dict) else None
    return not isinstance(status, int) or status == 200

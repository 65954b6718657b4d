"""The three routes of a Weights & Biases server that a run needs, on a port of its own."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "0" * 40
USER = {"id": "u", "entity": "me", "username": "me", "email": "", "flags": "{}"}


class WandbServer(ThreadingHTTPServer):
    """Keeps the history that arrives; `cut` is the end of the network."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.history: list[dict[str, Any]] = []
        self.artifacts: list[dict[str, Any]] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def cut(self) -> None:
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: WandbServer

    def log_message(self, *_: object) -> None:
        """Silence."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path == "/graphql":
            self._answer(self._graphql(json.loads(body)))
            return
        if self.path.endswith("/file_stream"):
            files = json.loads(body).get("files", {})
            lines = files.get("wandb-history.jsonl", {}).get("content", [])
            self.server.history += [json.loads(line) for line in lines]
        self._answer({})

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self._answer({})

    do_GET = do_PUT

    def _graphql(self, query: dict[str, Any]) -> dict[str, Any]:
        text, variables = query["query"], query.get("variables") or {}
        if "upsertBucket" in text:
            project = {"name": "oneclick", "entity": {"name": "me"}}
            bucket = {"id": "b", "name": variables.get("name") or "run", "displayName": "run"}
            bucket |= {"config": "{}", "historyLineCount": 0, "sweepName": None}
            answer = {"bucket": bucket | {"project": project}, "inserted": True}
            return {"data": {"upsertBucket": answer}}
        if "createRunFiles" in text:
            places = [{"name": n, "uploadUrl": f"{self.server.url}/up"} for n in variables["files"]]
            return {
                "data": {"createRunFiles": {"runID": "b", "uploadHeaders": [], "files": places}}
            }
        if "createArtifact" in text:
            self.server.artifacts.append(variables["input"])
            # As if the server had its files already: nothing is to be uploaded.
            sequence = {"latestArtifact": None}
            answer = {"id": "a", "state": "COMMITTED", "artifactSequence": sequence}
            return {"data": {"createArtifact": {"artifact": answer}}}
        if "viewer" in text:
            return {"data": {"viewer": USER | {"teams": {"edges": []}}}}
        return {"data": {}}

    def _answer(self, content: dict[str, Any]) -> None:
        data = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

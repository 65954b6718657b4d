"""The review pages over a small workspace: in this process, or on a real socket in a thread."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import httpx
import numpy as np
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient

from oneclick.catalog import Catalog
from oneclick.core.clips import Clip
from oneclick.settings import Settings
from oneclick.storage import labels
from oneclick.storage.workspace import Workspace
from oneclick.web import review_app, server
from oneclick.web.accounts import audit_check
from oneclick.web.accounts.access import Access
from oneclick.web.accounts.audit import AuditEntry
from oneclick.web.accounts.passwords import Passwords
from oneclick.web.accounts.users import Role
from tests.catalog import samples
from tests.waits import HANG_SECONDS

ORIGIN = "http://127.0.0.1:8321"
PASSWORD = "correct horse battery"
PASSWORDS = Passwords(time_cost=1, memory_kib=32)
CAMERAS = ("ward", "hall")


class Site:
    """One workspace with a clip of each camera, and the application that serves it."""

    def __init__(self, home: Path, origin: str = ORIGIN, **options: object) -> None:
        self.home, self.workspace, self.clock = home, Workspace(home), samples.Clock()
        settings = Settings(home=home, review={"local": options})  # type: ignore[arg-type]
        self.clips = [_clip(home, camera) for camera in CAMERAS]
        catalog = Catalog.open(home, clock=self.clock)
        self.app: FastAPI = review_app.create_review_app(
            home, settings, [origin], passwords=PASSWORDS, catalog=catalog
        )
        self.access: Access = self.app.state.access
        self.origin = origin

    def add(self, name: str, role: Role = "annotator", cameras: list[str] | None = None) -> None:
        """Add a user whose password is PASSWORD."""
        self.access.users.add(name, role, cameras, PASSWORDS.hash(PASSWORD))

    def client(self, name: str = "") -> TestClient:
        """Return a browser; of a user who is signed in, if one is named."""
        client = TestClient(self.app, base_url=self.origin, follow_redirects=False)
        if name:
            answer = client.post("/api/login", json={"name": name, "password": PASSWORD})
            assert answer.status_code == 200, answer.text
        return client

    def audit(self) -> list[AuditEntry]:
        """Return the audit log; it is whole."""
        assert audit_check.verify(self.workspace).problems == []
        return audit_check.read_entries(self.workspace)

    def acts(self) -> list[tuple[str, str, str]]:
        """Return user, act and outcome of all entries."""
        return [(entry.user, entry.act, entry.outcome) for entry in self.audit()]

    @contextlib.contextmanager
    def served(self) -> Iterator[httpx.Client]:
        """Serve on a real socket, in a thread; yield a client of it."""
        listener = server.open_socket("127.0.0.1:0")
        config = uvicorn.Config(
            self.app, http=server.BoundedProtocol, log_level="warning", **server.WEBSOCKETS
        )
        running = uvicorn.Server(config)
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        host = {"Host": self.origin.removeprefix("http://")}
        try:
            with httpx.Client(base_url=url, headers=host, timeout=HANG_SECONDS) as client:
                yield client
        finally:
            running.should_exit = True
            thread.join(HANG_SECONDS)
        assert not thread.is_alive()


def _clip(home: Path, camera: str) -> Clip:
    """Add a clip with ten frames and one label to the workspace."""
    recording = samples.video(camera=camera)
    clip, workspace = samples.clip(0, recording), Workspace(home)
    label_set = samples.label_set(clip)
    with Catalog.open(home) as catalog:
        catalog.add_video(recording)
        catalog.add_clip(clip, "cut")
        labels.save(workspace, label_set)
        catalog.add_revision(label_set, "0" * 64)
    noise = np.random.default_rng(0).integers(0, 255, (clip.height, clip.width, 3), np.uint8)
    for number in range(len(clip.span)):
        path = workspace.frame_file(clip.id, number)
        path.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(path), noise)
    return clip

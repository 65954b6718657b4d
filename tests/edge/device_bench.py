"""A server and a device of the tests, with no network between them."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import httpx

from oneclick.catalog import Catalog
from oneclick.edge.link import ServerLink
from oneclick.edge.sender import Sender
from oneclick.edge.spool import Spool
from oneclick.settings import Settings
from oneclick.stages.intake import intake
from oneclick.storage.intake_log import CameraLog
from tests.edge import batches
from tests.web.site import Site


class Loopback(httpx.BaseTransport):
    """Connection to a site in this process, which can be cut."""

    def __init__(self, site: Site) -> None:
        self._browser, self.is_cut = site.client(), False
        self.answers_lost = 0
        """Answers that do not arrive, from the next one on."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if self.is_cut:
            raise httpx.ConnectError("cut")
        headers = {k: v for k, v in request.headers.items() if k not in ("host", "user-agent")}
        answer = self._browser.request(
            request.method, request.url.raw_path.decode(), content=request.read(), headers=headers
        )
        if self.answers_lost:
            self.answers_lost -= 1
            raise httpx.ReadError("lost")
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


class Bench:
    """A site, and a device that is linked to it."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.site, self.folder = Site(folder / "home"), folder / "device"
        self.desk = self.site.app.state.intake
        self.desk._worker = None
        self.desk._clock = lambda: batches.START + 600
        limits = {"spans_from": ("ward",), "requests_per_minute": 10_000} | settings
        self.desk.settings = self.desk.settings.model_copy(update=limits)
        token = self.desk.tokens.make("ward", [batches.MODEL, "dots"])
        self.link = ServerLink("http://127.0.0.1:1", token)
        self.transport = Loopback(self.site)
        self.link._http = httpx.Client(
            base_url="http://site",
            transport=self.transport,
            headers={"Authorization": f"Bearer {token}"},
        )

    def desk_settings(self) -> Settings:
        """Return the settings of the workspace for the worker."""
        return Settings(home=self.site.home, intake=self.desk.settings)

    def spool(self) -> Spool:
        return Spool(self.folder / "spool")

    def sender(self, spool: Spool) -> Sender:
        return Sender(spool, self.link, clock=lambda: batches.START + 600)

    def stored(self) -> list[float]:
        """Return the times of what the server has, after it was taken in."""
        with contextlib.closing(CameraLog(self.site.workspace.intake_dir / "ward", 600)) as log:
            log.close_segment()
        assert intake(self.site.home).failed == {}
        times = []
        with Catalog.open(self.site.home) as catalog:
            for video in catalog.videos():
                if not video.suffix:
                    assert video.started_at is not None
                    start = video.started_at.timestamp()
                    times += [start + video.seconds_at(k) for k in range(video.frames)]
        return sorted(times)

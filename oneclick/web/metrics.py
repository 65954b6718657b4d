"""`/metrics` for Prometheus: off unless the settings say who may read it."""

from __future__ import annotations

import ipaddress
import secrets
import threading
import time
from contextlib import suppress
from pathlib import Path

from fastapi import APIRouter, Request, Response

from oneclick import report
from oneclick.core.errors import BadInput
from oneclick.report import EdgeCameraRow, metrics
from oneclick.services.insight_settings import InsightSettings
from oneclick.settings import Settings
from oneclick.web.accounts.access import client_address
from oneclick.web.accounts.sign_on import read_secret
from oneclick.web.accounts.users import digest
from oneclick.web.refusals import Refused

CACHE_SECONDS = 60.0
"""Numbers are not computed more often, however many ask."""
router = APIRouter()


class MetricsCache:
    """The text of the numbers of a workspace, computed by one request at a time."""

    def __init__(self, home: Path) -> None:
        self._home, self._lock = home, threading.Lock()
        self._text, self._computed_at = "", -CACHE_SECONDS

    def text(self) -> str:
        """Return the numbers, at most CACHE_SECONDS old. Raises as `report.measure_insight`."""
        with self._lock:
            if time.monotonic() - self._computed_at >= CACHE_SECONDS:
                insight = report.measure_insight(self._home)
                edge_rows: list[EdgeCameraRow] = []
                with suppress(BadInput):  # `edge list` and `doctor` say what is broken
                    edge_rows = report.edge_cameras(self._home)
                self._text = metrics.metrics_text(
                    insight, edge_rows, report.training_report(self._home)
                )
                self._computed_at = time.monotonic()
            return self._text


@router.get("/metrics")
def read_metrics(request: Request) -> Response:
    """Return the numbers to whom the settings allow it."""
    settings: Settings = request.app.state.settings
    options: InsightSettings = settings.insight
    if options.metrics == "off":
        raise Refused(404, "there is nothing at this address")
    if options.metrics == "token":
        kind, _, text = request.headers.get("authorization", "").partition(" ")
        token = read_secret(options.metrics_token_file)
        is_right = secrets.compare_digest(digest(text.strip()), digest(token))
        if kind.lower() != "bearer" or not token or not is_right:
            raise Refused(401, "this needs the token of insight.metrics_token_file")
    elif not _is_loopback(client_address(request)) or "x-forwarded-for" in request.headers:
        raise Refused(403, "metrics are for programs of this machine: insight.metrics")
    cache: MetricsCache = request.app.state.metrics
    return Response(cache.text(), media_type=metrics.CONTENT_TYPE)


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False

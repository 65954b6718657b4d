"""The flow that watches cameras and models, on a real Prefect server."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from oneclick.catalog import Catalog
from oneclick.storage import live_state
from oneclick.storage.live_state import CameraState
from tests.flows.served.test_flows import artifact
from tests.flows.webhook import Hook
from tests.report.test_insight import add_video, seen

pytestmark = pytest.mark.usefixtures("prefect_server")


def show(home: Path, troubles: dict[str, float]) -> None:
    """Write a live camera that runs, with its troubles and when each began (seconds)."""
    state = CameraState(
        camera="hall",
        status="running",
        since=0.0,
        written_at=time.time(),
        flags=tuple(troubles),
        trouble_since=troubles,
    )
    live_state.write(home, state)


def test_the_flow_tells_webhook_and_block_once_and_is_recorded_when_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prefect.blocks.notifications import CustomWebhookNotificationBlock

    from oneclick.flows.watch import watch

    monkeypatch.setattr(live_state, "STALE_SECONDS", 1e9)  # however slow this machine is
    Catalog.open(tmp_path).close()
    with Hook.listen() as webhook, Hook.listen() as mail:
        block = CustomWebhookNotificationBlock(
            name="ward", url=mail.url, json_data={"text": "{{body}}"}
        )
        block.save("ward", overwrite=True)
        monkeypatch.setenv("ONECLICK_ALERTS__WEBHOOK", webhook.url)
        monkeypatch.setenv("ONECLICK_ALERTS__BLOCKS", '["custom-webhook/ward"]')
        dark = {"dark": time.time() - 3600}
        for _ in range(2):
            show(tmp_path, dark)
            (text,) = watch(tmp_path)["alerts"]
        assert "the pictures of camera hall are dark" in artifact("alerts").data
        show(tmp_path, {})
        assert watch(tmp_path) == {"done": 0, "failed": {}, "alerts": []}
    events = [message["event"] for message in webhook.got]
    assert events == ["oneclick.alert.open", "oneclick.alert.over"]
    assert [message["text"].endswith(text) for message in mail.got] == [True, True]
    with Catalog.open(tmp_path) as catalog:
        assert [(run.flow, run.state) for run in catalog.runs()] == [("watch", "Completed")]


def test_maintenance_leaves_the_table_of_insight(tmp_path: Path) -> None:
    from oneclick.flows.maintain import maintain

    Catalog.open(tmp_path).close()
    assert maintain(tmp_path)["failed"] == {}
    assert "No model has looked" in artifact("insight").data
    add_video(tmp_path, datetime.now(UTC) - timedelta(days=1), {"a": seen([(100, 300)])})
    maintain(tmp_path)
    assert "| ward | a | 0.017 |" in artifact("insight").data

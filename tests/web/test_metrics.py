"""`/metrics`: nobody reads it unless the settings say who, and then it is what `report` says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from oneclick import report
from oneclick.services.insight_settings import InsightSettings
from oneclick.settings import Settings
from oneclick.storage import intake_counts
from oneclick.storage.intake_counts import CameraCounts
from oneclick.storage.workspace import Workspace
from tests.report.test_insight import add_video, seen
from tests.web.site import Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def allow(site: Site, **insight: str) -> None:
    """Let the settings say who may read the metrics."""
    settings = Settings(home=site.home, insight=InsightSettings.model_validate(insight))
    site.app.state.settings = settings


def test_by_default_there_are_none(site: Site) -> None:
    assert site.client().get("/metrics").status_code == 404


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("192.168.1.4", {}, 403),
        ("testclient", {}, 403),
        ("127.0.0.1", {"X-Forwarded-For": "192.168.1.4"}, 403),
    ],
)
def test_on_loopback_only_programs_of_this_machine_read_them(
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
    address: str,
    headers: dict[str, str],
    status: int,
) -> None:
    allow(site, metrics="loopback")
    monkeypatch.setattr("oneclick.web.metrics.client_address", lambda _: address)
    assert site.client().get("/metrics", headers=headers).status_code == status


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("Bearer s3cret", 200),
        ("Bearer other", 401),
        ("Bearer ", 401),
        ("", 401),
        ("Basic s3cret", 401),
    ],
)
def test_with_a_token_only_who_has_it_reads_them(
    site: Site, tmp_path: Path, header: str, status: int
) -> None:
    token = tmp_path / "metrics-token"
    token.write_text("s3cret\n")
    token.chmod(0o600)
    allow(site, metrics="token", metrics_token_file=str(token))
    answer = site.client().get("/metrics", headers={"Authorization": header})
    assert answer.status_code == status


def test_an_empty_token_admits_nobody(site: Site, tmp_path: Path) -> None:
    token = tmp_path / "metrics-token"
    token.write_text("")
    token.chmod(0o600)
    allow(site, metrics="token", metrics_token_file=str(token))
    answer = site.client().get("/metrics", headers={"Authorization": "Bearer "})
    assert answer.status_code == 401


def test_the_text_is_what_the_report_says(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.now(UTC)
    add_video(site.home, now - timedelta(days=1), {"a": seen([(0, 200)]), 'b"': seen([(100, 300)])})
    intake_counts.save(Workspace(site.home), {"ward": CameraCounts(stored=7, lost=2)})
    allow(site, metrics="loopback")
    monkeypatch.setattr("oneclick.web.metrics.client_address", lambda _: "127.0.0.1")
    answer = site.client().get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = answer.text.splitlines()
    (row, _) = report.measure_insight(site.home, now).rows
    name = "oneclick_model_detections_per_minute"
    assert f"# TYPE {name} gauge" in lines
    assert f'{name}{{camera="ward",model="a"}} {row.detections_per_minute:.6g}' in lines
    agreement = 'oneclick_model_agreement_ratio{camera="ward",model="a",rival="b\\""} 0.5'
    assert agreement in lines
    assert 'oneclick_edge_stored_total{camera="ward"} 7' in lines
    assert not [line for line in lines if "precision" in line]


def test_broken_counts_of_edge_cameras_end_no_other_number(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_video(site.home, datetime.now(UTC) - timedelta(days=1), {"a": seen([(0, 200)])})
    workspace = Workspace(site.home)
    intake_counts.save(workspace, {"ward": CameraCounts(stored=7)})
    (workspace.intake_dir / "counts.json").write_text("{")
    allow(site, metrics="loopback")
    monkeypatch.setattr("oneclick.web.metrics.client_address", lambda _: "127.0.0.1")
    answer = site.client().get("/metrics")
    assert answer.status_code == 200
    assert 'oneclick_model_detections_per_minute{camera="ward",model="a"}' in answer.text
    assert "oneclick_edge_stored_total{" not in answer.text

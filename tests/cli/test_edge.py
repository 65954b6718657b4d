"""`oneclick edge`: tokens, what arrived and what was refused, as people see it."""

from __future__ import annotations

import contextlib
import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from oneclick import video
from oneclick.catalog import Catalog
from oneclick.cli import checks, edge
from oneclick.core.edge_messages import SpanRequest
from oneclick.edge.device import DeviceOptions
from oneclick.services.intake_settings import IntakeSettings
from oneclick.settings import Settings
from oneclick.storage import intake_counts, span_requests
from oneclick.storage.bounded_documents import parse_json
from oneclick.storage.intake_counts import CameraCounts
from oneclick.storage.intake_log import CameraLog, StoredBatch
from oneclick.storage.live_ring import RingReader
from oneclick.storage.workspace import Workspace
from oneclick.web.intake.tokens import CameraTokens
from tests.cli.program import oneclick
from tests.edge import batches, fleet
from tests.edge.fleet import IntakeServer


def deliver(home: Path, count: int) -> None:
    """Let a camera have sent pictures whose segment is complete."""
    with contextlib.closing(CameraLog(Workspace(home).intake_dir / "ward", 600)) as log:
        batch = StoredBatch(source=batches.SOURCE, frames=tuple(batches.frames(count)))
        log.append(batch, count)
        log.close_segment()
    counts = CameraCounts(stored=count, quarantined={"time goes back": 3})
    strangers = CameraCounts(refused={"401 no valid token": 2})
    intake_counts.save(Workspace(home), {"ward": counts, intake_counts.STRANGERS: strangers})


def test_a_token_is_printed_once_and_admits_until_it_is_revoked(tmp_path: Path) -> None:
    answer = oneclick("edge", "token", "Ward 3", "--model", "yolo-1", home=tmp_path)
    token, tokens = answer.stdout.strip(), CameraTokens(Workspace(tmp_path))
    admitted = tokens.find(token)
    assert admitted is not None
    assert (admitted.camera, admitted.models) == ("ward_3", ("yolo-1",))
    assert token not in (tmp_path / "intake" / "tokens.json").read_text()
    assert oneclick("edge", "revoke", "ward_3", home=tmp_path).returncode == 0
    assert tokens.find(token) is None
    assert oneclick("edge", "revoke", "ward_3", home=tmp_path).returncode == 2


def test_what_arrived_is_listed_taken_in_and_told_by_status_and_doctor(tmp_path: Path) -> None:
    CameraTokens(Workspace(tmp_path)).make("hall")
    deliver(tmp_path, 550)
    worked = oneclick("edge", "work", home=tmp_path)
    assert (worked.returncode, "1 done" in worked.stderr) == (0, True)
    with Catalog.open(tmp_path) as catalog:
        assert len(catalog.videos()) == 1
    request = SpanRequest(id="ward-1", camera="ward", start=0.0, stop=1.0, moment=0.5)
    span_requests.finish(Workspace(tmp_path), request, state="refused", reason="no consent")
    listing = oneclick("edge", "list", home=tmp_path)
    assert "ward: no raw video, no consent" in listing.stderr
    assert listing.returncode == 0, listing.stderr
    assert [line.split()[0] for line in listing.stdout.splitlines()[1:]] == ["(no", "ward", "hall"]
    assert "ward: 3 × time goes back" in listing.stderr
    assert "ward has no token any more" in listing.stderr
    rows: Any = parse_json(oneclick("edge", "list", "--json", home=tmp_path).stdout)
    assert [row["stored"] for row in rows["cameras"]] == [0, 550]
    status = oneclick("status", home=tmp_path).stdout
    assert "edge       1 cameras, 550 predictions" in status
    assert "5 not taken: oneclick edge list" in status
    check = checks.check_edge(Settings(home=tmp_path))
    assert (check.ok, "5 pictures or requests not taken" in check.detail) == (True, True)


@pytest.mark.parametrize("segments", [1, 9])
def test_the_doctor_tells_when_nothing_takes_in_what_arrived(tmp_path: Path, segments: int) -> None:
    with contextlib.closing(CameraLog(tmp_path / "intake" / "ward", 1.0)) as log:
        pictures = tuple(batches.frames(10 * segments + 1))
        log.append(StoredBatch(source=batches.SOURCE, frames=pictures), len(pictures))
    check = checks.check_edge(Settings(home=tmp_path))
    assert check.ok == (segments == 1)
    assert ("oneclick edge work" in check.detail) == (segments == 9)


def test_a_device_keeps_more_than_a_window_of_the_server() -> None:
    """Or what is asked for once a window is over is gone."""
    most = IntakeSettings().window_minutes + IntakeSettings().idle_minutes
    default = inspect.signature(edge.run).parameters["ring_minutes"].default
    assert default == DeviceOptions().ring_minutes > most


@pytest.mark.parametrize(
    ("option", "expected"), [(None, "/etc/hall.pem"), ("any", "any"), ("", "")]
)
def test_a_device_trusts_the_cameras_that_live_trusts(option: str | None, expected: str) -> None:
    conf = Settings(live={"certificates": "/etc/hall.pem"})  # type: ignore[arg-type]
    assert edge.camera_authorities(conf, option) == expected


def test_the_certificates_of_cameras_may_lie_at_home() -> None:
    conf = Settings(live={"certificates": "~/hall.pem"})  # type: ignore[arg-type]
    assert edge.camera_authorities(conf, None) == str(Path.home() / "hall.pem")


@pytest.mark.e2e
def test_a_device_runs_a_model_and_the_server_has_what_it_saw(tmp_path: Path) -> None:
    home, token_file, film = tmp_path / "home", tmp_path / "token", tmp_path / "film.mp4"
    token = CameraTokens(Workspace(home)).make("ward", ["opencv-motion"])
    token_file.write_text(token)
    token_file.chmod(0o600)
    pictures = np.full((20, 120, 160, 3), 40, np.uint8)
    for number, picture in enumerate(pictures):
        picture[30:90, 4 * number : 4 * number + 30] = 220
    video.write(film, iter(pictures), 20.0)
    server = IntakeServer(home, program=fleet.INTAKE_ALONE)
    try:
        server.wait_until_ready()
        options = ["--server", f"http://127.0.0.1:{server.port}", "--token-file", str(token_file)]
        options += ["--model", "opencv:motion", "--folder", str(tmp_path / "device"), "--fps", "60"]
        answer = oneclick("edge", "run", str(film), *options, cwd=tmp_path)
    finally:
        server.stop()
    assert (answer.returncode, "20 predictions sent" in answer.stderr) == (0, True), answer.stderr
    span = RingReader(tmp_path / "device" / "ring").span()
    assert span is not None
    assert span.frames == 20
    assert list(home.rglob("*.mp4")) == []

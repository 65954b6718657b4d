"""A real server of the intake, killed while cameras send: nothing is lost and nothing is twice."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from oneclick.stages.intake import intake
from oneclick.storage.intake_log import CameraLog
from oneclick.storage.workspace import Workspace
from tests.bench import edge_intake
from tests.edge import batches
from tests.edge import fleet as fleet_module
from tests.edge.fleet import EdgeCamera, IntakeServer, make_fleet

pytestmark = pytest.mark.e2e
SECONDS = 3.0
CAMERAS = 6


def strike(server: IntakeServer, fleet: list[EdgeCamera]) -> None:
    """Kill the server in the midst of batches, as soon as every camera was answered."""
    while not all(camera.seconds for camera in fleet):
        time.sleep(0.01)
    server.kill()
    server.restart()


def test_a_server_killed_while_cameras_send_loses_nothing_and_has_nothing_twice(
    tmp_path: Path,
) -> None:
    server = IntakeServer(tmp_path, program=fleet_module.INTAKE_ALONE)
    try:
        server.wait_until_ready()
        fleet = make_fleet(tmp_path, server.port, CAMERAS)
        killer = threading.Thread(target=strike, args=(server, fleet), daemon=True)
        killer.start()
        asyncio.run(edge_intake.run_fleet(fleet, SECONDS))
        killer.join()
    finally:
        server.stop()
    for camera in fleet:
        log = CameraLog(Workspace(tmp_path).intake_dir / camera.name, 600)
        log.close_segment()
        log.close()
    assert intake(tmp_path).failed == {}
    wanted = Counter(range(round(SECONDS * batches.FPS)))
    assert edge_intake.stored_numbers(tmp_path) == {camera.name: wanted for camera in fleet}
    assert sum(camera.failures for camera in fleet) > 0

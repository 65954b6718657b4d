"""One Prefect server for all tests of this folder."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest

from tests.waits import HANG_SECONDS


@pytest.fixture(scope="package")
def prefect_server(
    prefect_database: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Start a real API on a database of its own; idle it costs a tenth of a processor."""
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
    from prefect.testing import utilities
    from prefect.testing.utilities import prefect_test_harness

    folder = tmp_path_factory.mktemp("prefect-server")
    shutil.copy(prefect_database, folder / "prefect-test.db")
    with (
        mock.patch.object(utilities, "mkdtemp", return_value=str(folder)),
        prefect_test_harness(server_startup_timeout=int(HANG_SECONDS)),
        temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}),
    ):
        yield

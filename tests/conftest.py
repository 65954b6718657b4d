"""For all tests: `-m fast`, reasons of skips, independence of load, no proxy, audible Ctrl-C."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from oneclick.storage import locks
from tests import fast
from tests.distribution import pytest_xdist_make_scheduler as pytest_xdist_make_scheduler
from tests.fakes.packages import install as install
from tests.skips import pytest_make_collect_report as pytest_make_collect_report
from tests.skips import pytest_runtest_makereport as pytest_runtest_makereport
from tests.waits import PREFECT_TIMEOUTS

# Networks this small gain nothing from threads, which wait for each other on a busy machine.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Python keeps what it compiles: each process that a test starts would compile oneclick once more.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ.update(PREFECT_TIMEOUTS)
# Servers of the tests are on this machine, whatever proxy leads out of it.
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"
# The background of a script ignores Ctrl-C, which all who are started from here would inherit.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# Tests write a recording and fetch it at once: none of them waits to see whether it grows.
os.environ["ONECLICK_SOURCES__SETTLE_S"] = "0"
# An example may take as long as it takes, and the same ones are tried everywhere;
# `--hypothesis-profile explore` looks for others.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("explore", patient)
settings.register_profile("patient", patient, derandomize=True)
settings.load_profile("patient")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the other files unread under `-m fast`: their imports alone take a minute."""
    if config.getoption("markexpr") != "fast" or collection_path == fast.HERE:
        return None
    return not fast.is_fast(collection_path) or None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is fast, and bring long files to the front."""
    for item in items:
        long = any(item.get_closest_marker(name) for name in ("e2e", "slow", "live"))
        test = getattr(item, "originalname", item.name)
        if fast.is_fast(item.path, test) and not long:
            item.add_marker("fast")
    items.sort(key=lambda item: item.get_closest_marker("e2e") is None)


@pytest.fixture(scope="session")
def prefect_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create an empty database of Prefect to copy: its migrations take 10 to 20 s, and run once."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # where the workers of a run meet
    path = folder / "prefect" / "prefect.db"
    with locks.file_lock(folder / "prefect.lock"):
        if not path.exists():
            command = [sys.executable, "-m", "prefect", "server", "database", "upgrade", "--yes"]
            env = os.environ | {"PREFECT_HOME": str(path.parent)}
            subprocess.run(command, env=env, check=True, capture_output=True)
    return path

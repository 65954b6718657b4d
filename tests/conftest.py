"""For all tests: `-m fast`, reasons of skips, independence of load, no proxy, audible Ctrl-C."""

import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.fakes.packages import install as install
from tests.skips import pytest_make_collect_report as pytest_make_collect_report
from tests.skips import pytest_runtest_makereport as pytest_runtest_makereport

HERE = Path(__file__).parent
FAST = {
    "catalog",
    "cli",
    "core",
    "formats",
    "hindsight",
    "report",
    "storage",
    "triggers",
    "ward",
    "test_contracts.py",
    "test_design.py",
    "test_settings.py",
}
"""Folders and files without networks, servers and video: what `-m fast` runs."""
SLOWER: set[str] = set()
"""Files there that are left out of it: each costs seconds or starts other processes."""

# OpenMP threads spin by default: on a busy machine torch is then several times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# Servers of the tests are on this machine, whatever proxy leads out of it.
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"
# The background of a script ignores Ctrl-C, which all who are started from here would inherit.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# An example may take as long as it takes.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


def is_fast(path: Path) -> bool:
    """Return whether `-m fast` runs the tests of a file."""
    name = path.relative_to(HERE)
    return name.parts[0] in FAST and name.as_posix() not in SLOWER


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the other files unread under `-m fast`: their imports alone take a minute."""
    if config.getoption("markexpr") != "fast" or collection_path.is_dir():
        return None
    return not is_fast(collection_path) or None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is fast, and bring long files to the front."""
    for item in items:
        long = any(item.get_closest_marker(name) for name in ("e2e", "slow", "live"))
        if is_fast(item.path) and not long:
            item.add_marker("fast")
    items.sort(key=lambda item: item.get_closest_marker("e2e") is None)

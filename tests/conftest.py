"""For all tests: threads that wait must not burn the processor the others need; no proxy."""

import os

import pytest

# OpenMP threads spin by default: on a busy machine torch is then several times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# Servers of the tests are on this machine, whatever proxy leads out of it.
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.get_closest_marker("e2e") is None)

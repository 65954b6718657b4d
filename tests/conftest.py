"""For all tests: waiting threads leave the processor to others; no proxy; Ctrl-C is heard."""

import os
import signal

import pytest

from tests.fakes.packages import install as install

# OpenMP threads spin by default: on a busy machine torch is then several times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# Servers of the tests are on this machine, whatever proxy leads out of it.
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"
# The background of a script ignores Ctrl-C, which all who are started from here would inherit.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.get_closest_marker("e2e") is None)

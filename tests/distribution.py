"""Which process of a run gets which files: those that share servers go to one of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from xdist.scheduler import LoadFileScheduling

HERE = Path(__file__).parent
TOGETHER = (
    "flows/served/",  # a Prefect server
    "faults/",  # warm processes, and a lap as it stands before each step
    "training/test_",  # a process that has imported torch, which ranks are forks of
    "web/browser/",  # a Chromium
)
"""What the files that begin so share costs more than what is gained by parting them."""


class GroupScheduling(LoadFileScheduling):  # type: ignore[misc]
    """Send a file to one process, and the files of a group to the same one."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return next((name for name in TOGETHER if file.startswith(f"{HERE.name}/{name}")), file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> GroupScheduling | None:
    """Replace the scheduler of `--dist loadfile`."""
    return GroupScheduling(config, log) if config.getoption("dist") == "loadfile" else None

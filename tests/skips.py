"""A pytest plugin: a test that is skipped without saying what is missing fails."""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import Any

import pytest

EMPTY = {"", "unconditional skip", "Skipped"}
"""What pytest writes itself where nobody gave a reason."""
MESSAGE = "skipped without a reason: name what is missing, as in skip('tmux is not installed')"


def _refuse(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a report of a skip without a reason into a failure."""
    if not report.skipped:
        return
    reason = getattr(report, "wasxfail", None)  # a failure that is expected needs one too
    if reason is None:
        reason = str(report.longrepr[-1] if isinstance(report.longrepr, tuple) else "")
    if re.sub(r"^(Skipped|reason):", "", reason).strip() in EMPTY:
        report.outcome = "failed"
        report.longrepr = MESSAGE
        vars(report).pop("wasxfail", None)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Check the report of a test."""
    report = yield
    _refuse(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, Any, pytest.CollectReport]:
    """Check the report of a module that skips itself."""
    report: pytest.CollectReport = yield
    _refuse(report)
    return report

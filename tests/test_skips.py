"""A skip is only good with a reason."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.waits import HANG_SECONDS

ROOT = Path(__file__).parents[1]
SOURCE = """
import pytest

def test_with_reason(): pytest.skip("tmux is not installed")
def test_without(): pytest.skip()
def test_blank(): pytest.skip("  ")
@pytest.mark.skip(reason="no GPU")
def test_marked(): pass
@pytest.mark.skip
def test_marked_without(): pass
@pytest.mark.skipif(True, reason="")
def test_condition_without(): pass
@pytest.mark.xfail(reason="a bug of SQLite")
def test_expected(): assert 0
@pytest.mark.xfail
def test_expected_without(): assert 0
"""
MODULES = {
    "test_cases.py": SOURCE,
    "test_missing_package.py": "import pytest\npytest.importorskip('no_such_package')\n",
    "test_silent_module.py": "import pytest\npytest.skip('', allow_module_level=True)\n",
}
OUTCOMES = {
    "test_cases.py::test_with_reason": "SKIPPED",
    "test_cases.py::test_without": "FAILED",
    "test_cases.py::test_blank": "FAILED",
    "test_cases.py::test_marked": "SKIPPED",
    "test_cases.py::test_marked_without": "ERROR",
    "test_cases.py::test_condition_without": "ERROR",
    "test_cases.py::test_expected": "XFAIL",
    "test_cases.py::test_expected_without": "FAILED",
}


def test_a_skip_needs_a_reason(tmp_path: Path) -> None:
    for name, source in MODULES.items():
        (tmp_path / name).write_text(source)
    command = [sys.executable, "-m", "pytest", "-v", "-c", "/dev/null", "-p", "tests.skips"]
    command += ["-p", "no:cacheprovider", "--continue-on-collection-errors", "--rootdir"]
    process = subprocess.run(
        [*command, str(tmp_path), str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )
    lines = [line.split() for line in process.stdout.splitlines()]
    results = [line for line in lines if len(line) > 1 and "::" in line[0]]
    outcomes = {Path(name).name: outcome for name, outcome, *_ in results}
    assert outcomes == OUTCOMES, process.stdout
    assert "ERROR collecting test_silent_module.py" in process.stdout
    assert "ERROR collecting test_missing_package.py" not in process.stdout

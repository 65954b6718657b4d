"""What a user sees of a plug-in that is broken: one line, and everything else."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from oneclick.cli import checks, triggers
from oneclick.core import plugins
from oneclick.settings import load
from tests.fakes.packages import Install
from tests.triggers.test_plugins import BROKEN, put, source

CASES = {
    "import error": BROKEN["import error"],
    "text parameter": BROKEN["text parameter"],
    "wrong protocol": BROKEN["wrong protocol"],
    "raises": (
        source("        raise RuntimeError('lost')"),
        "raised while it ran: RuntimeError: lost",
    ),
}


@pytest.fixture
def detections(tmp_path: Path) -> Path:
    path = tmp_path / "det.txt"
    frames = [frame for frame in range(1, 41) if frame not in (10, 30)]
    path.write_text("".join(f"{frame},-1,100,200,40,100,0.9,-1,-1,-1\n" for frame in frames))
    return path


@pytest.mark.parametrize("case", CASES)
def test_a_scan_names_it_once_and_prints_all_other_hits(
    detections: Path, install: Install, case: str
) -> None:
    text, reason = CASES[case]
    runner = CliRunner()
    before = runner.invoke(triggers.app, ["scan", str(detections), "--json"])
    put(install, text)
    after = runner.invoke(triggers.app, ["scan", str(detections), "--json"])
    assert (before.exit_code, after.exit_code) == (0, 3)
    assert after.stdout == before.stdout
    assert before.stdout
    (line,) = [line for line in after.stderr.splitlines() if "plug-in" in line]
    assert line.startswith(f"plug-in acme-shout 1.2: trigger 'shout': {reason}; left out")
    assert "Traceback" not in after.output


def test_debug_shows_the_traceback(
    detections: Path, install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(install, CASES["raises"][0])
    monkeypatch.setenv("ONECLICK_DEBUG", "1")
    result = CliRunner().invoke(triggers.app, ["scan", str(detections)])
    assert "Traceback (most recent call last)" in result.stderr
    assert "RuntimeError: lost" in result.stderr


def test_the_list_names_it_below_the_others(install: Install) -> None:
    put(install, CASES["import error"][0])
    result = CliRunner().invoke(triggers.app, ["list"])
    assert result.exit_code == 0
    assert "flicker" in result.stdout
    assert "plug-in acme-shout 1.2: trigger 'shout': cannot be imported" in result.stderr


def test_doctor_has_a_row_for_each(install: Install, tmp_path: Path) -> None:
    put(install, source())
    install("acme-bad", "import acme_is_away", {"bad": "KIND"}, plugins.DETECTORS)
    rows = [(row.ok, row.detail) for row in checks.check_plugins()]
    assert rows == [
        (True, "acme-shout 1.2: trigger 'shout': loads"),
        (
            False,
            "acme-bad 1.2: detector 'bad': cannot be imported: ModuleNotFoundError: "
            "No module named 'acme_is_away'; left out",
        ),
    ]
    names = [row.name for row in checks.run_checks(load(home=tmp_path))]
    assert names[-2:] == ["plug-in", "plug-in"]

"""A lap that is killed anywhere and run again ends as if nothing had happened."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from oneclick import ward
from oneclick.catalog import Catalog, verify
from tests.waits import HANG_SECONDS

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[1]
TIMES = {"at", "made_at", "created_at", "moved_at", "since", "seconds", "ms"}
"""Fields that tell when or how long: the only ones that may differ."""


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "ward_a_20260105T080000Z.mp4"
    ward.record(ward.Shift(camera=0, seed=3, seconds=12.0), path)
    return path


@pytest.fixture(scope="module")
def undisturbed(film: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    home = tmp_path_factory.mktemp("undisturbed")
    return home, laps(home, film)


def laps(home: Path, film: Path, *deaths: int) -> list[str]:
    """Attempts that die, then one that does not; the acts of the last."""
    command = [sys.executable, "-m", "tests.laps", str(home), str(film), *map(str, deaths)]
    process = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=HANG_SECONDS, check=False
    )
    assert process.returncode == 0, process.stderr
    return process.stdout.splitlines()


def without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_times(item) for key, item in value.items() if key not in TIMES}
    return [without_times(item) for item in value] if isinstance(value, list) else value


def content(path: Path) -> Any:
    if path.suffix == ".json":
        return without_times(json.loads(path.read_bytes()))
    if path.name in ("metrics.jsonl", "manifest.jsonl"):
        return len(path.read_bytes().splitlines())
    if path.suffix == ".parquet":
        from oneclick.storage import predictions

        detections = predictions.load(path)
        return [detections.frames.tolist(), detections.boxes.tolist(), detections.scores.tolist()]
    return hashlib.sha256(path.read_bytes()).hexdigest()


def files(home: Path) -> dict[str, Any]:
    """Every file of a workspace but the catalog; temporaries that no sweep removed yet too."""
    return {
        str(path.relative_to(home)): content(path)
        for path in sorted(home.rglob("*"))
        if path.is_file() and not path.name.startswith("catalog.sqlite")
    }


def state(home: Path) -> dict[str, Any]:
    """What the catalog knows, without times."""
    with Catalog.open(home) as catalog:
        assert verify.verify(catalog, deep=True) == []
        return {
            "clips": [(r.clip, r.stage, r.revision, r.error) for r in catalog.clips()],
            "events": sorted((e.clip, e.old or "", e.new) for e in catalog.events()),
            "hits": catalog.hits(),
            "verdicts": [(v.clip, v.decision, v.by, v.images) for v in catalog.verdicts()],
            "datasets": [row.name for row in catalog.datasets()],
            "models": [row.id for row in catalog.models()],
            "counts": catalog.counts(),
        }


def test_a_second_lap_does_nothing_twice(film: Path, undisturbed: tuple[Path, list[str]]) -> None:
    home, _ = undisturbed
    before, state_before = files(home), state(home)
    laps(home, film)
    assert (files(home), state(home)) == (before, state_before)


def test_killed_at_every_stage_a_lap_ends_as_if_undisturbed(
    film: Path, undisturbed: tuple[Path, list[str]], tmp_path: Path
) -> None:
    """Each attempt dies one stage further on: every stage is entered, broken off and repeated."""
    reference, acts = undisturbed
    home = tmp_path / "killed"
    # Small numbers: what is left to do shrinks, so the next death lies further along the street.
    deaths = [3, 1, 4, 2, 5, 7, 3, 9, 2, 6, 12, 4, 8, 15, 5, 10, 3, 7, 1, 2]
    assert len(acts) > max(deaths)
    laps(home, film, *deaths)
    assert state(home) == state(reference)
    assert files(home) == files(reference)


@pytest.mark.slow
def test_killed_before_every_single_act_a_lap_ends_as_if_undisturbed(
    film: Path, undisturbed: tuple[Path, list[str]], tmp_path: Path
) -> None:
    reference, acts = undisturbed
    for death in range(len(acts)):
        home = tmp_path / str(death)
        laps(home, film, death)
        assert state(home) == state(reference), f"killed before act {death}: {acts[death]}"
        assert files(home) == files(reference), f"killed before act {death}: {acts[death]}"

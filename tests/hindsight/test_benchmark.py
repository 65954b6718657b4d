"""The benchmark's scoring against an independent judge, and the numbers it must keep."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

REPO = Path(__file__).resolve().parents[2]
SHARED = REPO.parent / "shared"
pytestmark = pytest.mark.skipif(
    not (SHARED / "data" / "mot").is_dir(), reason="../shared/data with real detections is absent"
)


def module(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[name] = loaded
    spec.loader.exec_module(loaded)
    return loaded


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    return module("bench_hindsight", REPO / "tests" / "bench" / "hindsight.py")


@pytest.mark.parametrize(
    ("sequence", "detector"),
    [("TUD-Campus", "nanodet"), ("KITTI-17", "acf"), ("MOT17-09", "frcnn")],
)
def test_the_score_agrees_with_the_independent_judge(
    bench: ModuleType, sequence: str, detector: str
) -> None:
    judge = module("mot_score", SHARED / "tools" / "mot_score.py")
    folder, threshold = bench.DATA / sequence, bench.THRESHOLDS[detector]
    fps, _ = bench.info(folder)
    real = bench.truth(folder)
    file = folder / "det" / f"{detector}.txt"
    detections = bench.mot_text.load(file, fps, real.people.length).above(threshold)
    for at in (0.5, 0.75):
        scores = bench.score(real, detections, at)
        np.testing.assert_allclose(scores, judge.score(folder, file, threshold, at), atol=5e-4)


@pytest.mark.parametrize(
    ("sequence", "detector", "least"),
    [("PETS09-S2L1", "yoloxnano", 0.94), ("TUD-Campus", "acf", 0.89), ("MOT17-09", "dpm", 0.7)],
)
def test_labels_stay_as_good_as_measured(
    bench: ModuleType, sequence: str, detector: str, least: float
) -> None:
    row = bench.measure(bench.DATA / sequence, detector)
    assert row.made[2] >= least
    assert row.made[2] > row.raw[2]
    assert row.tight[1] > row.tight[0]

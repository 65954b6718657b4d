"""What makes a lap small, and the recordings that it takes."""

import atexit
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from oneclick.flows import environment

# Prefect reads the environment when it is imported, and the test modules import it first of all.
SCRATCH = Path(tempfile.mkdtemp(prefix="oneclick-flows-"))
atexit.register(shutil.rmtree, SCRATCH, ignore_errors=True)
environment.apply_defaults(SCRATCH)

SETTINGS = {
    "ONECLICK_DETECT__PREDICTOR": "opencv:motion",
    "ONECLICK_DETECT__RIVAL": "",
    "ONECLICK_DETECT__LABELLERS": '["opencv:motion"]',
    "ONECLICK_TRIGGERS__MIN_CLIPS": "4",
    "ONECLICK_TRIGGERS__CLIP_SECONDS": "1",
    "ONECLICK_TRIGGERS__GAP": "0.5",
    "ONECLICK_TRAIN__STEPS": "2",
    "ONECLICK_TRAIN__BATCH": "2",
    "ONECLICK_TRAIN__MIN_TEST_IMAGES": "1",
}


@pytest.fixture(scope="module")
def small() -> Iterator[None]:
    """Set what makes a lap take seconds."""
    from tests.training import toy

    with pytest.MonkeyPatch.context() as patch, toy.hasty_profile():
        for name, value in SETTINGS.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Record twelve seconds of a person-sized block that walks, stops and walks back."""
    from oneclick import video

    path = tmp_path_factory.mktemp("camera") / "hall.mp4"
    video.write(path, walk(seconds=12, fps=10), fps=10)
    return path


def walk(seconds: int, fps: int) -> Iterator[np.ndarray]:
    """Yield frames of 240 × 160 px with a block of 24 × 60 px."""
    rng = np.random.default_rng(1)
    wall = rng.integers(90, 130, (160, 240, 3), np.uint8)
    for k in range(seconds * fps):
        x = int(100 + 90 * np.sin(k / 15)) if not 40 <= k < 55 else 120
        frame = wall.copy()
        frame[60:120, x : x + 24] = 30
        yield frame


@pytest.fixture(scope="session")
def ward_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Record twelve seconds of a rendered ward."""
    from oneclick import ward

    shift = ward.Shift(camera="ward_a", seed=3, seconds=12)
    path = shift.path(tmp_path_factory.mktemp("ward"))
    ward.record(shift, path)
    return path

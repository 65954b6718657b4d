"""Demo: two laps on the synthetic ward with simulated annotators, measured on unseen cameras.

The same flows as everywhere; only the recordings are rendered and the reviewers simulated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from flows import policy
from flows.collect import collect
from flows.label import label
from flows.publish import publish
from flows.review import review
from flows.train import train
from oneclick import detectors, report, ward
from oneclick.core import ids, progress
from oneclick.core.clips import Clip
from oneclick.core.tracks import Tracks
from oneclick.io import video
from oneclick.io.catalog import Catalog
from oneclick.io.workspace import Workspace
from oneclick.platforms import LocalPlatform
from oneclick.training import evaluate

CAMERAS, UNSEEN = (0, 1, 2), (7, 8)
SECONDS, TEST_SECONDS = 40.0, 20.0
FIRST_DAY = datetime(2026, 1, 5, 8, tzinfo=UTC)
PREDICTOR = "opencv:motion"
"""Predicts in the first lap: people in a rendered room do not look like HOG's people."""


@dataclass(frozen=True)
class DemoLap:
    """One lap, and what its champion is worth."""

    lap: int
    clips: int
    """Clips reviewed in this lap."""
    edits_per_100_boxes: float | None
    seconds_per_image: float | None
    dataset_images: int
    candidate: str | None
    verdict: str
    champion: str | None
    map: float
    """COCO mAP of the champion on cameras never trained on, against the truth."""
    ap50: float
    test_images: int


@dataclass(frozen=True)
class Demo:
    """All that `oneclick demo` prints."""

    home: Path
    seed: int
    laps: tuple[DemoLap, ...]


@dataclass(frozen=True)
class Film:
    """One rendered recording with its truth."""

    path: Path
    shift: ward.Shift
    truth: Tracks


def demo(home: Path, seed: int = 0) -> Demo:
    """Render, lap, measure; lap again, measure again. Nothing in the numbers is fixed."""
    unseen = [_film(home, camera, 9, seed, TEST_SECONDS) for camera in UNSEEN]
    laps: list[DemoLap] = []
    with policy.in_process():
        for number in (1, 2):
            films = [_film(home, camera, number, seed, SECONDS) for camera in CAMERAS]
            laps.append(_lap(home, number, films, unseen, seed))
    return Demo(home, seed, tuple(laps))

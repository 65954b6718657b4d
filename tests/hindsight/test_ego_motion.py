"""Clips of a camera that moves: what a camera at rest would show, and labels that do no harm."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from oneclick import hindsight
from oneclick.core import association
from oneclick.core.detections import Detections
from oneclick.hindsight import ego_motion, prune
from oneclick.hindsight.track_states import TrackStates
from tests.fakes import scenes

FRAMES = 80
SECONDS = np.arange(FRAMES) / scenes.FPS
STARTS = ((60, 100), (200, 90), (340, 120), (480, 80), (620, 110))
STEPS = ((1.0, 0.2), (-1.5, 0.0), (0.5, -0.2), (0.0, 0.0), (-0.5, 0.3))
CAMERAS: dict[str, Callable[[], np.ndarray]] = {
    "rest": lambda: np.zeros((FRAMES, 2)),
    "pan": lambda: np.stack([120 * np.sin(2 * np.pi * SECONDS / 4), 0 * SECONDS], 1),
    "fast pan": lambda: np.stack([300 * np.sin(2 * np.pi * SECONDS / 4), 0 * SECONDS], 1),
    "shake": lambda: np.random.default_rng(3).normal(0, 12, (FRAMES, 2)),
    "stop and go": lambda: np.stack([np.cumsum((SECONDS % 4 < 2) * 12.0), 0 * SECONDS], 1),
}
SHIFTS = [pytest.param(path(), id=name) for name, path in CAMERAS.items()]


def people(shift: np.ndarray) -> list[np.ndarray]:
    walks = [scenes.walk(start, step, FRAMES) for start, step in zip(STARTS, STEPS, strict=True)]
    return [walk + np.tile(shift, 2) for walk in walks]


def share_right(boxes: Detections, truth: Detections) -> float:
    return 2 * len(association.match_frames(boxes, truth, 0.6)[0]) / (len(boxes) + len(truth))


@pytest.mark.parametrize("every", [1, 2])
@pytest.mark.parametrize("shift", SHIFTS)
def test_labels_are_no_worse_than_the_detector_however_the_camera_moves(
    shift: np.ndarray, every: int
) -> None:
    walks = [walk[::every] for walk in people(shift)]
    hidden = {k: range(5 * k + 8, 5 * k + 11) for k in range(len(walks))}
    detections, truth = scenes.seen(walks, hidden, noise=2), scenes.seen(walks)
    labels = hindsight.label([detections], [0.5]).detections
    assert share_right(labels, truth) >= share_right(detections, truth)


@pytest.mark.parametrize("shift", SHIFTS[1:])
def test_the_motion_of_the_camera_is_found_without_any_links(shift: np.ndarray) -> None:
    detections = scenes.seen(people(shift), noise=1)
    stable = ego_motion.vote(detections).stabilise(detections)
    centres = (stable.boxes[:, 0] + stable.boxes[:, 2]) / 2
    standing = centres.reshape(FRAMES, len(STARTS))[:, 3]
    assert np.abs(np.diff(standing)).max() < 10
    assert np.abs(np.diff(shift[:, 0])).max() > 10


def test_a_path_is_undone_exactly() -> None:
    detections = scenes.seen(people(CAMERAS["shake"]()))
    numbers = np.tile(np.arange(len(STARTS), dtype=np.int32), FRAMES)
    order = np.argsort(np.repeat(np.arange(len(STARTS)), FRAMES) * 0, kind="stable")
    origins = np.full(len(detections), "d")
    tracks = TrackStates.from_detections(detections, numbers[order], origins)
    path = ego_motion.fit(tracks, FRAMES, scenes.FPS)
    there_and_back = path.restore(path.stabilise_states(tracks))
    np.testing.assert_allclose(there_and_back.states, tracks.states, atol=1e-6)


@pytest.mark.parametrize("count", [0, 1])
def test_nobody_and_one_person_leave_the_camera_at_rest(count: int) -> None:
    detections = scenes.seen(people(CAMERAS["rest"]())[:count] or [np.zeros((0, 4))])
    tracks = TrackStates.from_detections(
        detections, np.zeros(len(detections), np.int32), np.full(len(detections), "d")
    )
    length = max(detections.length, 1)
    path = ego_motion.fit(tracks, length, scenes.FPS)
    assert (path.zoom == 1).all()
    assert (path.shift == 0).all()
    assert len(ego_motion.vote(detections).stabilise(detections)) == len(detections)


@pytest.mark.parametrize(
    ("counts", "ends", "expected"),
    [
        ([60, 1], [False, True], 0.0),
        ([20, 20, 2], [True, True, True], 0.8),
        ([20, 20] + [1] * 40, [True] * 42, 0.05),
        ([6, 7, 5, 3], [True] * 4, 1.0),
    ],
    ids=["a flash", "a broken track", "many flashes", "nothing lasts"],
)
def test_short_tracks_are_right_where_long_ones_break_as_often(
    counts: list[int], ends: list[bool], expected: float
) -> None:
    sizes = np.array(counts)
    probability = prune.probability_short_is_right(sizes, sizes >= 5, np.array(ends), 5)
    assert probability == pytest.approx(expected, abs=0.25)

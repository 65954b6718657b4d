"""Clips of a camera that moves: what a camera at rest would show, and labels that do no harm."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from oneclick import hindsight
from oneclick.core import association
from oneclick.core.detections import Detections
from oneclick.core.spans import Span
from oneclick.hindsight import camera, ego_motion, prune
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


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("amplitude", [2.0, 12.0, 40.0])
def test_labels_of_one_person_are_no_worse_than_the_detector_while_the_camera_shakes(
    amplitude: float, seed: int
) -> None:
    shift = np.random.default_rng(seed).normal(0, amplitude, (FRAMES, 2))
    person = scenes.walk((200, 100), (1.5, 0.0), FRAMES) + np.tile(shift, 2)
    detections = scenes.seen([person], noise=2, seed=seed)
    labels = hindsight.label([detections], [0.5]).detections
    truth = scenes.seen([person])
    assert share_right(labels, truth) >= share_right(detections, truth)


@pytest.mark.parametrize("seed", range(4))
def test_labels_keep_nearly_all_where_a_camera_at_rest_is_knocked(seed: int) -> None:
    length, knock = 130, slice(60, 75)
    walks = [scenes.walk(start, step, length) for start, step in zip(STARTS, STEPS, strict=True)][
        :3
    ]
    shift = np.zeros((length, 2))
    shift[knock] = np.random.default_rng(seed).normal(0, 25, (15, 2))
    paths = [walk + np.tile(shift, 2) for walk in walks]
    detections, truth = scenes.seen(paths, noise=2, seed=seed), scenes.seen(paths)
    labels = hindsight.label([detections], [0.5]).detections
    inside = Span(knock.start, knock.stop)
    right = share_right(labels.cut(inside), truth.cut(inside))
    assert right >= 0.94 * share_right(detections.cut(inside), truth.cut(inside))


def linked(detections: Detections) -> TrackStates:
    numbers = association.link(detections, 0.4, 0.3)
    return TrackStates.from_detections(detections, numbers, np.full(len(detections), "d"))


@pytest.mark.parametrize(("jumps", "gain"), [(1, 0.0), (6, 0.5)])
def test_a_jump_that_few_boxes_make_is_no_motion_of_the_camera(jumps: int, gain: float) -> None:
    path = np.zeros(FRAMES)
    path[40 : 40 + jumps] = np.resize([60, 0], jumps)
    person = scenes.walk((200, 100), (0, 0), FRAMES)
    person += np.stack([path, 0 * path, path, 0 * path], 1)
    detections = scenes.seen([person])
    voted = linked(ego_motion.vote(detections).stabilise(detections))
    largest = ego_motion.largest_gain(linked(detections), voted, FRAMES, scenes.FPS)
    assert (largest >= gain) if gain else (largest == 0)
    assert ego_motion.gain(linked(detections), linked(detections)) == 0


def test_the_fastest_second_of_a_turn_is_found_in_a_clip_at_rest() -> None:
    turn = np.clip((SECONDS - 4) / 0.7, 0, 1) * 120
    still = [scenes.walk(start, (0, 0), FRAMES) for start in STARTS]
    moving = [walk + np.stack([turn, 0 * turn] * 2, 1) for walk in still]
    speeds = []
    for walks in (still, moving):
        detections = scenes.seen(walks, noise=1)
        numbers = np.tile(np.arange(len(STARTS), dtype=np.int32), FRAMES)
        origins = np.full(len(detections), "d")
        tracks = TrackStates.from_detections(detections, numbers, origins)
        speeds.append(camera.fastest_second(tracks, scenes.FPS))
    assert speeds[0] < 0.3
    assert speeds[1] == pytest.approx(120 / 80 / 0.7, rel=0.2)  # the second is not all of it

"""Key boxes: the bound holds, nothing is lost on the way back, edits stay where they are made."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oneclick.core import boxes
from oneclick.core.tracks import Tracks
from oneclick.hindsight import curves, keyframes
from oneclick.hindsight.keyframes import KeyBoxes

LENGTH = 400


def tracks(
    parts: list[tuple[list[int], np.ndarray]], kinds: list[list[int]] | None = None
) -> Tracks:
    """One track a part: frames and corners."""
    count = [len(frames) for frames, _ in parts]
    n = sum(count)
    rng = np.random.default_rng(n)
    return Tracks(
        frames=np.concatenate([np.array(frames, np.int32) for frames, _ in parts]),
        tracks=np.repeat(3 * np.arange(len(parts), dtype=np.int32), count),
        boxes=np.concatenate([boxes for _, boxes in parts]).astype(np.float32),
        scores=rng.uniform(0.2, 1, n).astype(np.float32),
        classes=np.concatenate(kinds or [[0] * k for k in count]).astype(np.int16),
        origins=rng.choice(list("duir"), n),
        length=LENGTH,
        fps=10,
        names=("person", "bed"),
    )


def wander(count: int, seed: int = 0, step: float = 2.0, size: float = 60.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    walk = np.cumsum(rng.normal(0, step, (count, 2)), 0)
    smooth = np.stack([np.convolve(axis, np.ones(9) / 9, "same") for axis in walk.T], 1)
    low = 200 + (smooth if count >= 9 else walk)
    return np.concatenate([low, low + np.array([size / 2, size])], 1)


def least(dense: Tracks, expected: Tracks) -> float:
    """Least IoU over all rows; equal boxes count as 1 even without area."""
    a, other = dense.boxes.astype(np.float64), expected.boxes.astype(np.float64)
    overlap = np.where((a == other).all(1), 1, boxes.iou_pairs(a, other))
    return float(overlap.min(initial=1))


def alike(a: Tracks, other: Tracks) -> bool:
    names = ("frames", "tracks", "boxes", "scores", "classes", "origins")
    return all(getattr(a, k).tobytes() == getattr(other, k).tobytes() for k in names)


def where(dense: Tracks) -> list[tuple[int, int]]:
    return list(zip(dense.frames.tolist(), dense.tracks.tolist(), strict=True))


def bounded(label: Tracks, bound: float = 0.9) -> KeyBoxes:
    keys = keyframes.thin(label, bound)
    dense = keyframes.densify(keys)
    assert where(dense) == where(label)
    assert least(dense, label) >= bound
    assert dense.classes.tobytes() == label.classes.tobytes()
    return keys


STRAIGHT = np.arange(200)[:, None] * [3.0, 1, 3, 1] + [0, 0, 30, 80]
TURN = np.concatenate([STRAIGHT[:100], STRAIGHT[100:0:-1]])
STILL = np.tile([10.0, 10, 40, 90], (300, 1))
PIXEL = np.arange(50)[:, None] * [0.01, 0, 0.01, 0] + [5, 5, 6, 6]


@pytest.mark.parametrize(
    ("frames", "boxes", "most"),
    [
        ([7], STILL[:1], 1),
        ([7, 9], STRAIGHT[:2], 2),
        (list(range(300)), STILL, 2),
        (list(range(200)), STRAIGHT, 2),
        (list(range(200)), TURN, 5),
        ([*range(50), *range(150, 200)], STRAIGHT[[*range(50), *range(150, 200)]], 2),
        (list(range(0, 400, 2)), STRAIGHT, 2),
        (list(range(50)), PIXEL, 3),
        (list(range(300)), STILL[:, [0, 1, 0, 3]], 2),
        (list(range(200)), wander(200), 40),
    ],
    ids=[
        "one box",
        "two boxes",
        "at rest",
        "straight",
        "turns back",
        "a hole",
        "every other frame",
        "one pixel",
        "at rest without area",
        "wanders",
    ],
)
def test_a_track_needs_few_keys(frames: list[int], boxes: np.ndarray, most: int) -> None:
    assert len(bounded(tracks([(frames, boxes)]))) <= most


def test_boxes_without_area_that_move_are_all_keys() -> None:
    flat = STRAIGHT[:20].copy() ** 1.5
    flat[:, 2] = flat[:, 0]
    assert len(bounded(tracks([(list(range(20)), flat)]))) == 20


def test_nobody_has_no_keys() -> None:
    nobody = Tracks.empty(30, 10)
    keys = keyframes.thin(nobody)
    assert (len(keys), len(keyframes.densify(keys))) == (0, 0)
    assert len(keyframes.restore(nobody, keys, keys)) == 0


@pytest.mark.parametrize("bound", [0.0, -1.0, 1.1, float("nan")])
def test_a_bound_that_is_no_overlap_is_refused(bound: float) -> None:
    with pytest.raises(ValueError, match="bound"):
        keyframes.thin(Tracks.empty(30, 10), bound)


@pytest.mark.parametrize("box", [[0, 0, np.nan, 9], [0, 0, np.inf, 9], [9, 0, 5, 9]])
def test_a_box_that_is_none_is_refused(box: list[float]) -> None:
    with pytest.raises(ValueError, match="boxes: expected finite numbers"):
        keyframes.thin(tracks([([0, 1], np.array([box, box], np.float64))]))


@settings(max_examples=20, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(0, 40),
    st.integers(1, 3),
    st.sampled_from([0.3, 2.0, 40.0]),
    st.sampled_from([0.0, 1e-3, 1.0, 80.0]),
    st.sampled_from([0.5, 0.9, 0.99, 1.0]),
)
def test_any_tracks_stay_within_the_bound_and_come_back_bit_for_bit(
    seed: int, count: int, people: int, step: float, size: float, bound: float
) -> None:
    rng = np.random.default_rng(seed)
    parts, kinds = [], []
    for _ in range(people):
        frames = np.sort(rng.choice(LENGTH if rng.random() < 0.5 else 60, count, replace=False))
        low = np.cumsum(rng.normal(0, step, (count, 2)) * (rng.random((count, 1)) < 0.5), 0)
        side = np.exp(rng.normal(0, 0.05, (count, 2))) * size * (rng.random((count, 1)) < 0.95)
        parts.append((frames.tolist(), np.concatenate([low, low + side], 1)))
        kinds.append((np.cumsum(rng.random(count) < 0.02) % 2).tolist())
    label = tracks(parts, kinds)
    keys = bounded(label, bound)
    again = keyframes.thin(label, bound)
    assert alike(keys.boxes, again.boxes)
    assert alike(keyframes.restore(label, keys, again), label)


@cache
def pair(seed: int) -> tuple[Tracks, KeyBoxes]:
    """Two people and their keys."""
    frames, other = list(range(100)), list(range(60))
    label = tracks([(frames, wander(100, seed)), (other, wander(60, seed + 1))])
    return label, keyframes.thin(label)


def moved(keys: KeyBoxes, row: int, by: float) -> KeyBoxes:
    corners = keys.boxes.boxes.copy()
    corners[row] += by
    return replace(keys, boxes=replace(keys.boxes, boxes=corners))


def without(keys: KeyBoxes, row: int) -> KeyBoxes:
    return replace(keys, boxes=keys.boxes.where(np.arange(len(keys)) != row))


@settings(max_examples=40, deadline=None)
@given(st.sampled_from([2, 4]), st.floats(0, 0.999), st.booleans())
def test_an_edit_changes_two_stretches_to_each_side_and_no_more(
    seed: int, place: float, delete: bool
) -> None:
    label, keys = pair(seed)
    mine = np.flatnonzero(keys.boxes.tracks == 0)
    at = keys.boxes.frames[mine]
    k = 1 + int(place * (len(mine) - 2))
    after = without(keys, mine[k]) if delete else moved(keys, mine[k], 5)
    restored = keyframes.restore(label, keys, after)
    low, high = at[max(k - 2, 0)], at[min(k + 2, len(at) - 1)]
    near = (restored.tracks == 0) & (restored.frames >= low) & (restored.frames <= high)
    assert alike(restored.where(~near), label.where(~near))
    curve = keyframes.densify(after)
    inside = near & (restored.frames > low) & (restored.frames < high)
    assert (restored.boxes[inside] == curve.boxes[inside]).all()
    letters = dict(
        zip(restored.frames[inside].tolist(), restored.origins[inside].tolist(), strict=True)
    )
    if not delete:
        assert letters.pop(int(at[k])) == "h"
    assert set(letters.values()) <= {"i"}


TWO = pair(0)[0]


def test_a_moved_key_lies_exactly_where_the_human_put_it() -> None:
    keys = pair(0)[1]
    row = int(np.flatnonzero(keys.boxes.tracks == 3)[2])
    after = moved(keys, row, 7.5)
    restored = keyframes.restore(TWO, keys, after)
    at_key = (restored.tracks == 3) & (restored.frames == keys.boxes.frames[row])
    assert (restored.boxes[at_key] == after.boxes.boxes[row]).all()


def test_a_key_that_travelled_as_text_counts_as_unmoved() -> None:
    keys = pair(0)[1]
    text = np.round(keys.boxes.boxes, 2)
    after = replace(keys, boxes=replace(keys.boxes, boxes=text))
    assert alike(keyframes.restore(TWO, keys, after), TWO)


def test_a_deleted_track_is_gone_and_the_other_untouched() -> None:
    keys = pair(0)[1]
    after = KeyBoxes(keys.boxes.where(keys.boxes.tracks != 0), keys.runs[keys.runs[:, 0] != 0])
    assert alike(keyframes.restore(TWO, keys, after), TWO.where(TWO.tracks == 3))


def joined(a: Tracks, other: Tracks) -> Tracks:
    def both(name: str) -> np.ndarray:
        return np.concatenate([getattr(a, name), getattr(other, name)])

    return Tracks(
        frames=both("frames"),
        tracks=both("tracks"),
        boxes=both("boxes"),
        scores=both("scores"),
        classes=both("classes"),
        origins=both("origins"),
        length=a.length,
        fps=a.fps,
        names=a.names,
    )


def test_a_new_track_is_the_curve_through_its_keys() -> None:
    keys = pair(0)[1]
    new_track = replace(
        tracks([([10, 20], STRAIGHT[[0, 10]])]),
        tracks=np.array([8, 8], np.int32),
        origins=np.array(["h", "h"]),
    )
    after = KeyBoxes(joined(keys.boxes, new_track), np.concatenate([keys.runs, [[8, 10, 21]]]))
    restored = keyframes.restore(TWO, keys, after)
    new = restored.tracks == 8
    assert alike(restored.where(~new), TWO)
    assert "".join(restored.origins[new]) == "h" + 9 * "i" + "h"
    np.testing.assert_allclose(restored.boxes[new], STRAIGHT[:11], atol=1e-4)


def test_a_hole_that_a_human_opens_is_open_and_one_that_is_closed_is_closed() -> None:
    label = TWO.where((TWO.frames < 40) | (TWO.frames >= 50))
    keys = keyframes.thin(label)
    filled = keyframes.restore(label, keys, KeyBoxes(keys.boxes, keyframes.frame_runs(TWO)))
    assert where(filled) == where(TWO)
    assert alike(filled.where((filled.frames < 40) | (filled.frames >= 50)), label)
    keys = pair(0)[1]
    remaining = keys.boxes.where((keys.boxes.frames < 40) | (keys.boxes.frames >= 50))
    assert where(
        keyframes.restore(TWO, keys, KeyBoxes(remaining, keyframes.frame_runs(label)))
    ) == where(label)


def test_another_class_for_all_keys_changes_the_class_and_no_box() -> None:
    keys = pair(0)[1]
    after = replace(keys, boxes=replace(keys.boxes, classes=keys.boxes.classes + 1))
    restored = keyframes.restore(TWO, keys, after)
    assert alike(replace(restored, classes=TWO.classes), TWO)
    assert set(restored.classes) == {1}


def test_keys_and_runs_that_do_not_belong_together_are_refused() -> None:
    keys = pair(0)[1]
    with pytest.raises(ValueError, match="track 5 has a run, but no key box"):
        KeyBoxes(keys.boxes, np.concatenate([keys.runs, [[5, 0, 3]]]))
    with pytest.raises(ValueError, match=r"track 3, frame \d+: a key box where"):
        KeyBoxes(keys.boxes, keys.runs[:1])


def test_the_curve_agrees_with_scipys_hermite_spline() -> None:
    from scipy.interpolate import CubicHermiteSpline

    rng = np.random.default_rng(0)
    at, values = np.array([0, 3, 10, 12, 20]), rng.normal(0, 9, (5, 4))
    slope = np.empty((5, 4))
    slope[1:-1] = (values[2:] - values[:-2]) / (at[2:] - at[:-2])[:, None]
    slope[0] = 1.5 * (values[1] - values[0]) / 3 - slope[1] / 2
    slope[-1] = 1.5 * (values[-1] - values[-2]) / 8 - slope[-2] / 2
    knots = curves.Knots(at, np.zeros(5, np.intp), np.full(5, 4))
    frames = np.arange(21)
    keys = np.searchsorted(at, frames, "right") - 1
    curve = curves.evaluate_curves(values, keys, knots.shares(keys, frames))
    np.testing.assert_allclose(curve, CubicHermiteSpline(at, values, slope)(frames), atol=1e-9)


def long_walks() -> Tracks:
    """Return 12,000 boxes of three people who walk smoothly for 4,000 frames."""
    at = np.arange(4000)
    people = []
    for k in range(3):
        low = 300 + 200 * np.sin(np.stack([at / (90 + 9 * k), at / 170]).T)
        people.append((at.tolist(), np.concatenate([low, low + np.array([40, 90])], 1)))
    return replace(tracks(people), length=4000)


def test_12000_boxes_are_thinned_within_the_bound() -> None:
    label = long_walks()
    keys = keyframes.thin(label)
    assert least(keyframes.densify(keys), label) >= 0.9
    assert len(label) > 40 * len(keys)

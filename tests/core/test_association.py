from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from oneclick.core import association, boxes
from oneclick.core.detections import Detections
from tests.fakes import arrays


def walkers(
    frames: int, people: int, seed: int = 0, drop: float = 0.0
) -> tuple[Detections, np.ndarray]:
    """People who walk along lanes of their own, and who each box really is."""
    r = np.random.default_rng(seed)
    x = r.uniform(0, 300, people) + np.arange(frames)[:, None] * r.uniform(2, 8, people)
    x += r.normal(0, 0.5, x.shape)
    y = np.broadcast_to(np.arange(people) * 60.0, x.shape)
    corners = np.stack([x, y, x + 30, y + 80], 2).reshape(-1, 4)
    index, person_ids = np.divmod(np.arange(frames * people), people)
    keep = r.random(len(index)) >= drop
    n = int(keep.sum())
    detections = arrays.detections(
        frames=index[keep],
        boxes=corners[keep],
        scores=np.ones(n),
        classes=np.zeros(n),
        length=frames,
        fps=10.0,
    )
    return detections, person_ids[keep]


def single(frames: list[int], x: list[float], classes: list[int] | None = None) -> Detections:
    corners = [[a, 0.0, a + 40, 100.0] for a in x]
    n = len(frames)
    return arrays.detections(
        frames=frames,
        boxes=corners,
        scores=[1.0] * n,
        classes=classes or [0] * n,
        length=max(frames) + 1,
        fps=10.0,
        names=("person", "chair"),
    )


RANDOM_BOXES = st.integers(0, 2**32 - 1).map(
    lambda seed: np.random.default_rng(seed).uniform(0, 60, (2, 7, 2))
)


@settings(max_examples=200)
@given(RANDOM_BOXES, st.integers(0, 7), st.sampled_from([0.05, 0.3, 0.45]))
def test_matching_of_all_frames_at_once_is_as_good_as_hungarian(
    corner: np.ndarray, count: int, least: float
) -> None:
    a, b = (np.concatenate([c, c + 40], 1) for c in (corner[0][:count], corner[1]))
    i, j = association.match(a, b, least)
    sets = [
        arrays.detections(
            frames=[0] * len(s),
            boxes=s,
            scores=[1] * len(s),
            classes=[0] * len(s),
            length=1,
            fps=10.0,
        )
        for s in (a, b)
    ]
    rows, others = association.match_frames(sets[0], sets[1], least)
    assert len(set(rows.tolist())) == len(rows)
    assert len(set(others.tolist())) == len(others)
    overlap = boxes.iou(a, b)
    assert (overlap[rows, others] >= least - 1e-6).all()
    # float32 may tip a pair that lies exactly on the limit
    assert overlap[rows, others].sum() == pytest.approx(overlap[i, j].sum(), abs=1e-4)


def test_matching_never_pairs_two_frames_or_two_classes() -> None:
    a, b = single([0, 1], [0, 0], [0, 0]), single([1, 1], [0, 0], [1, 0])
    i, j = association.match_frames(a, b, 0.5)
    assert (i.tolist(), j.tolist()) == ([1], [1])


def test_classes_pair_by_name_and_a_strange_one_stays_alone() -> None:
    a = single([0, 0], [0, 200], [0, 1])
    b = arrays.detections(
        frames=[0, 0],
        boxes=a.boxes,
        scores=[1, 1],
        classes=[1, 0],
        length=1,
        fps=10.0,
        names=("dog", "person"),
    )
    i, j = association.match_frames(a, b, 0.5)
    assert (i.tolist(), j.tolist()) == ([0], [0])


def test_large_inputs_are_compared_in_blocks_with_the_same_result(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    detections, _ = walkers(60, 5, drop=0.1)
    all_pairs = association.overlaps(detections, detections, 0.1)
    monkeypatch.setattr(association, "PAIRS_AT_ONCE", 7)
    blocks = association.overlaps(detections, detections, 0.1)
    columns: Iterator[tuple[NDArray[Any], NDArray[Any]]] = zip(all_pairs, blocks, strict=True)
    assert all(np.array_equal(pairs, others) for pairs, others in columns)


@pytest.mark.parametrize(("people", "drop"), [(1, 0.0), (3, 0.0), (6, 0.15)])
def test_every_walker_gets_one_track(people: int, drop: float) -> None:
    detections, person_ids = walkers(80, people, seed=people, drop=drop)
    tracks = association.link(detections, max_hole_seconds=1.0)
    pairs = set(zip(tracks.tolist(), person_ids.tolist(), strict=True))
    assert len(pairs) == people == len(set(tracks.tolist()))


@pytest.mark.parametrize(
    ("frames", "x", "tracks"),
    [
        ([0, 1, 2], [0, 10, 20], [0, 0, 0]),
        ([0, 1, 2, 3, 6, 7], [0, 20, 40, 60, 120, 140], [0] * 6),
        ([0, 1, 2, 9, 10], [0, 0, 0, 0, 0], [0, 0, 0, 1, 1]),
        ([0, 1, 2], [0, 0, 300], [0, 0, 1]),
        ([0, 0, 1, 1], [0, 100, 100, 0], [0, 1, 1, 0]),
        ([4], [0], [0]),
    ],
    ids=["walk", "hole bridged by velocity", "hole too long", "jump", "order swapped", "one box"],
)
def test_links_over_time(frames: list[int], x: list[float], tracks: list[int]) -> None:
    assert association.link(single(frames, x)).tolist() == tracks


def test_velocity_parts_two_who_pass_each_other() -> None:
    a = [(k, 20.0 * k) for k in range(12)]
    b = [(k, 230.0 - 20.0 * k) for k in range(12)]
    rows = sorted(a + b)
    detections = single([k for k, _ in rows], [x for _, x in rows])
    tracks = association.link(detections)
    way = {t: np.diff(detections.boxes[tracks == t, 0]) for t in set(tracks.tolist())}
    assert len(way) == 2
    assert all((step > 0).all() or (step < 0).all() for step in way.values())


def test_a_track_keeps_its_class() -> None:
    assert association.link(single([0, 1, 2], [0, 0, 0], [0, 1, 0])).tolist() == [0, 1, 0]


def test_nothing_to_link_gives_no_tracks() -> None:
    assert association.link(Detections.empty(5, 10.0)).tolist() == []


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 39))
def test_what_comes_later_never_changes_earlier_tracks(seed: int, stop: int) -> None:
    detections, _ = walkers(40, 4, seed=seed, drop=0.3)
    early = detections.where(detections.frames < stop)
    assert association.link(early).tolist() == association.link(detections)[: len(early)].tolist()


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_who_gives_way_himself_pushes_nobody_out(data: st.DataObject) -> None:
    """As greedy suppression does: the strongest first, each against those that stayed."""
    count = data.draw(st.integers(1, 9))
    pairs = data.draw(st.sets(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1))))
    rivals = sorted({(min(pair), max(pair)) for pair in pairs if pair[0] != pair[1]})
    expected = np.zeros(count, np.bool_)
    for row in range(count):  # row 0 is the strongest
        expected[row] = any(not expected[i] for i, j in rivals if j == row)
    winners, losers = np.array(rivals, np.intp).reshape(-1, 2).T
    assert association.beaten(winners, losers, count).tolist() == expected.tolist()

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from oneclick.core import boxes

NUMBERS = st.integers(0, 100).map(float)


@st.composite
def some_boxes(draw: st.DrawFn) -> np.ndarray:
    corner = draw(hnp.arrays(np.float64, (draw(st.integers(0, 6)), 4), elements=NUMBERS))
    corner[:, 2:] += corner[:, :2]
    return corner


def exact_iou(a: np.ndarray, b: np.ndarray) -> float:
    """Counts whole pixels: an independent judge for whole-number boxes."""
    cells = [
        {(x, y) for x in range(int(c[0]), int(c[2])) for y in range(int(c[1]), int(c[3]))}
        for c in (a, b)
    ]
    union = len(cells[0] | cells[1])
    return len(cells[0] & cells[1]) / union if union else 0.0


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ((0, 0, 10, 10), (0, 0, 10, 10), 1.0),
        ((0, 0, 10, 10), (10, 0, 20, 10), 0.0),
        ((0, 0, 10, 10), (5, 0, 15, 10), 1 / 3),
        ((0, 0, 10, 10), (2, 2, 4, 4), 0.04),
        ((0, 0, 0, 0), (0, 0, 0, 0), 0.0),
        ((0, 0, 10, 10), (90, 90, 99, 99), 0.0),
    ],
    ids=["same", "touching", "half", "inside", "no area", "far"],
)
def test_overlap_agrees_with_counting_pixels(
    a: tuple[float, ...], b: tuple[float, ...], expected: float
) -> None:
    first, two = np.array([a], float), np.array([b], float)
    assert boxes.iou(first, two)[0, 0] == pytest.approx(expected, abs=1e-6)
    assert exact_iou(first[0], two[0]) == pytest.approx(expected)


@given(some_boxes(), some_boxes())
def test_overlap_is_symmetric_and_between_nothing_and_all(a: np.ndarray, b: np.ndarray) -> None:
    overlap = boxes.iou(a, b)
    assert np.allclose(overlap, boxes.iou(b, a).T)
    assert ((overlap >= 0) & (overlap <= 1 + 1e-9)).all()


@given(some_boxes())
def test_overlap_by_rows_is_the_diagonal_of_all_pairs(a: np.ndarray) -> None:
    shifted = a + 3
    assert np.allclose(boxes.iou_pairs(a, shifted), np.diagonal(boxes.iou(a, shifted)))


def test_suppression_keeps_the_best_of_a_heap_and_what_stands_apart() -> None:
    heap = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [50, 0, 60, 10]], float)
    assert boxes.nms(heap, np.array([0.5, 0.9, 0.1]), 0.5).tolist() == [1, 2]
    assert boxes.nms(heap[:0], np.zeros(0), 0.5).tolist() == []


@given(some_boxes())
def test_suppression_leaves_no_overlapping_pair(a: np.ndarray) -> None:
    survivors = a[boxes.nms(a, np.arange(len(a), dtype=float), 0.3)]
    overlap = boxes.iou(survivors, survivors)
    assert (overlap[~np.eye(len(survivors), dtype=bool)] <= 0.3).all()


def test_suppression_of_many_boxes_is_the_greedy_one_box_after_box() -> None:
    random = np.random.default_rng(0)
    corners = random.uniform(0, 300, (2 * boxes.NMS_BLOCK + 1, 2))
    heap = np.concatenate([corners, corners + random.uniform(1, 80, corners.shape)], 1)
    scores = random.integers(0, 20, len(heap)) / 20
    survivors: list[int] = []
    for row in np.argsort(-scores, kind="stable"):
        if not (boxes.iou(heap[[row]], heap[survivors]) > 0.3).any():
            survivors.append(row)
    assert boxes.nms(heap, scores, 0.3).tolist() == survivors


def test_border_means_within_the_margin_of_any_side() -> None:
    inside, at_left, bottom = (20, 20, 80, 80), (3, 20, 80, 80), (20, 20, 80, 97)
    at = boxes.at_border(np.array([inside, at_left, bottom], float), 100, 100, 5)
    assert at.tolist() == [False, True, True]


def test_interpolation_is_linear_between_and_held_outside() -> None:
    ends = np.array([[0, 0, 10, 10], [10, 0, 20, 10]], float)
    interpolated = boxes.interpolate(np.array([10, 20]), ends, np.array([5, 15, 30]))
    assert interpolated[:, 0].tolist() == [0, 5, 10]


def test_clipping_cuts_at_the_picture_and_leaves_the_original() -> None:
    box = np.array([[-5.0, 10, 120, 50]])
    assert boxes.clip(box, 100, 40).tolist() == [[0, 10, 100, 40]]
    assert box[0, 0] == -5

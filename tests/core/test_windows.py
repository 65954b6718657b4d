import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oneclick.core import windows

SIDES = st.integers(1, 3000)


def test_a_window_is_square_and_centred_on_its_box() -> None:
    (window,) = windows.around(np.array([[300.0, 200.0, 340.0, 300.0]]), 800, 600)
    assert window.tolist() == [195, 125, 445, 375]


@pytest.mark.parametrize(
    ("second", "count"),
    [
        pytest.param([350.0, 205.0, 390.0, 300.0], 1, id="beside it"),
        pytest.param([300.0, 200.0, 340.0, 300.0], 1, id="the same"),
        pytest.param([360.0, 280.0, 370.0, 300.0], 2, id="much smaller"),
        pytest.param([600.0, 200.0, 640.0, 300.0], 2, id="far away"),
    ],
)
def test_close_boxes_of_one_size_share_a_window(second: list[float], count: int) -> None:
    boxes = np.array([[300.0, 200.0, 340.0, 300.0], second])
    squares = windows.around(boxes, 800, 600)
    assert len(squares) == count
    for box in boxes:
        room = min(0.3 * (box[3] - box[1]), 8)
        inside = [
            (w[:2] <= box[:2] - room).all() and (w[2:] >= box[2:] + room).all() for w in squares
        ]
        assert any(inside)
        assert (squares[:, 2] - squares[:, 0]).max() <= 1.6 * 250 + 1


def test_no_boxes_need_no_window() -> None:
    assert windows.around(np.zeros((0, 4)), 800, 600).shape == (0, 4)


@given(
    width=SIDES,
    height=SIDES,
    x=st.floats(-100, 3100),
    y=st.floats(-100, 3100),
    wide=st.floats(0, 500),
    high=st.floats(0, 500),
)
def test_a_window_lies_in_the_picture_and_is_never_empty(
    width: int, height: int, x: float, y: float, wide: float, high: float
) -> None:
    (x1, y1, x2, y2) = windows.around(np.array([[x, y, x + wide, y + high]]), width, height)[0]
    assert 0 <= x1 < x2 <= width
    assert 0 <= y1 < y2 <= height


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ([20, 20, 60, 80], False),
        ([1, 20, 60, 80], True),
        ([20, 20, 60, 99], True),
        # The window ends where the picture does: nothing goes on behind it.
        ([20, 20, 100, 80], False),
        ([20, 0, 60, 80], False),
    ],
)
def test_what_touches_an_edge_inside_the_picture_is_cut_off(
    box: list[float], expected: bool
) -> None:
    window = np.array([300, 0, 400, 100])
    truncated = windows.is_truncated(np.array([box], float), window, 400, 300)
    assert truncated.tolist() == [expected]

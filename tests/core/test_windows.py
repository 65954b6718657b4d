import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oneclick.core import windows

SIDES = st.integers(1, 3000)


def test_a_window_is_square_and_centred_on_its_box() -> None:
    (window,) = windows.around(np.array([[300.0, 200.0, 340.0, 300.0]]), 800, 600)
    assert window.tolist() == [195, 125, 445, 375]


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

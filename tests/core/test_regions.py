"""Regions of a picture."""

from __future__ import annotations

import numpy as np
import pytest

from oneclick.core.errors import UsageError
from oneclick.core.regions import WHOLE, Region


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0,0,1",
        "0,0,1,1,1",
        "a,b,c,d",
        "0.5,0,0.5,1",
        "0.6,0,0.5,1",
        "-0.1,0,1,1",
        "0,0,1,1.1",
        "nan,0,1,1",
        "0,0,inf,1",
        "0,0,0.001,1",
    ],
)
def test_what_is_no_region_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match=r"such as 0\.2,0\.5,0\.6,1"):
        Region.parse(text)


@pytest.mark.parametrize(
    ("region", "shape"),
    [
        ("0,0,1,1", (3, 4)),
        ("0.5,0,1,1", (3, 2)),
        ("0.99,0.99,1,1", (1, 1)),
        ("0,0,0.01,0.01", (1, 1)),
        ("0.2,0.5,0.6,1", (2, 3)),
    ],
)
def test_a_crop_has_each_cell_that_the_region_meets(region: str, shape: tuple[int, int]) -> None:
    assert Region.parse(region).crop(np.zeros((7, 3, 4))).shape == (7, *shape)


def test_boxes_count_that_lie_in_the_region_or_fill_it() -> None:
    corner = Region(0.5, 0.5, 1, 1)
    rectangles = np.array(
        [[60, 60, 80, 80], [40, 60, 60, 80], [30, 60, 60, 80], [0, 0, 100, 100], [0, 0, 50, 50]],
        np.float32,
    )
    assert corner.holds(rectangles, 100, 100, 0.5).tolist() == [True, True, False, True, False]
    assert WHOLE.holds(rectangles, 100, 100, 1).all()
    assert not corner.holds(np.zeros((1, 4), np.float32), 100, 100, 0.5).any()

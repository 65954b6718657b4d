"""Failures of a batch, told once for each kind."""

import pytest

from oneclick.core import results

FAILED = {
    "none": ({}, {}),
    "one": ({"a": "a: no"}, {"a": "a: no"}),
    "two kinds": ({"a": "a: no", "b": "b: never"}, {"a": "a: no", "b": "b: never"}),
    "names, paths and numbers": (
        {"1.jpg": "/x/1.jpg: id 3 is odd", "2.jpg": "/y/z/2.jpg: id 44 is odd"},
        {"1.jpg": "/x/1.jpg: id 3 is odd (1 more like it: 2.jpg)"},
    ),
    "many": (
        {f"s{k}": f"line {k}: no number" for k in range(3000)},
        {"s0": "line 0: no number (2,999 more like it: s1, s2, s3, s4, s5, …)"},
    ),
}


@pytest.mark.parametrize("case", FAILED)
def test_reasons_of_one_kind_are_one_line(case: str) -> None:
    failed, lines = FAILED[case]
    assert results.by_kind(failed) == lines

"""The list of slower tests names files and tests that exist."""

from __future__ import annotations

import pytest

from tests import fast


@pytest.mark.parametrize("name", sorted(fast.SLOWER))
def test_each_slower_name_exists(name: str) -> None:
    path, _, test = name.partition("::")
    assert not test or f"def {test}(" in (fast.HERE / path).read_text()
    assert (fast.HERE / path).is_file()


@pytest.mark.parametrize("name", sorted(fast.FAST))
def test_each_fast_name_exists(name: str) -> None:
    assert (fast.HERE / name).exists()

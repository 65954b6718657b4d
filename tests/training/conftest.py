"""Trainings here end sooner."""

from collections.abc import Iterator

import pytest

from tests.training import toy


@pytest.fixture(scope="package", autouse=True)
def hasty_profile() -> Iterator[None]:
    with toy.hasty_profile():
        yield

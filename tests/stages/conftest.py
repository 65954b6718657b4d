"""Trainings here end sooner, and start from one workspace."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from oneclick.stages import publish
from tests.stages import accepted
from tests.training import toy


@pytest.fixture(scope="package", autouse=True)
def hasty_profile() -> Iterator[None]:
    with toy.hasty_profile():
        yield


@pytest.fixture(scope="package")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Publish two clips, one of each side; each test changes a copy."""
    home = tmp_path_factory.mktemp("published")
    clips = accepted.accept(home, {"cam-1-a": "train", "cam-1-b": "test"})
    publish.publish(home, clips, "", ("person",))
    return home

"""A workspace with a clip at every stage."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.catalog import samples


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample workspace; not to be changed."""
    home = tmp_path_factory.mktemp("furnished")
    samples.furnish(home)
    return home


@pytest.fixture
def home(furnished: Path, tmp_path: Path) -> Path:
    """A copy of the sample workspace."""
    return shutil.copytree(furnished, tmp_path / "home")

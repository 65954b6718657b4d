"""Other people's packages, installed for one test as pip leaves them on disk."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from oneclick.core import plugins


class Install(Protocol):
    """Installs a package of one module with entry points."""

    def __call__(self, package: str, source: str, names: dict[str, str], group: str) -> None:
        """Install `package` 1.2.

        Args:
            source: text of its module.
            names: attribute of the module by entry point.
            group: entry point group.
        """


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Yield a function that installs packages; they are gone after the test."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    plugins.refresh()
    modules = []

    def install(package: str, source: str, names: dict[str, str], group: str) -> None:
        module = package.replace("-", "_")
        modules.append(module)
        (folder / f"{module}.py").write_text(source)
        info = folder / f"{module}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.2\n")
        lines = [f"{name} = {module}:{attribute}" for name, attribute in names.items()]
        (info / "entry_points.txt").write_text("\n".join([f"[{group}]", *lines, ""]))
        plugins.refresh()

    yield install
    plugins.refresh()
    for module in modules:
        sys.modules.pop(module, None)

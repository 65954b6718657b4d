"""The plug-ins of the how-to pages, written as they stand there: they load and pass their tests."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

from oneclick.core import plugins
from tests.docs.pages import ROOT, Page

pytestmark = pytest.mark.e2e

PAGES = [Page(path) for path in sorted((ROOT / "docs" / "how-to").glob("plugin-*.md"))]


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of all pages, and what an installer makes of their metadata."""
    folder = tmp_path_factory.mktemp("acme")
    entries: dict[str, list[str]] = {}
    for page in PAGES:
        for name, text in page.files().items():
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, "utf-8")
        metadata = tomllib.loads(page.files()["pyproject.toml"])["project"]
        for group, names in metadata["entry-points"].items():
            entries[group] = [f"{name} = {reference}" for name, reference in names.items()]
    info = folder / "acme_oneclick-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-oneclick\nVersion: 1.0\n")
    lines = [line for group, names in entries.items() for line in (f"[{group}]", *names)]
    (info / "entry_points.txt").write_text("\n".join(lines))
    assert set(entries) == set(plugins.KINDS)
    return folder


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path.stem)
def test_an_installer_finds_the_files_of_a_page(page: Page, tmp_path: Path) -> None:
    for name, text in page.files().items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    (wheel,) = WheelBuilder(str(tmp_path)).build(directory=str(tmp_path / "dist"))
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    modules = [name for name in page.files() if name.startswith("acme_oneclick/")]
    assert len(modules) == 2
    assert names[:2] == sorted(modules)
    assert "acme_oneclick-1.0.dist-info/entry_points.txt" in names


def python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "ONECLICK"))}
    paths = os.pathsep.join(map(str, (folder, ROOT)))
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )


def test_their_own_tests_pass(package: Path) -> None:
    names = [name for page in PAGES for name in page.files() if name.startswith("tests/")]
    assert len(names) == len(PAGES)
    process = python(
        package, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, *names
    )
    assert process.returncode == 0, process.stdout + process.stderr


def test_the_doctor_has_a_good_row_for_each_and_for_the_settings_of_the_platform(
    package: Path,
) -> None:
    process = python(package, "-m", "oneclick", "doctor")
    rows = [line for line in process.stdout.splitlines() if "acme-oneclick 1.0" in line]
    assert len(rows) == len(plugins.KINDS), process.stdout + process.stderr
    assert [row for row in rows if not row.startswith("ok")] == []
    assert "notes in /shared/notes: 0 clips wait" in process.stdout

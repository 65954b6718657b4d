"""The wheel and the source distribution hold all of the product, once, and nothing else."""

from __future__ import annotations

import ast
import tarfile
from pathlib import Path
from zipfile import ZipFile

import pytest
import yaml
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder

import oneclick

ROOT = Path(__file__).parents[2]
LINKED = {"flows": "oneclick/flows", "tui": "oneclick/tui"}
"""Folders at the top of a checkout, and where the wheel holds them."""
LEFT_OUT = ("tui/pictures/",)
"""Pictures of the README."""


def build_wheel(root: Path, folder: Path) -> dict[str, bytes]:
    """Build the wheel of a source tree; return its files by name."""
    (path,) = WheelBuilder(str(root)).build(directory=str(folder), versions=["standard"])
    with ZipFile(path) as wheel:
        assert len(wheel.namelist()) == len({*wheel.namelist()}), "a name is there twice"
        return {name: wheel.read(name) for name in wheel.namelist()}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return build_wheel(ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the unpacked source distribution."""
    folder = tmp_path_factory.mktemp("sdist")
    (path,) = SdistBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    with tarfile.open(path) as archive:
        archive.extractall(folder, filter="data")
    return folder / Path(path).name.removesuffix(".tar.gz")


def source_files() -> dict[str, Path]:
    """Return the files of the product by the name that each should have in the wheel."""
    names = {}
    for top in ("oneclick", *LINKED):
        for path in (ROOT / top).rglob("*"):  # does not follow the links
            name = path.relative_to(ROOT).as_posix()
            if path.is_file() and "__pycache__" not in path.parts and not name.startswith(LEFT_OUT):
                names[name.replace(top, LINKED.get(top, top), 1)] = path
    return names


def test_the_wheel_holds_every_file_of_the_product_and_no_other(wheel: dict[str, bytes]) -> None:
    product = {name for name in wheel if ".dist-info/" not in name}
    assert product == source_files().keys()


def test_nothing_but_oneclick_is_importable_from_the_wheel(wheel: dict[str, bytes]) -> None:
    tops = {name.split("/")[0] for name in wheel}
    assert tops == {"oneclick", f"oneclick-{oneclick.__version__}.dist-info"}
    assert "oneclick/py.typed" in wheel


def test_the_wheel_is_small(wheel: dict[str, bytes]) -> None:
    assert max(map(len, wheel.values())) < 100_000


def test_the_source_distribution_gives_the_same_wheel(
    sdist: Path, wheel: dict[str, bytes], tmp_path: Path
) -> None:
    assert build_wheel(sdist, tmp_path) == wheel


def test_deployments_travel_with_the_flows_that_they_name(wheel: dict[str, bytes]) -> None:
    text = wheel["oneclick/flows/prefect.yaml"]
    assert text == (ROOT / "prefect.yaml").read_bytes()
    for deployment in yaml.safe_load(text)["deployments"]:
        module, flow = deployment["entrypoint"].rsplit(".", 1)
        assert f"def {flow}(".encode() in wheel[f"{module.replace('.', '/')}.py"]


def top_level_imports(source: str) -> set[str]:
    """Return the first names of what a module imports absolutely."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


def test_no_module_imports_a_linked_folder_by_its_name_at_the_top() -> None:
    assert top_level_imports("import flows.train\nfrom tui import app") == LINKED.keys()
    assert top_level_imports("import oneclick.flows\nfrom . import tui") == {"oneclick"}
    for top in ("oneclick", "flows", "tui", "tests", "examples"):
        for path in (ROOT / top).rglob("*.py"):
            assert not top_level_imports(path.read_text("utf-8")) & LINKED.keys(), path

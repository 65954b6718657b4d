"""The commands of README and docs run as they stand, page by page, in order."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from oneclick import ward
from tests.docs.pages import ROOT, Page, written_pages
from tests.docs.shell import Shell

pytestmark = pytest.mark.e2e

README = Page(ROOT / "README.md")
SMALL = {
    "ONECLICK_DETECT__PREDICTOR": "opencv:motion",
    "ONECLICK_DETECT__RIVAL": "",
    "ONECLICK_TRIGGERS__MIN_CLIPS": "4",
    "ONECLICK_TRIGGERS__CLIP_SECONDS": "1",
    "ONECLICK_TRIGGERS__GAP": "0.5",
    "ONECLICK_TRAIN__STEPS": "2",
    "ONECLICK_TRAIN__BATCH": "2",
    "ONECLICK_TRAIN__WORKERS": "0",
    "ONECLICK_TRAIN__MIN_TEST_IMAGES": "1",
}
"""A lap that takes seconds."""
ELSEWHERE = {
    r"(uv run )?pytest\b": "the tests that this is one of",
    r"pip install\b": "needs a package index",
    r"uv (build|sync)\b": "needs a package index",
    r"oneclick demo\b": "minutes; tests/flows runs a short one of --review",
    r"oneclick review serve\b": "serves until Ctrl-C; tests/web starts it and signs in",
    r"zensical\b": "CI builds the pages in a step of its own",
}
"""Commands that are not run here, and why."""
CODE = re.compile(r"#.*\bexit (\d+)")


def pages() -> list[Page]:
    return [page for page in written_pages() if runnable(page)]


def runnable(page: Page) -> list[str]:
    """Return the commands of a page to run; `uv run` only names the environment, which is ours."""
    lines = [line.removeprefix("uv run ") for line in page.commands()]
    return [line for line in lines if not any(re.match(pattern, line) for pattern in ELSEWHERE)]


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    shell = Shell(tmp_path_factory.mktemp("bin"), SMALL)
    yield shell
    shell.close()


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the folder of the documentation: a video, and the detections of two models."""
    folder = tmp_path_factory.mktemp("desk")
    shift = ward.Shift(camera="ward_3", seed=3, seconds=12, width=240, height=144)
    ward.record(shift, folder / "ward-3.mp4")
    rng = np.random.default_rng(0)
    for name, left_out in (("det.txt", 20), ("det2.txt", 35)):
        walk = [f"{k},-1,{100 + 2 * k},80,40,90,{rng.uniform(0.4, 0.9):.2f}" for k in range(1, 61)]
        del walk[left_out : left_out + 2]
        (folder / name).write_text("\n".join(walk) + "\n")
    return folder


@pytest.fixture(scope="module")
def reader(
    shell: Shell, desk: Path, prefect_database: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Return a folder in which README was followed: the other pages go on from there."""
    folder = tmp_path_factory.mktemp("reader") / "desk"
    shutil.copytree(desk, folder)
    (folder / "workspace" / ".prefect").mkdir(parents=True)
    shutil.copy(prefect_database, folder / "workspace" / ".prefect")
    run(README, shell, folder)
    (weights,) = folder.glob("workspace/models/*/model.pt")
    # Two steps of training reach no floor, and no gate lets such a model into service.
    promoted = shell.run(f"oneclick models promote {weights.parent.name}", folder)
    assert promoted.code == 0, promoted.output
    return folder


def run(page: Page, shell: Shell, folder: Path) -> None:
    """Run the commands of a page; each ends with 0, or with the code that its comment names."""
    for line in runnable(page):
        stated = CODE.search(line)
        result = shell.run(line, folder)
        assert result.code == (int(stated[1]) if stated else 0), f"{line}\n{result.output}"
        assert "Traceback" not in result.output, f"{line}\n{result.output}"


def test_the_commands_of_the_readme_run(reader: Path) -> None:
    assert list(reader.glob("workspace/clips/ward_3/*/labels/0002-human.json"))
    assert (reader / "labels.txt").stat().st_size


@pytest.mark.parametrize(
    "page", [page for page in pages() if page != README], ids=lambda page: page.name
)
def test_the_commands_of_a_page_run(page: Page, shell: Shell, reader: Path, tmp_path: Path) -> None:
    folder = tmp_path / "desk"
    shutil.copytree(reader, folder, ignore=shutil.ignore_patterns(".prefect"))
    run(page, shell, folder)


def test_what_is_not_run_here_is_in_the_documentation() -> None:
    lines = [line.removeprefix("uv run ") for page in written_pages() for line in page.commands()]
    unused = [p for p in ELSEWHERE if not any(re.match(p, line) for line in lines)]
    assert unused == []

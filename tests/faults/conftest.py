"""Warm processes, and a workspace as it stands before each step of a lap."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from oneclick.storage import model_registry
from oneclick.storage.workspace import Workspace
from tests.faults import harness, laps
from tests.faults.harness import WarmProcesses

SIXTY_DAYS = 60 * 24 * 3600.0


@pytest.fixture(scope="session")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WarmProcesses]:
    """Start the process that imports what a lap without training needs."""
    processes = harness.start(tmp_path_factory.mktemp("shim"))
    yield processes
    processes.end()


DONE = "done"
"""Name of the folder after an undisturbed lap."""
END = "end"
"""Name of that folder with models, an old recording and a foreign dataset besides."""
TRAIN = "train"


@dataclass(frozen=True)
class Workshop:
    """Workspaces as they stand before each step of a lap, and the ends of undisturbed ones."""

    folder: Path
    warm: WarmProcesses
    ends: dict[str, dict[str, Any]] = field(default_factory=dict)

    def copy(self, step: str, target: Path) -> Path:
        """Copy the folder of a trial as it stands before a step, with the times of its files."""
        name = END if step in (*laps.OTHERS, END) else DONE if step == TRAIN else step
        shutil.copytree(self.folder / name, target)
        return target

    def steps_from(self, step: str) -> list[str]:
        """Return a step and what follows it in a lap."""
        names = list(laps.LAP)
        return names[names.index(step) :] if step in names else [step]

    def after(self, step: str, folder: Path) -> dict[str, Any]:
        """Return the end state of a step that nothing disturbs."""
        if step not in self.ends:
            is_kept = step in laps.LAP  # as it stands before the next step
            following = [*self.steps_from(step), DONE][1] if is_kept else step
            root = self.copy(following, folder / f"after-{step}")
            self.ends[step] = self.warm.value(laps.finish, root, [] if is_kept else [step])
            shutil.rmtree(root)
        return self.ends[step]


@pytest.fixture(scope="session")
def workshop(warm: WarmProcesses, tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """Make a lap once, and keep a copy of the workspace before each step."""
    folder = tmp_path_factory.mktemp("workshop")
    warm.value(prepare, folder)
    return Workshop(folder, warm)


def prepare(folder: Path) -> None:
    """Make a lap; copy its folder before each step and at the end."""
    root, source = folder / "lap", folder / "ward_20260105T080000Z.mp4"
    laps.film(source)
    root.mkdir()
    (root / "source.txt").write_text(str(source))
    for name, step in laps.LAP.items():
        shutil.copytree(root, folder / name)
        step(root)
    shutil.copytree(root, folder / DONE)
    home = root / "home"
    for name in ("first", "second", "third"):
        laps.add_model(home, name)
    for name in ("first", "second"):
        model_registry.promote(Workspace(home), name, "a test")
    laps.export_coco(root)
    (root / "export").rename(root / "foreign")
    (root / "oneclick.toml").write_text("# Ours.\n[triggers]\nseed = 3\n")
    for raw in home.glob("videos/*/*.mp4"):
        old = raw.stat().st_mtime - SIXTY_DAYS
        os.utime(raw, (old, old))
    shutil.copytree(root, folder / END)

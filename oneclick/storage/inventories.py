"""Which files a folder must hold: a list of their paths, by which a lost one is noticed.

inventories/receipts.json        receipts of erasures
inventories/late-verdicts.json   verdicts that came after another one
inventories/exclusions.json      clips that were taken out of datasets
inventories/registries.json      models in service
inventories/novelty-models.json  what each camera usually shows
inventories/incidents.json       spans of video that are kept from retention
inventories/second-looks.json    second looks that were offered, done and settled

Only files are listed that nothing else tells of: the catalog has a row for each of the others. A
list grows after the file was written; what a killed process left out of it is listed with the next
file.
"""

from __future__ import annotations

import enum
from pathlib import Path

import msgspec

from oneclick.core.errors import BadInput
from oneclick.storage import files, locks, sealed_archives, sealed_files
from oneclick.storage.workspace import Workspace

BROKEN = ".broken"
"""Suffix of a broken list that was begun anew, beside the new one."""


class Inventory(enum.Enum):
    """A folder whose files are listed: the pattern of their paths below the workspace."""

    RECEIPTS = "review/receipts/*.json"
    LATE_VERDICTS = "review/late/*.json"
    EXCLUSIONS = "datasets/excluded/*.json"
    REGISTRIES = "models/*.json"
    NOVELTY_MODELS = "novelty/*/*.pt"
    INCIDENTS = "incidents/*.json"
    SECOND_LOOKS = "review/second/[los]*/*.json"

    def path(self, workspace: Workspace) -> Path:
        """Return the file of the list."""
        return workspace.inventories_dir / f"{self.name.lower().replace('_', '-')}.json"

    def files(self, workspace: Workspace) -> list[Path]:
        """Return the files that the folder holds now, sorted."""
        return sorted(
            path for path in workspace.home.glob(self.value) if not path.name.startswith(".")
        )


class _PathList(msgspec.Struct, frozen=True):
    files: list[str]
    """Below the workspace."""


def update(workspace: Workspace, inventory: Inventory) -> None:
    """List the files that the folder holds now, besides those listed before.

    A broken list is begun anew.

    Raises:
        NoSpace, Unavailable: the list cannot be written.
    """
    path, home = inventory.path(workspace), workspace.home
    if not path.exists() and not inventory.files(workspace):
        return
    with locks.file_lock(workspace.locks_dir / "inventories"):
        try:
            listed = _read(path)
        except BadInput:
            with files.guard(path):
                path.replace(path.with_name(path.name + BROKEN))
            listed = []
        present = (file.relative_to(home).as_posix() for file in inventory.files(workspace))
        paths = sorted({*listed, *present})
        if paths != listed:
            sealed_files.write(path, _PathList(paths))


def lost_files(workspace: Workspace, inventory: Inventory) -> list[Path]:
    """Return the files that are listed and not there, sorted; none where the list is broken."""
    try:
        return missing_files(workspace, inventory)
    except BadInput:
        return []  # named by oneclick catalog verify


def missing_files(workspace: Workspace, inventory: Inventory) -> list[Path]:
    """Return the files that are listed and not there, sorted.

    Raises:
        BadInput: the list is broken, or missing beside files that were listed.
    """
    path, present = inventory.path(workspace), inventory.files(workspace)
    # Files of earlier versions have neither a seal nor a list.
    if not path.exists() and any(map(_is_sealed, present)):
        raise BadInput(f"{path} is missing: restore it, or it is begun anew with the next file")
    return sorted({workspace.home / name for name in _read(path)} - {*present})


def _read(path: Path) -> list[str]:
    if not path.exists():
        return []
    paths: _PathList = sealed_files.read(path, _PathList)
    return paths.files


def _is_sealed(path: Path) -> bool:
    return sealed_files.is_sealed(path) or sealed_archives.is_sealed(path)

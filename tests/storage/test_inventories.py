"""A lost file that nothing else tells of is noticed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from oneclick.core.errors import BadInput
from oneclick.storage import files, inventories, sealed_files
from oneclick.storage.inventories import Inventory
from oneclick.storage.workspace import Workspace

RECEIPTS = Inventory.RECEIPTS


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    for name in ("a", "b"):
        sealed_files.write(tmp_path / "review" / "receipts" / f"{name}.json", {"clip": name})
    return Workspace(tmp_path)


def test_a_removed_file_is_missed_for_ever(workspace: Workspace) -> None:
    inventories.update(workspace, RECEIPTS)
    assert inventories.missing_files(workspace, RECEIPTS) == []
    lost = workspace.receipts_dir() / "a.json"
    lost.unlink()
    assert inventories.missing_files(workspace, RECEIPTS) == [lost]
    inventories.update(workspace, RECEIPTS)
    assert inventories.missing_files(workspace, RECEIPTS) == [lost]


def test_what_a_kill_left_out_is_listed_with_the_next_file(workspace: Workspace) -> None:
    inventories.update(workspace, RECEIPTS)
    sealed_files.write(workspace.receipts_dir() / "c.json", {"clip": "c"})
    assert inventories.missing_files(workspace, RECEIPTS) == []
    sealed_files.write(workspace.receipts_dir() / "d.json", {"clip": "d"})
    inventories.update(workspace, RECEIPTS)
    (workspace.receipts_dir() / "c.json").unlink()
    assert [path.name for path in inventories.missing_files(workspace, RECEIPTS)] == ["c.json"]


def test_an_empty_folder_has_no_list(tmp_path: Path) -> None:
    inventories.update(Workspace(tmp_path), RECEIPTS)
    assert list(tmp_path.iterdir()) == []
    assert inventories.missing_files(Workspace(tmp_path), RECEIPTS) == []


def test_files_in_folders_of_their_own_are_listed_too(tmp_path: Path) -> None:
    workspace, inventory = Workspace(tmp_path), Inventory.NOVELTY_MODELS
    models = [workspace.novelty_model(camera, "gan") for camera in ("hall", "ward")]
    for path in models:
        files.write_atomic(path, b"model")
    inventories.update(workspace, inventory)
    models[1].unlink()
    assert inventories.missing_files(workspace, inventory) == models[1:]


def test_of_several_at_once_all_are_listed(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)

    def write(number: int) -> None:
        files.write_json(workspace.receipts_dir() / f"{number}.json", {})
        inventories.update(workspace, RECEIPTS)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(24)))
    for path in workspace.receipts_dir().iterdir():
        path.unlink()
    assert len(inventories.missing_files(workspace, RECEIPTS)) == 24


def test_a_lost_list_is_noticed_and_begun_anew(workspace: Workspace) -> None:
    with pytest.raises(BadInput, match=r"receipts\.json is missing"):
        inventories.missing_files(workspace, RECEIPTS)
    assert inventories.lost_files(workspace, RECEIPTS) == []
    inventories.update(workspace, RECEIPTS)
    assert inventories.missing_files(workspace, RECEIPTS) == []


def test_files_of_earlier_versions_need_no_list(tmp_path: Path) -> None:
    files.write_json(tmp_path / "review" / "receipts" / "a.json", {"clip": "a"})
    assert inventories.missing_files(Workspace(tmp_path), RECEIPTS) == []


def test_a_broken_list_is_noticed_and_stays_beside_the_new_one(workspace: Workspace) -> None:
    inventories.update(workspace, RECEIPTS)
    path = RECEIPTS.path(workspace)
    path.write_text(path.read_text().replace("a.json", "x.json"))
    with pytest.raises(BadInput, match="was changed after it was written"):
        inventories.missing_files(workspace, RECEIPTS)
    inventories.update(workspace, RECEIPTS)
    assert inventories.missing_files(workspace, RECEIPTS) == []
    assert "x.json" in path.with_name(path.name + inventories.BROKEN).read_text()

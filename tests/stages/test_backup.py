"""A backup holds every file once, and a restored workspace is the one that was backed up."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from oneclick.catalog import Catalog, owner_id, verify
from oneclick.core.clips import ClipStage
from oneclick.core.errors import BadInput, Unavailable, UnknownName, UsageError
from oneclick.feedback import video_counts
from oneclick.platforms.local import LocalPlatform
from oneclick.services import backup_store
from oneclick.services.backup_store import BackupStore
from oneclick.stages import backup as stage
from oneclick.stages import reopen, review
from oneclick.storage import files, labels, locks, sealed_files
from oneclick.storage.locks import WriteLock
from oneclick.storage.workspace import Workspace
from oneclick.video import index_files
from tests import full_disk
from tests.catalog import samples
from tests.catalog.samples import everything


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("furnished") / "workspace"
    samples.furnish(home)
    return home


@pytest.fixture
def home(furnished: Path, tmp_path: Path) -> Path:
    return shutil.copytree(furnished, tmp_path / "home")


@pytest.fixture
def store(tmp_path: Path) -> str:
    return str(tmp_path / "store")


def content(home: Path) -> dict[str, str]:
    """Digest of each file that a backup holds; the catalog is compared row by row."""
    paths = [path for path in home.rglob("*") if path.is_file()]
    left_out = ("catalog.sqlite", "generation.json", "locks")
    return {
        name: files.sha256(path)
        for path in paths
        if not (name := path.relative_to(home).as_posix()).startswith(left_out)
    }


def test_a_restored_workspace_equals_the_one_that_was_backed_up(
    home: Path, store: str, tmp_path: Path
) -> None:
    before, told = content(home), everything(home)
    result = stage.backup(home, store)
    restored = stage.restore(tmp_path / "restored", store)
    assert (restored.problems, restored.newer) == ([], [])
    assert restored.files == result.files
    assert content(tmp_path / "restored") == before
    assert everything(tmp_path / "restored") == told
    assert (tmp_path / "restored").stat().st_mode & 0o077 == 0
    with Catalog.open(home) as old, Catalog.open(tmp_path / "restored") as new:
        assert new.events() == old.events()


def test_a_second_backup_stores_only_what_is_new(home: Path, store: str) -> None:
    first = stage.backup(home, store)
    assert first.new_files > 20
    files.write_atomic(home / "clips" / "note.json", "new")
    second = stage.backup(home, store)
    # Besides: the catalog and its generation, which every opening to write changes.
    assert 1 <= second.new_files <= 3
    assert second.files == first.files + 1
    assert BackupStore(store).check() == []


def test_an_older_backup_says_what_came_after_it(home: Path, store: str, tmp_path: Path) -> None:
    first = stage.backup(home, store).name
    receipt = Workspace(home).receipts_dir() / "clip-1.json"
    files.write_json(receipt, {"clip": "clip-1"})
    stage.backup(home, store)
    result = stage.restore(tmp_path / "restored", store, first)
    assert [line.partition(" of ")[0] for line in result.newer] == [
        "erasure review/receipts/clip-1.json"
    ]
    over = stage.restore(home, store, first, replace=True)
    assert over.newer == result.newer or str(over.aside) in over.newer[0]
    assert over.aside is not None
    assert (over.aside / receipt.relative_to(home)).exists()
    assert not receipt.exists()


def test_verdicts_that_come_in_during_a_backup_are_in_it_or_after_it(
    home: Path, store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The verdict is collected between the copy of the catalog and that of the files."""
    clip = samples.clip(3)
    assert LocalPlatform(Workspace(home).review_dir()).submit(samples.verdict(clip))
    copy = stage.BackupWriter.copy_catalog

    def copy_then_collect(writer: stage.BackupWriter, path: Path) -> None:
        copy(writer, path)
        assert review.collect(home).done == [clip.id]

    monkeypatch.setattr(stage.BackupWriter, "copy_catalog", copy_then_collect)
    stage.backup(home, store)
    result = stage.restore(tmp_path / "restored", store)
    assert result.problems == []
    with Catalog.open(tmp_path / "restored") as catalog:
        assert catalog.clip(clip.id).stage == "ACCEPTED"
        assert verify.verify(catalog) == []


@pytest.mark.parametrize("place", ["review/tasks/", "clips/", "review/archive/"])
def test_a_clip_that_is_decided_during_a_backup_is_in_it(
    home: Path, store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """The verdict is submitted and collected when the backup reaches a folder."""
    clip, list_files = samples.clip(3), stage.BackupWriter.list_files
    queue = LocalPlatform(Workspace(home).review_dir())

    def list_and_decide(writer: stage.BackupWriter, videos: bool) -> Iterator[str]:
        for name in list_files(writer, videos):
            if name.startswith(place) and queue.has(clip.id):
                assert queue.submit(samples.verdict(clip))
                assert review.collect(home).done == [clip.id]
            yield name

    monkeypatch.setattr(stage.BackupWriter, "list_files", list_and_decide)
    stage.backup(home, store)
    assert not queue.has(clip.id)
    restored = tmp_path / "restored"
    assert stage.restore(restored, store).problems == []
    with Catalog.open(restored) as catalog:
        is_accepted = catalog.clip(clip.id).stage == "ACCEPTED"
        assert verify.verify(catalog) == []
    is_waiting = LocalPlatform(Workspace(restored).review_dir()).is_open(clip.id)
    assert is_accepted != is_waiting


def test_a_clip_that_is_reopened_during_a_backup_waits_with_its_newest_labels(
    home: Path, store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip, list_files = samples.clip(3), stage.BackupWriter.list_files
    queue = LocalPlatform(Workspace(home).review_dir())

    def list_and_reopen(writer: stage.BackupWriter, videos: bool) -> Iterator[str]:
        for name in list_files(writer, videos):
            if name.startswith("clips/") and not queue.is_reopened(clip.id):
                assert queue.submit(samples.verdict(clip))
                assert review.collect(home).done == [clip.id]
                reopen.reopen(home, clip.id, "lea", "a second look")
            yield name

    monkeypatch.setattr(stage.BackupWriter, "list_files", list_and_reopen)
    stage.backup(home, store)
    assert stage.restore(tmp_path / "restored", store).problems == []
    again = LocalPlatform(Workspace(tmp_path / "restored").review_dir())
    assert again.is_open(clip.id)
    assert again.task_file(clip.id).read_bytes() == queue.task_file(clip.id).read_bytes()


@pytest.mark.parametrize("damage", ["gone", "changed"])
def test_a_damaged_backup_restores_the_rest_and_names_the_file(
    home: Path, store: str, tmp_path: Path, damage: str
) -> None:
    stage.backup(home, store)
    label = next(home.glob("clips/*/*/labels/0002-human.json"))
    stored = Path(store) / backup_store.object_name(files.sha256(label))
    stored.unlink() if damage == "gone" else stored.write_bytes(b"other")
    name = label.relative_to(home).as_posix()
    assert [line.partition(":")[0] for line in BackupStore(store).check()] == [name]
    result = stage.restore(tmp_path / "restored", store)
    assert result.problems[0].startswith(f"{name}: ")
    with Catalog.open(tmp_path / "restored") as catalog:
        assert len(catalog.clips()) == 9
    # The archived verdict says that the labels stood as they were sent: they are made again.
    assert labels.load(tmp_path / "restored" / name).kind == "human"


def damaged_object(home: Path, store: str) -> Path:
    label = next(home.glob("clips/*/*/labels/0002-human.json"))
    return Path(store) / backup_store.object_name(files.sha256(label))


@pytest.mark.parametrize(
    "damage", [Path.unlink, lambda path: path.write_bytes(b"")], ids=["gone", "cut off"]
)
def test_the_next_backup_stores_again_what_is_not_there(
    home: Path, store: str, damage: Callable[[Path], object]
) -> None:
    stage.backup(home, store)
    path = damaged_object(home, store)
    data = path.read_bytes()
    damage(path)
    again = stage.backup(home, store)
    assert again.new_bytes >= len(data)
    assert path.read_bytes() == data
    assert BackupStore(store).check() == []


def test_the_next_backup_stores_again_what_a_check_found_damaged(home: Path, store: str) -> None:
    stage.backup(home, store)
    path = damaged_object(home, store)
    data = path.read_bytes()
    path.write_bytes(data[::-1])
    (problem,) = BackupStore(store).check()
    assert problem.endswith("is damaged; back up again")
    stage.backup(home, store)
    assert path.read_bytes() == data
    assert BackupStore(store).check() == []
    assert BackupStore(store).damaged() == set()


def test_a_broken_list_of_damage_makes_the_next_backup_whole(home: Path, store: str) -> None:
    earlier = stage.backup(home, store)
    (Path(store) / backup_store.DAMAGED).write_text("no list")
    assert stage.backup(home, store).new_files >= earlier.new_files
    assert BackupStore(store).damaged() == set()


def test_wrong_use_is_told_in_one_line(home: Path, store: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"^{store} holds no backup"):
        stage.restore(tmp_path / "restored", store)
    with pytest.raises(BadInput, match="no workspace"):
        stage.backup(tmp_path / "nothing", store)
    with pytest.raises(UsageError, match="inside the workspace"):
        stage.backup(home, str(home / "copies"))
    stage.backup(home, store)
    with pytest.raises(UsageError, match="not empty"):
        stage.restore(home, store)
    with pytest.raises(UnknownName, match="20200101"):
        stage.restore(tmp_path / "restored", store, "20200101")
    assert not (tmp_path / "restored").exists()


def test_a_full_disk_is_told_in_one_line_and_leaves_no_half(home: Path, store: str) -> None:
    size = (home / "catalog.sqlite").stat().st_size
    with full_disk.writes_up_to(size // 2), pytest.raises(Unavailable) as excinfo:
        stage.backup(home, store)
    assert "\n" not in str(excinfo.value)
    assert not list(home.glob(".*"))
    assert BackupStore(store).names() == []
    stage.backup(home, store)
    assert BackupStore(store).check() == []


def test_a_restore_that_was_interrupted_between_two_folders_is_told(home: Path, store: str) -> None:
    """The old workspace is moved aside, the new one is not in its place: none is made instead."""
    told = everything(home)
    stage.backup(home, store)
    home.rename(home.with_name(f"{home.name}.before-restore-20260301T120000Z"))
    for readonly in (True, False):
        with pytest.raises(
            Unavailable, match=r"a restore was interrupted: run it again, or rename"
        ):
            Catalog.open(home, readonly=readonly)
    assert not home.exists()
    assert stage.restore(home, store, replace=True).problems == []
    assert everything(home) == told


@pytest.mark.parametrize("lock", WriteLock)
def test_nobody_restores_over_a_workspace_in_which_somebody_works(
    home: Path, store: str, lock: WriteLock
) -> None:
    stage.backup(home, store)
    with ThreadPoolExecutor(1) as other, locks.hold(Workspace(home), lock):
        restoring = other.submit(stage.restore, home, store, replace=True)
        with pytest.raises(Unavailable, match=f"holds the lock '{lock.value}'"):
            restoring.result()
    assert [path.name for path in home.parent.iterdir() if path.name != "store"] == [home.name]


def test_nobody_restores_over_clips_that_somebody_works_on(home: Path, store: str) -> None:
    stage.backup(home, store)
    with Catalog.open(home) as catalog:
        catalog.claim(ClipStage.CUT, owner_id(), 1, 60)
        with pytest.raises(Unavailable, match="works on 1 clips now"):
            stage.restore(home, store, replace=True)
        catalog.release(owner_id())
    (home / "catalog.sqlite").write_bytes(b"no catalog")  # the reason to restore
    assert stage.restore(home, store, replace=True).problems == []


def test_indexes_of_recordings_stay_out(home: Path, store: str) -> None:
    film = home / "videos" / "ward" / "ward-0.mp4"
    files.write_atomic(film, b"film")
    index_files.path_of(film).write_bytes(b"index")
    stage.backup(home, store)
    assert not [name for name in BackupStore(store).read().files if "index" in name]


def test_counts_that_are_computed_again_stay_out(home: Path, store: str) -> None:
    for folder in (video_counts.FOLDER, "predictions"):
        files.write_atomic(home / folder / "ward-0" / "counts", b"{}")
    stage.backup(home, store)
    names = BackupStore(store).read().files
    assert "predictions/ward-0/counts" in names
    assert not [name for name in names if name.startswith(video_counts.FOLDER)]


def test_raw_recordings_may_stay_out(home: Path, store: str) -> None:
    files.write_atomic(home / "videos" / "ward" / "ward-0.mp4", b"film")
    stage.backup(home, store, videos=False)
    names = BackupStore(store).read().files
    assert "videos/ward/ward-0.json" in names
    assert "videos/ward/ward-0.mp4" not in names


def test_a_path_that_leads_out_of_the_workspace_is_not_written(
    home: Path, store: str, tmp_path: Path
) -> None:
    result = stage.backup(home, store)
    path = Path(store) / "backups" / f"{result.name}.json"
    manifest: dict[str, Any] = sealed_files.read(path)
    manifest["files"]["../out.json"] = manifest["files"].pop("videos/ward/ward-0.json")
    sealed_files.write(path, manifest)
    restored = stage.restore(tmp_path / "restored", store)
    assert any("leads out" in problem for problem in restored.problems)
    assert not (tmp_path / "out.json").exists()


def test_a_backup_whose_list_of_files_is_broken_stops_no_later_one(home: Path, store: str) -> None:
    first = stage.backup(home, store)
    path = Path(store) / "backups" / f"{first.name}.json"
    path.write_text(path.read_text().replace('"mode": 384', '"mode": 511').replace("420", "511"))
    with pytest.raises(BadInput, match="was changed after it was written"):
        BackupStore(store).read()
    second = stage.backup(home, store)
    assert second.files == first.files
    assert BackupStore(store).check() == []

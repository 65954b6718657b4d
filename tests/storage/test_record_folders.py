"""A folder of records is read again when it changed, and only then."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from oneclick.storage import record_folders, sealed_files


class Count(msgspec.Struct, frozen=True):
    """A record."""

    value: int


def test_a_change_is_seen_and_broken_files_are_left_out(tmp_path: Path) -> None:
    assert record_folders.read_all(tmp_path / "none", Count) == []
    sealed_files.write(tmp_path / "a.json", Count(1))
    assert record_folders.read_all(tmp_path, Count) == [Count(1)]
    sealed_files.write(tmp_path / "b.json", Count(2))
    (tmp_path / "c.json").write_text("{")
    (tmp_path / ".d.json").write_text("{}")
    assert record_folders.read_all(tmp_path, Count) == [Count(1), Count(2)]
    sealed_files.write(tmp_path / "a.json", Count(3))
    assert record_folders.read_all(tmp_path, Count) == [Count(3), Count(2)]


def test_a_folder_at_rest_is_not_read_again(tmp_path: Path) -> None:
    sealed_files.write(tmp_path / "a.json", Count(1))
    os.utime(tmp_path, (1e9, 1e9))
    first = record_folders.read_all(tmp_path, Count)
    (tmp_path / "a.json").write_bytes(sealed_files.encode(Count(2)))  # the folder is as it was
    os.utime(tmp_path, (1e9, 1e9))
    again = record_folders.read_all(tmp_path, Count)
    assert again == first == [Count(1)]
    again.clear()
    assert record_folders.read_all(tmp_path, Count) == [Count(1)]


def test_a_new_file_does_not_make_the_others_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names, read = list[str](), sealed_files.read

    def noted(path: Path, type: type[Count]) -> Count:
        names.append(path.name)
        return read(path, type)

    monkeypatch.setattr(sealed_files, "read", noted)
    sealed_files.write(tmp_path / "a.json", Count(1))
    (tmp_path / "b.json").write_text("{")
    record_folders.read_all(tmp_path, Count)
    sealed_files.write(tmp_path / "c.json", Count(3))
    assert record_folders.read_all(tmp_path, Count) == [Count(1), Count(3)]
    assert names == ["a.json", "b.json", "c.json"]
    (tmp_path / "a.json").unlink()
    assert record_folders.read_all(tmp_path, Count) == [Count(3)]

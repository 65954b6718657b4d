from __future__ import annotations

import errno
import fcntl
import os
import shutil
from pathlib import Path

import pytest

from oneclick import video
from oneclick.core.errors import NoSpace
from oneclick.storage import bulk_files
from tests.video import recorders


def test_a_copy_shares_nothing_with_its_source(tmp_path: Path) -> None:
    source, target = tmp_path / "a", tmp_path / "deep" / "b"
    source.write_bytes(b"one")
    bulk_files.copy(source, target)
    source.write_bytes(b"two")
    assert target.read_bytes() == b"one"
    bulk_files.copy(source, target)
    assert target.read_bytes() == b"two"
    assert [path.name for path in target.parent.iterdir()] == ["b"]


def test_a_copy_onto_a_link_to_its_source_parts_the_two(tmp_path: Path) -> None:
    source, target = tmp_path / "a", tmp_path / "b"
    source.write_bytes(b"one")
    target.hardlink_to(source)
    bulk_files.copy(source, target)
    assert not source.samefile(target)


def _raise(number: int) -> None:
    raise OSError(number, os.strerror(number))


def test_a_full_disk_leaves_the_target_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = tmp_path / "a", tmp_path / "b"
    source.write_bytes(b"one")
    target.write_bytes(b"before")

    def full(*_: object) -> None:
        _raise(errno.ENOSPC)

    monkeypatch.setattr(shutil, "copyfileobj", full)
    monkeypatch.setattr(fcntl, "ioctl", lambda *_: _raise(errno.ENOTSUP))
    with pytest.raises(NoSpace):
        bulk_files.copy(source, target)
    assert target.read_bytes() == b"before"
    assert len(list(tmp_path.iterdir())) == 2


def test_every_frame_and_its_folder_is_flushed_when_extraction_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = tmp_path / "clip.mp4"
    video.write(clip, recorders.scene(7), 10.0)
    flushed: set[tuple[int, int]] = set()
    real = os.fsync

    def record(descriptor: int) -> None:
        status = os.fstat(descriptor)
        flushed.add((status.st_ino, status.st_size))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", record)
    out = tmp_path / "frames"
    assert video.extract(clip, out) == 7
    for path in (*out.iterdir(), out):
        status = path.stat()
        assert (status.st_ino, status.st_size) in flushed, path

"""Recordings of other machines: any file system, and bounds on what never ends."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import fsspec
import numpy as np
import pytest

from oneclick import video
from oneclick.stages import fetch


def record(path: Path) -> Path:
    """Write a small video."""
    video.write(path, (np.full((16, 16, 3), 90, np.uint8),) * 3, 5)
    return path


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def count_below(home: Path) -> int:
    """Count the files of recordings."""
    return sum(path.is_file() for path in (home / "videos").rglob("[!.]*"))


def test_recordings_come_from_any_file_system(home: Path, tmp_path: Path) -> None:
    source = record(tmp_path / "a.mp4")
    video.write(tmp_path / "b.mp4", (np.full((16, 16, 3), 60, np.uint8),) * 3, 5)
    memory = fsspec.filesystem("memory")
    memory.pipe("/bucket/room5/a.mp4", (tmp_path / "b.mp4").read_bytes())
    memory.pipe("/bucket/room6/b.mp4", b"broken")
    urls = ["memory://bucket", source.as_uri()]
    result = fetch.fetch(home, urls)
    assert [name.split("-")[0] for name in result.done] == ["room5", "a"]
    assert list(result.failed) == ["memory://bucket/room6/b.mp4"]
    again = fetch.fetch(home, urls)
    assert (again.done, again.skipped) == ([], result.done)
    memory.rm("/bucket", recursive=True)


def test_a_missing_package_is_named_and_keeps_no_other_source_from_being_fetched(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*args: object, **kwargs: object) -> None:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec.core, "url_to_fs", missing)
    result = fetch.fetch(home, ["s3://bucket/a.mp4", str(record(tmp_path / "a.mp4"))])
    assert len(result.done) == 1
    assert "s3fs" in result.failed["s3://bucket/a.mp4"]


class _Guarded(fsspec.AbstractFileSystem):  # type: ignore[misc]
    """A server that quotes the whole URL where it refuses to give a file."""

    protocol = "guarded"

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return path

    def unstrip_protocol(self, name: str) -> str:
        return name

    def info(self, path: str, **_: object) -> dict[str, object]:
        if "list" in path:
            raise FileNotFoundError(path)
        return {"name": path, "size": None, "type": "file"}

    def open(self, path: str, mode: str = "rb", **_: object) -> _Stream:
        raise ValueError(f"403, url={path!r}")


def test_a_password_or_token_of_a_source_stands_in_no_message_and_no_file(home: Path) -> None:
    fsspec.register_implementation("guarded", _Guarded, clobber=True)
    query = [f"guarded://nvr/clip.mp4?sig=hidden{number}" for number in (1, 2)]
    sources = ["guarded://me:hidden@nas/a.mp4", "guarded://me:hidden@nas/list", *query]
    result = fetch.fetch(home, sources)
    names = ["nas/list", "nas/a.mp4", "nvr/clip.mp4", "nvr/clip.mp4 (2)"]
    assert list(result.failed) == [f"guarded://{name}" for name in names]
    assert "hidden" not in str(result)
    contents = [path.read_bytes() for path in home.rglob("*") if path.is_file()]
    assert any(b"403, url='guarded://nas/a.mp4'" in content for content in contents)
    assert not any(b"hidden" in content for content in contents)


class _Stream(io.RawIOBase):
    """A recording of another machine that goes on for ever."""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return bytes(size)


class _LiveCamera(fsspec.AbstractFileSystem):  # type: ignore[misc]
    protocol = "live"
    size: int | None = None
    opened = 0

    def info(self, path: str, **_: object) -> dict[str, object]:
        return {"name": path, "size": self.size, "type": "file"}

    def open(self, path: str, mode: str = "rb", **_: object) -> _Stream:
        type(self).opened += 1
        return _Stream()


def test_a_source_that_never_ends_does_not_fill_the_disk(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsspec.register_implementation("live", _LiveCamera, clobber=True)
    good = record(tmp_path / "a.mp4")
    monkeypatch.setattr(fetch, "LEAST_FREE", shutil.disk_usage(tmp_path).free - (64 << 20))
    monkeypatch.setattr(fetch, "LEAST_FREE_SHARE", 1)
    result = fetch.fetch(home, ["live://ward/a.mp4", str(good)])
    assert len(result.done) == 1
    assert "live://ward/a.mp4 fills the disk: less than" in result.failed["live://ward/a.mp4"]
    assert count_below(home) == 3


@pytest.mark.parametrize("size", [None, 64_000_001])
def test_a_recording_of_another_machine_has_a_bound(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int | None
) -> None:
    fsspec.register_implementation("live", _LiveCamera, clobber=True)
    monkeypatch.setattr(_LiveCamera, "size", size)
    monkeypatch.setattr(_LiveCamera, "opened", 0)
    good = record(tmp_path / "a.mp4")
    result = fetch.fetch(home, ["live://ward/a.mp4", str(good)], max_gb=0.064)
    assert len(result.done) == 1
    assert result.failed["live://ward/a.mp4"] == (
        "live://ward/a.mp4 has more than 0.064 GB: raise max_source_gb, or give a recording that "
        "ends"
    )
    assert _LiveCamera.opened == (size is None), "one that tells its size is not read"
    assert count_below(home) == 3

"""Whatever one file or folder does, the others go in, and all that stays out is said."""

from __future__ import annotations

import contextlib
import errno
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from oneclick import video
from oneclick.core.source_options import SourceOptions
from oneclick.stages import fetch
from oneclick.video.recordings import Recording
from tests.cli.program import oneclick
from tests.corpus import layouts_folders
from tests.corpus.layouts_folders import film, variant


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def test_of_200_files_with_40_bad_ones_160_go_in_and_the_second_time_is_the_same(
    home: Path, tmp_path: Path
) -> None:
    root = tmp_path / "disk"
    folder = layouts_folders.mixed_folder(root, good=160, bad=40)
    first = fetch.fetch(home, [str(root)])
    assert first.failed.keys() == folder.bad
    assert len(set(first.done)) == 160
    assert first.left_out == folder.left_out
    for path, line in first.failed.items():
        assert "\n" not in line
        assert Path(path).name.split("\n")[0].split("\udce9")[0] in line
    assert all(video_id.isascii() and len(video_id) < 200 for video_id in first.done)
    again = fetch.fetch(home, [str(root)])
    assert (again.done, again.failed, again.left_out) == ([], first.failed, first.left_out)
    assert sorted(again.skipped) == sorted(first.done)


def test_the_command_names_each_bad_file_in_one_line(home: Path, tmp_path: Path) -> None:
    folder = layouts_folders.mixed_folder(tmp_path / "disk", good=8, bad=20)
    runs = [oneclick("video", "add", str(tmp_path / "disk"), home=home) for _ in range(2)]
    for run, word in zip(runs, ("8 done", "0 done, 8 already done"), strict=True):
        assert run.returncode == 3
        lines = run.stderr.splitlines()
        head = lines.index(f"videos: {word}, 20 failed")
        assert lines[head + 1].startswith("  left out: 1 .jpg files, 1 files without a suffix, ")
        assert len(lines) - head - 2 == len(folder.bad)
    assert runs[0].stderr.splitlines()[-20:] == runs[1].stderr.splitlines()[-20:]
    told = json.loads(oneclick("video", "add", str(tmp_path / "disk"), "--json", home=home).stdout)
    assert (len(told["skipped"]), len(told["failed"])) == (8, 20)
    assert told["left_out"] == folder.left_out


def unreadable(code: int) -> Callable[..., Any]:
    def fail(*arguments: Any, **options: Any) -> Any:
        raise OSError(code, os.strerror(code))

    return fail


TROUBLES = {
    "no answer from the disk": errno.EIO,
    "a hole in the file": errno.EAGAIN,
    "no permission": errno.EACCES,
    "gone in the meantime": errno.ENOENT,
    "a network folder that moved on": errno.ESTALE,
}


@pytest.mark.parametrize("step", ["look", "read", "decode"])
@pytest.mark.parametrize("trouble", TROUBLES)
def test_the_trouble_of_one_file_is_its_own(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, trouble: str
) -> None:
    names = ["a.mp4", "bad.mp4", "c.mp4"]
    for seed, name in enumerate(names):
        (tmp_path / name).write_bytes(film(seed))
    fail, bad = unreadable(TROUBLES[trouble]), film(1)

    def look_again(recording: Recording) -> Any:
        return fail() if "bad" in recording.name else recording.look

    def chunks(recording: Recording) -> Iterator[bytes]:
        content = Path(recording.path).read_bytes()
        yield content[:40]
        yield fail() if "bad" in recording.name else content[40:]

    def probe(path: Path, name: str) -> video.VideoInfo:
        return fail() if path.read_bytes() == bad else real_probe(path, name)

    real_probe = video.probe
    patches: dict[str, tuple[object, str, object]] = {"look": (Recording, "look_again", look_again)}
    patches["read"] = (Recording, "chunks", chunks)
    patches["decode"] = (video, "probe", probe)
    owner, name, replacement = patches[step]
    monkeypatch.setattr(owner, name, replacement)
    result = fetch.fetch(home, [str(tmp_path / name) for name in names])
    assert len(result.done) == 2
    (line,) = result.failed.values()
    assert "bad.mp4" in line
    assert "\n" not in line


def _until_trouble(entries: Iterator[Any]) -> Iterator[Any]:
    yield from entries
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_a_folder_whose_list_ends_in_trouble_keeps_what_was_read(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed, name in enumerate(["disk/a/a.mp4", "disk/b/b.mp4"]):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(film(seed))
    real = os.scandir

    @contextlib.contextmanager
    def scandir(path: str = ".") -> Iterator[Any]:
        with real(path) as entries:
            yield _until_trouble(entries) if str(path).endswith("disk/a") else entries

    monkeypatch.setattr(os, "scandir", scandir)
    result = fetch.fetch(home, [str(tmp_path / "disk")])
    assert len(result.done) == 2
    assert "Input/output error" in result.failed[f"{tmp_path}/disk/a"]


def test_a_folder_of_another_machine_that_fails_does_not_hide_the_others(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = MemoryFileSystem()
    for seed, name in enumerate(["open/a.mp4", "locked/b.mp4", "zoo/c.mp4"]):
        bucket.pipe(f"/half/{name}", film(seed))
    real = MemoryFileSystem.ls

    def ls(self: MemoryFileSystem, path: str, detail: bool = True, **options: Any) -> Any:
        if path.endswith("locked"):
            raise RuntimeError("AccessDenied\nsecond line")  # as packages of clouds have their own
        return real(self, path, detail, **options)

    monkeypatch.setattr(MemoryFileSystem, "ls", ls)
    result = fetch.fetch(home, ["memory://half"])
    assert [name.split("-")[0] for name in result.done] == ["open", "zoo"]
    (line,) = result.failed.values()
    assert line == "cannot look into memory://half/locked: AccessDenied; check its rights"
    bucket.rm("/half", recursive=True)


SKIPPED = ["@eaDir", "@eadir/x", "#recycle", "$RECYCLE.BIN", ".Trash-1000", "lost+found"]
SKIPPED += ["System Volume Information", "clips/previews", "frigate/clips/previews/hall"]


@pytest.mark.parametrize("folder", SKIPPED)
def test_previews_and_deleted_files_are_left_out_unless_they_are_named(
    home: Path, tmp_path: Path, folder: str
) -> None:
    for seed, name in enumerate(["hall/a.mp4", f"{folder}/b.mp4"]):
        (tmp_path / "disk" / name).parent.mkdir(parents=True)
        (tmp_path / "disk" / name).write_bytes(film(seed))
    result = fetch.fetch(home, [str(tmp_path / "disk")])
    assert [name.split("-")[0] for name in result.done] == ["hall"]
    assert sum(result.left_out.values()) == 1
    every = SourceOptions(skip=())
    shown = fetch.fetch(home, [str(tmp_path / "disk")], options=every)
    named = fetch.fetch(home, [str(tmp_path / "disk" / folder)])
    assert bool(shown.done) is not folder.startswith(".Trash"), "a hidden one stays out"
    assert len(shown.done + named.done) == 1


SUFFIXES = [".h264", ".asf", ".dav", ".VOB", ".mxf", ".Ogv", ".insv", ".m2v", ".tod"]


def test_files_of_all_suffixes_of_videos_go_in(home: Path, tmp_path: Path) -> None:
    for number, suffix in enumerate(SUFFIXES):
        (tmp_path / f"a{number}{suffix}").write_bytes(variant(film(1), number))
    (tmp_path / "b.lrv").write_bytes(film(2))
    result = fetch.fetch(home, [str(tmp_path)], camera="hall")
    assert len(result.done) == len(SUFFIXES)
    assert result.left_out == {".lrv files": 1}

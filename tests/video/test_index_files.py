"""The index beside a video: read in place of building one, and never believed where it is wrong."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from oneclick import video
from oneclick.core.spans import Span
from oneclick.video import index, index_files
from oneclick.video.frame_index import FrameIndex
from oneclick.video.index_files import RecentIndexes
from tests.corpus.video_cases import CASES
from tests.corpus.video_frames import Recorder, read_number, record

TELLING = (
    "plain",
    "no stamps",
    "a pause among reordered frames",
    "empty chunks for dropped pictures",
    "anamorphic",
    "other size midway",
    "16-bit grey",
    "a patch of noise",
)
"""Cases that fill each field of an index."""


@pytest.fixture
def new_process(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Forget what this process has read, as one that was just started."""

    def forget() -> None:
        monkeypatch.setattr(index, "_recent", RecentIndexes())

    forget()
    return forget


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Return the videos whose index is built, one after the other."""
    built: list[Path] = []
    build = index.build_index

    def count(path: Path) -> FrameIndex:
        built.append(path)
        return build(path)

    monkeypatch.setattr(index, "build_index", count)
    return built


def assert_same(left: FrameIndex, right: FrameIndex) -> None:
    """Compare two indexes in all that they hold."""
    assert (left.info, left.codec, left.presentation) == (
        right.info,
        right.codec,
        right.presentation,
    )
    assert (left.is_decoded, left.strict) == (right.is_decoded, right.strict)
    np.testing.assert_array_equal(left.order, right.order)
    np.testing.assert_array_equal(left.seconds, right.seconds)
    for column in fields(left.table):
        np.testing.assert_array_equal(
            getattr(left.table, column.name), getattr(right.table, column.name)
        )


@pytest.mark.parametrize("name", TELLING)
def test_the_file_gives_the_index_back(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{CASES[name].suffix}"
    CASES[name].build(path)
    video.keep_index(path)
    kept = index_files.load(path, path.stat())
    assert kept is not None
    assert_same(kept, index.read_index(path))


def test_another_process_builds_nothing(
    new_process: Callable[[], None], builds: list[Path], tmp_path: Path
) -> None:
    path = record(tmp_path / "a.ts")
    for _ in range(3):
        new_process()
        video.keep_index(path)
        (image,) = video.frames(path, Span(61, 62))
        assert read_number(image) == 61
    assert builds == [path]


def test_a_renamed_video_takes_its_index_along(
    new_process: Callable[[], None], builds: list[Path], tmp_path: Path
) -> None:
    incoming, path = record(tmp_path / "incoming.mp4"), tmp_path / "a.mp4"
    video.probe(incoming)
    incoming.replace(path)
    video.keep_index(path)
    new_process()
    video.keep_index(path)
    assert builds == [incoming]


def flip(content: bytes) -> bytes:
    return content[:-9] + bytes([content[-9] ^ 1]) + content[-8:]


@pytest.mark.parametrize(
    "spoil",
    [
        flip,
        lambda content: content[: len(content) // 2],
        lambda content: b"",
        lambda content: b"\0" * 5000,
        lambda content: b"[]\n" + content,
        lambda content: content.replace(b'"format":1', b'"format":2'),
        lambda content: content.replace(b'"packets":100', b'"packets":900000000000'),
        lambda content: content.replace(b'"frames":100', b'"frames":-1'),
    ],
    ids=[
        "a bit",
        "half of it",
        "empty",
        "zeros",
        "foreign",
        "another version",
        "many packets",
        "no frames",
    ],
)
def test_a_damaged_index_is_built_again(
    spoil: Callable[[bytes], bytes],
    new_process: Callable[[], None],
    builds: list[Path],
    tmp_path: Path,
) -> None:
    path = record(tmp_path / "a.mp4")
    video.keep_index(path)
    place = index_files.path_of(path)
    sound = place.read_bytes()
    place.write_bytes(spoil(sound))
    new_process()
    video.keep_index(path)
    assert builds == [path, path]
    assert place.read_bytes() == sound


@pytest.mark.parametrize("is_replaced", [True, False], ids=["replaced", "grown"])
def test_an_index_of_other_bytes_is_not_believed(
    is_replaced: bool, new_process: Callable[[], None], tmp_path: Path
) -> None:
    path = record(tmp_path / "a.ts", Recorder(count=50))
    video.keep_index(path)
    if is_replaced:
        record(tmp_path / "b.ts", Recorder(count=100)).replace(path)
    else:
        path.write_bytes(record(tmp_path / "b.ts", Recorder(count=100)).read_bytes())
    for _ in range(2):
        video.keep_index(path)
        assert video.probe(path).frames == 100
        new_process()


def test_a_video_of_the_same_size_and_time_is_told_apart(
    new_process: Callable[[], None], tmp_path: Path
) -> None:
    path = record(tmp_path / "a.mp4", Recorder(count=30))
    video.keep_index(path)
    status, content = path.stat(), bytearray(path.read_bytes())
    content[:] = bytes(len(content))
    path.write_bytes(content)
    os.utime(path, ns=(status.st_mtime_ns, status.st_mtime_ns))
    new_process()
    assert index_files.load(path, path.stat()) is None


def test_a_video_that_changes_meanwhile_gets_no_index(tmp_path: Path) -> None:
    path = record(tmp_path / "a.mp4")
    status, frames = path.stat(), index.read_index(path)
    record(tmp_path / "b.mp4", Recorder(count=50)).replace(path)
    index_files.write(path, status, frames)
    assert not index_files.path_of(path).exists()


def test_a_place_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    path = record(tmp_path / "a.mp4")
    index_files.path_of(path).mkdir()
    video.keep_index(path)
    assert video.probe(path).frames == 100


def test_only_indexes_without_a_video_are_removed(tmp_path: Path) -> None:
    paths = [record(tmp_path / name, Recorder(count=3)) for name in ("a.mp4", "b.mp4")]
    for path in paths:
        video.keep_index(path)
    paths[0].unlink()
    index_files.remove_orphans(tmp_path)
    assert [path.name for path in tmp_path.glob(".*")] == [".b.mp4.index"]

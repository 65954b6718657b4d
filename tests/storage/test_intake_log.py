"""The log of the intake: what was acknowledged is there, whole and once, after any kill."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from oneclick.core.edge_messages import EdgeFrame
from oneclick.core.errors import BadInput, NoSpace
from oneclick.storage import intake_log
from oneclick.storage.intake_log import CameraLog, StoredBatch
from tests.edge import batches

WINDOW = 600.0


def append(log: CameraLog, pictures: list[EdgeFrame]) -> None:
    batch = StoredBatch(source=batches.SOURCE, frames=tuple(pictures))
    log.append(batch, pictures[-1].seq + 1)


def stored(folder: Path) -> list[int]:
    """Return the sequence numbers in all segments of a camera."""
    return [
        frame.seq
        for path in intake_log.segments(folder)
        for record in intake_log.records(path)
        for frame in record.batch.frames
    ]


def test_a_log_goes_on_where_the_one_before_ended(tmp_path: Path) -> None:
    log = CameraLog(tmp_path, WINDOW)
    append(log, batches.frames(5))
    log.close()
    again = CameraLog(tmp_path, WINDOW)
    assert (again.next, again.last_time) == (5, batches.frame(4).time)
    append(again, batches.frames(5, first=5))
    assert stored(tmp_path) == list(range(10))
    assert len(intake_log.segments(tmp_path)) == 1


@pytest.mark.parametrize("torn", ["cut", "garbage", "bit"])
def test_what_a_killed_writer_left_is_cut_off(tmp_path: Path, torn: str) -> None:
    log = CameraLog(tmp_path, WINDOW)
    append(log, batches.frames(5))
    (path,) = intake_log.segments(tmp_path)
    whole = path.stat().st_size
    append(log, batches.frames(5, first=5))
    content = bytearray(path.read_bytes())
    if torn == "bit":
        content[-3] ^= 4
    path.write_bytes(
        {"cut": content[:-7], "bit": content, "garbage": content[:whole] + b"\xff" * 99}[torn]
    )
    again = CameraLog(tmp_path, WINDOW)
    assert again.next == 5
    append(again, batches.frames(3, first=5))
    assert stored(tmp_path) == list(range(8))


@pytest.mark.parametrize("point", range(0, 900, 61))
def test_a_file_cut_anywhere_holds_whole_batches(tmp_path: Path, point: int) -> None:
    log = CameraLog(tmp_path, WINDOW)
    for first in range(0, 10, 2):
        append(log, batches.frames(2, first))
    (path,) = intake_log.segments(tmp_path)
    content = path.read_bytes()
    start = next(intake_log.records(path)).stop
    path.write_bytes(content[: min(len(content), start + point)])
    again = CameraLog(tmp_path, WINDOW)
    assert stored(tmp_path) == list(range(again.next))
    assert again.next % 2 == 0


def test_a_window_of_time_is_a_segment(tmp_path: Path) -> None:
    folder = tmp_path / "ward"
    log = CameraLog(folder, WINDOW)
    pictures = [*batches.frames(3), *batches.frames(4, first=5999)]
    for picture in pictures[:5]:
        append(log, [picture])
    append(log, pictures[5:])
    first, second = intake_log.segments(folder)
    assert [len(r.batch.frames) for r in intake_log.records(first)] == [0, 1, 1, 1, 1]
    assert intake_log.closed_segments(tmp_path) == [first]
    assert stored(folder) == [picture.seq for picture in pictures]
    assert second.stem == "6000".zfill(20)


def test_one_batch_over_the_end_of_a_window_is_divided(tmp_path: Path) -> None:
    log = CameraLog(tmp_path, WINDOW)
    append(log, batches.frames(4, first=5998))
    first, second = intake_log.segments(tmp_path)
    assert [
        [f.seq for r in intake_log.records(p) for f in r.batch.frames] for p in (first, second)
    ] == [
        [5998, 5999],
        [6000, 6001],
    ]


def test_a_closed_segment_is_followed_by_an_empty_one(tmp_path: Path) -> None:
    log = CameraLog(tmp_path, WINDOW)
    log.close_segment()
    append(log, batches.frames(3))
    log.close_segment()
    log.close_segment()
    assert [path.stem[-2:] for path in intake_log.segments(tmp_path)] == ["00", "03"]
    again = CameraLog(tmp_path, WINDOW)
    assert (again.next, again.is_empty, again.last_time) == (3, True, batches.frame(2).time)


def test_a_full_disk_takes_nothing_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = CameraLog(tmp_path, WINDOW)
    append(log, batches.frames(3))
    write = os.write

    def fill_up(descriptor: int, content: bytes) -> int:
        write(descriptor, bytes(content)[:20])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("oneclick.storage.intake_log.os.write", fill_up)
    with pytest.raises(NoSpace):
        append(log, batches.frames(3, first=3))
    monkeypatch.undo()
    assert log.next == 3
    append(log, batches.frames(3, first=3))
    assert stored(tmp_path) == list(range(6))


def segment(folder: Path) -> tuple[Path, bytes]:
    """Write a segment of a few records; return it and its content."""
    log = CameraLog(folder, WINDOW)
    for first in range(0, 6, 2):
        append(log, batches.frames(2, first))
    log.close()
    (path,) = intake_log.segments(folder)
    return path, path.read_bytes()


def test_a_bit_that_changed_anywhere_is_told(tmp_path: Path) -> None:
    path, content = segment(tmp_path)
    intake_log.check(path)
    for position in range(len(content)):
        damaged = bytearray(content)
        damaged[position] ^= 1 << position % 8
        path.write_bytes(damaged)
        with pytest.raises(BadInput, match="damaged after byte"):
            intake_log.check(path)


def test_what_a_kill_broke_off_is_no_damage(tmp_path: Path) -> None:
    path, content = segment(tmp_path)
    first = next(intake_log.records(path)).stop
    for stop in range(first, len(content)):
        path.write_bytes(content[:stop])
        intake_log.check(path)


def test_what_lies_behind_damage_is_kept_aside(tmp_path: Path) -> None:
    path, content = segment(tmp_path)
    stops = [record.stop for record in intake_log.records(path)]
    damaged = bytearray(content)
    damaged[stops[1] + 40] ^= 1
    path.write_bytes(damaged)
    again = CameraLog(tmp_path, WINDOW)
    assert again.next == 2
    append(again, batches.frames(2, first=2))
    assert stored(tmp_path) == list(range(4))
    assert (tmp_path / intake_log.BROKEN / path.name).read_bytes() == damaged

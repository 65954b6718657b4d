"""Segments: what a kill, a full disk or a stranger's stream does to them, and who fetches them."""

from __future__ import annotations

import errno
import itertools
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import av
import pytest

from oneclick import video
from oneclick.catalog import Catalog
from oneclick.core import layouts
from oneclick.stages import fetch
from oneclick.storage import files, live_state
from oneclick.video import source
from oneclick.video.streams import connection, recorder, segment_closer
from oneclick.video.streams.base import StreamPacket
from oneclick.video.streams.clock import StreamClock
from oneclick.video.streams.connection import Connection
from oneclick.video.streams.recorder import SegmentRecorder
from oneclick.video.streams.segment_ages import SegmentAges
from tests.fakes import coded_pictures
from tests.live.cameras import read, recorded
from tests.waits import wait_until

START = datetime(2026, 11, 28, 23, 17, 3, 250_000, UTC).timestamp()


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Two seconds at 20 pictures a second, a key frame each second."""
    path = tmp_path / "film.mp4"
    video.write(path, (coded_pictures.picture(k) for k in range(40)), 20)
    return path


def packets(path: Path) -> Iterator[StreamPacket]:
    """The packets of a file, while it is open."""
    with connection.open_file(path) as (container, stream):
        source = Connection(container, stream, label=path.name, clock=StreamClock(is_played=True))
        yield from source.packets()


def test_a_name_tells_camera_and_start_and_is_read_back() -> None:
    name = segment_closer.segment_name(START)
    assert name == "20261128T231703.250Z.mkv"
    facts = layouts.read_path(name)
    assert facts.started_at == datetime(2026, 11, 28, 23, 17, 3, 250_000, tzinfo=UTC)
    assert facts.is_certain


def test_segments_end_at_key_frames_and_lose_nothing(film: Path, tmp_path: Path) -> None:
    folder = tmp_path / "segments"
    with read(str(film), folder, seconds=0.5, is_paced=False):
        pass
    assert recorded(folder) == [list(range(20)), list(range(20, 40))]
    starts = [layouts.moment_in(path.name).started_at for path in sorted(folder.iterdir())]
    assert all(start is not None for start in starts)


def test_what_is_recorded_is_what_was_sent_byte_for_byte(film: Path, tmp_path: Path) -> None:
    folder = tmp_path / "segments"
    with read(str(film), folder, is_paced=False):
        pass
    (segment,) = folder.iterdir()
    assert [p.content for p in packets(segment)] == [p.content for p in packets(film)]


@pytest.mark.parametrize("lost", [0, 1, 700])
def test_what_a_kill_leaves_is_finished_by_the_next_start(
    lost: int, film: Path, tmp_path: Path
) -> None:
    folder, later = tmp_path / "killed", tmp_path / "later"
    writer = SegmentRecorder(folder, 100, 1e9)
    for packet in packets(film):
        writer.write(packet)
    shutil.copytree(folder, later)  # the disk as a kill leaves it: only written clusters
    writer.close()
    (part,) = later.iterdir()
    assert part.name.endswith(".mkv.part")
    part.write_bytes(part.read_bytes()[: part.stat().st_size - lost])
    (result,) = recorder.salvage(later).values()
    (numbers,) = recorded(later)
    assert result == f"{len(numbers)} pictures saved"
    assert numbers == list(range(len(numbers)))
    assert len(numbers) >= 10
    assert not list(later.glob("*.part"))


def test_a_part_of_nothing_and_a_part_of_anything_leave_no_recording(tmp_path: Path) -> None:
    (tmp_path / "20261128T231703.250Z.mkv.part").touch()
    (tmp_path / "20261128T231803.250Z.mkv.part").write_bytes(b"not a video" * 100)
    results = recorder.salvage(tmp_path)
    assert [text.split()[0] for text in results.values()] == ["held", "cannot"]
    assert not list(tmp_path.glob("*.mkv"))
    assert not list(tmp_path.glob("*.part"))


def test_a_full_disk_is_told_and_recording_goes_on_when_there_is_space(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(recorder, "RETRY_SECONDS", 0.0)
    writer = SegmentRecorder(tmp_path / "segments", 100, 1e9)
    for number, packet in enumerate(packets(film)):
        with monkeypatch.context() as patch:
            if number == 5:
                patch.setattr(recorder._Segment, "write", refuse)
            writer.write(packet)
        assert bool(writer.problem) == (5 <= number < 20)
        assert "no space" in writer.problem or not writer.problem
    writer.close()
    assert recorded(tmp_path / "segments") == [list(range(5)), list(range(20, 40))]


def test_recordings_leave_space_for_all_else(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "RETRY_SECONDS", 0.0)
    usage = shutil.disk_usage(tmp_path)
    folder = tmp_path / "segments"
    writer = SegmentRecorder(folder, 0.5, 1e9)
    for number, packet in enumerate(packets(film)):
        if number == 10:  # seen when the next segment begins
            monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1 << 20))
        writer.write(packet)
    writer.close()
    assert "no space to record" in writer.problem
    assert recorded(folder) == [list(range(20))]


@pytest.mark.parametrize("seconds", [0.0, 1e9], ids=["as time passes", "as bytes are written"])
def test_a_disk_that_others_fill_meanwhile_closes_the_segment(
    seconds: float, film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "SPACE_SECONDS", seconds)
    monkeypatch.setattr(recorder, "SPACE_BYTES", 1e9 if not seconds else 1)
    usage = shutil.disk_usage(tmp_path)
    writer = SegmentRecorder(tmp_path / "segments", 100, 1e9)
    for number, packet in enumerate(packets(film)):
        if number == 10:
            monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1 << 20))
        writer.write(packet)
    writer.close()
    assert "no space to record" in writer.problem
    assert recorded(tmp_path / "segments") == [list(range(10))]


@pytest.mark.parametrize("name", ["flush", "replace"])
def test_a_closed_segment_that_the_disk_refuses_is_told_and_finished_with_the_next(
    name: str, film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    folder = tmp_path / "segments"
    folder.mkdir()
    writer = SegmentRecorder(folder, 100, 1e9)
    with monkeypatch.context() as patch:
        patched: object = Path if name == "replace" else files
        patch.setattr(patched, name, refuse)
        for packet in itertools.islice(packets(film), 20):
            writer.write(packet)
        writer.end_stretch()
        wait_until(lambda: writer.problem)
        assert writer.problem == "closed segments wait for the disk, 1 so far: Input/output error"
    assert recorded(folder) == []
    for packet in packets(film):
        writer.write(packet)
    wait_until(lambda: not writer.problem)
    assert recorded(folder) == [list(range(20))]
    writer.close()
    assert len(recorded(folder)) == 2


def test_the_last_segment_is_tried_once_more_when_the_recorder_is_closed(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flush, calls = files.flush, list[Path]()

    def refuse_once(path: Path) -> None:
        calls.append(path)
        if len(calls) == 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        flush(path)

    writer = SegmentRecorder(tmp_path / "segments", 100, 1e9)
    for number, packet in enumerate(packets(film)):
        if not number:
            (tmp_path / "segments").mkdir()
            monkeypatch.setattr(files, "flush", refuse_once)
        writer.write(packet)
    writer.close()
    assert writer.problem == ""
    assert recorded(tmp_path / "segments") == [list(range(40))]


def test_the_first_picture_of_a_new_size_has_a_bound(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "MAX_PIXELS", 1)
    writer = SegmentRecorder(tmp_path / "segments", 100, 1e9)
    packet = next(packets(film))
    writer.write(replace(packet, start="format"))
    writer.close()
    assert "cannot record" in writer.problem
    assert not list((tmp_path / "segments").iterdir())


def test_a_codec_that_would_fill_the_disk_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "raw.avi"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("rawvideo", rate=10)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        for k in range(3):
            frame = av.VideoFrame.from_ndarray(coded_pictures.picture(k), format="rgb24")
            frame.pts = k
            out.mux(stream.encode(frame.reformat(format="yuv420p")))
    writer = SegmentRecorder(tmp_path / "segments", 100, 1e9)
    for packet in packets(path):
        writer.write(packet)
    writer.close()
    assert "not compressed" in writer.problem
    assert not list((tmp_path / "segments").glob("*"))


def test_old_segments_are_removed_and_new_ones_stay(film: Path, tmp_path: Path) -> None:
    folder = tmp_path / "segments"
    folder.mkdir()
    old, new = (folder / segment_closer.segment_name(START + k) for k in (0, 7200))
    for path in (old, new):
        path.touch()
    recorder.remove_before(folder, START + 3600)
    assert not old.exists()
    assert new.exists()


@pytest.mark.parametrize("jump", [0, 20], ids=["before the start", "while it records"])
def test_a_clock_that_jumps_ahead_removes_no_segment(film: Path, tmp_path: Path, jump: int) -> None:
    folder = tmp_path / "segments"
    folder.mkdir()
    hours = {-100: False, -2: True, -1: True}
    paths = {hour: folder / segment_closer.segment_name(START + 3600 * hour) for hour in hours}
    for path in paths.values():
        path.touch()
    writer = SegmentRecorder(folder, 0.5, 72 * 3600)
    for number, packet in enumerate(packets(film)):
        days = 40 if number >= jump else 0
        writer.write(replace(packet, time=START + number / 20 + 86400 * days))
    writer.close()
    assert {hour: path.exists() for hour, path in paths.items()} == hours
    assert len(list(folder.iterdir())) == 4


def test_segments_age_as_time_passes() -> None:
    now = [0.0]
    paths = [Path(segment_closer.segment_name(START + k)) for k in (0, 50, 7 * 86400)]
    ages = SegmentAges(paths[:2], START + 100, lambda: now[0])
    assert ages.older_than(100, paths) == []
    now[0] = 1.0
    assert ages.older_than(100, paths) == paths[:1]
    now[0] = 60.0
    assert ages.older_than(100, paths) == paths[:2]
    now[0] = 101.0
    assert ages.older_than(100, paths) == paths


def test_segments_become_videos_of_their_camera(film: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    folder = live_state.recordings_folder(home, "cam01")
    folder.mkdir(parents=True)
    shutil.copy(film, folder / "20261128T231703.250Z.mkv")
    (folder / "20261128T232203.250Z.mkv.part").write_bytes(film.read_bytes())
    sources = live_state.recording_sources(home)
    result = fetch.fetch(home, sources)
    assert result.done == ["cam01-20261128T231703Z"]
    assert not result.failed
    with Catalog.open(home) as catalog:
        assert catalog.video(*result.done).started_at == datetime.fromtimestamp(START, UTC)
    assert fetch.fetch(home, sources).skipped == result.done


def test_a_folder_is_played_one_recording_after_the_other(tmp_path: Path) -> None:
    folder = tmp_path / "films"
    for name, first in (("a.mp4", 0), ("b.mp4", 10)):
        pictures = (coded_pictures.picture(first + k) for k in range(10))
        video.write(folder / name, pictures, 20)
    with read(str(folder), tmp_path / "segments", is_paced=False) as watched:
        pass
    assert watched.numbers == list(range(20))
    assert recorded(tmp_path / "segments") == [list(range(10)), list(range(10, 20))]
    times = [picture.time for picture in watched.pictures]
    assert all(a < b for a, b in pairwise(times))
    assert [picture.stretch for picture in watched.pictures] == [1] * 10 + [2] * 10


def test_a_file_is_played_at_its_own_speed(film: Path) -> None:
    with read(str(film)) as watched:
        wait_until(lambda: len(watched.pictures) >= 10)
    arrivals = [picture.arrival for picture in watched.pictures]
    stamps = [number / 20 for number in watched.numbers]
    for (a, b), (early, late) in zip(pairwise(arrivals), pairwise(stamps), strict=True):
        assert b - a > 0.9 * (late - early) - 0.05
    assert arrivals[9] - arrivals[0] >= 0.4

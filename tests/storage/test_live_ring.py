"""The ring of a camera: read while it grows, whole after a kill, pruned, never written by two."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from oneclick.core.errors import NoSpace, Unavailable
from oneclick.storage import live_ring_files
from oneclick.storage.live_ring import Lamp, RingFrame, RingReader, RingWriter

START = 1_790_000_000.0
WRITE = """
import sys, time
from pathlib import Path
from oneclick.storage.live_ring import RingFrame, RingWriter
with RingWriter(Path(sys.argv[1])) as writer:
    for number in range(int(sys.argv[2])):
        picture = bytes([number % 256]) * int(sys.argv[3])
        boxes = {"a": [(1.0, 2.0, 3.0, 4.0, 0.5, 0)]}
        stamp = time.time()
        writer.append(RingFrame(
            time=stamp, width=8, height=6, boxes=boxes, signals={}, jpeg=picture))
        print(number, flush=True)
"""


def frame(number: int, step: float = 0.1, jpeg: bytes = b"jpeg") -> RingFrame:
    return RingFrame(
        time=START + number * step,
        width=64,
        height=48,
        boxes={"a": [(1.0, 2.0, 3.0, 4.0, 0.5, 0)], "b": []},
        signals={"blur": float(number)},
        lamps=(Lamp("flicker", 0.7, "box 1 is gone"),),
        jpeg=jpeg + str(number).encode(),
    )


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[RingWriter]:
    with RingWriter(tmp_path) as ring:
        yield ring


def seqs(reader: RingReader) -> list[int]:
    return [frame.seq for frame in reader.after(-1, 10**6)]


def test_what_is_appended_is_read_back(tmp_path: Path, writer: RingWriter) -> None:
    reader = RingReader(tmp_path)
    assert (reader.newest(), reader.span(), reader.at(START), reader.after(-1, 9)) == (
        None,
        None,
        None,
        [],
    )
    assert [writer.append(frame(number)) for number in range(250)] == list(range(250))
    newest, span = reader.newest(), reader.span()
    assert newest is not None
    assert span is not None
    assert newest == RingFrame(**(vars(frame(249)) | {"seq": 249}))
    assert (span.first_seq, span.last_seq, span.frames) == (0, 249, 250)
    assert (span.start, span.stop) == (START, START + 24.9)
    assert [picture.jpeg for picture in reader.after(99, 2)] == [b"jpeg100", b"jpeg101"]
    assert len(list(tmp_path.glob("*.ring"))) == 3  # 25 s in files of 10 s


def test_pictures_are_found_by_number(tmp_path: Path, writer: RingWriter) -> None:
    for number in range(120):
        writer.append(frame(number))
    reader = RingReader(tmp_path)
    assert [each.seq for seq in (0, 1, 105, 500) if (each := reader.before(seq))] == [0, 104, 119]
    assert reader.newest(unless=119) is None
    newest = reader.newest(unless=118)
    assert newest is not None
    assert newest.seq == 119


@pytest.mark.parametrize(
    ("moment", "number"),
    [(-100.0, 0), (0.0, 0), (0.14, 1), (0.16, 2), (12.3, 123), (10**6, 249)],
)
def test_the_picture_nearest_to_a_time_is_returned(
    tmp_path: Path, writer: RingWriter, moment: float, number: int
) -> None:
    for count in range(250):
        writer.append(frame(count))
    picture = RingReader(tmp_path).at(START + moment)
    assert picture is not None
    assert picture.seq == number


def test_headers_are_of_a_half_open_span_of_time(tmp_path: Path, writer: RingWriter) -> None:
    for count in range(40):
        writer.append(frame(count, step=0.5))
    headers = RingReader(tmp_path).headers(START + 9, START + 11)
    assert [header.seq for header in headers] == [18, 19, 20, 21]
    assert headers[0].boxes == {"a": [(1.0, 2.0, 3.0, 4.0, 0.5, 0)], "b": []}
    assert headers[0].signals == {"blur": 18.0}
    assert not hasattr(headers[0], "jpeg")


def test_the_newest_headers_are_those_of_the_last_pictures_though_the_clock_was_set_back(
    tmp_path: Path, writer: RingWriter
) -> None:
    reader = RingReader(tmp_path)
    assert reader.newest_headers(2.0) == []
    for number in range(30):
        writer.append(frame(number))
    assert [header.seq for header in reader.newest_headers(1.05)] == list(range(19, 30))
    frames = [replace(frame(number), time=START - 300 + number / 10) for number in range(5)]
    last = [writer.append(each) for each in frames]
    assert [header.seq for header in reader.newest_headers(1.05)] == last


def test_numbers_go_on_after_a_restart(tmp_path: Path) -> None:
    for number in range(3):
        with RingWriter(tmp_path) as ring:
            assert ring.append(frame(number)) == number
    assert seqs(RingReader(tmp_path)) == [0, 1, 2]


def test_a_second_writer_is_refused_and_the_first_goes_on(
    tmp_path: Path, writer: RingWriter
) -> None:
    writer.append(frame(0))
    with pytest.raises(Unavailable, match="another process holds the lock"):
        RingWriter(tmp_path)
    writer.append(frame(1))
    assert seqs(RingReader(tmp_path)) == [0, 1]


def test_a_torn_tail_is_not_read_at_any_length_and_numbers_go_on(tmp_path: Path) -> None:
    with RingWriter(tmp_path) as ring:
        for number in range(3):
            ring.append(frame(number))
    (path,) = tmp_path.glob("*.ring")
    content, size = path.read_bytes(), path.stat().st_size
    for length in range(size * 2 // 3 + 1, size):  # records are of one length
        path.write_bytes(content[:length])
        assert seqs(RingReader(tmp_path)) == [0, 1]
    with RingWriter(tmp_path) as ring:
        assert ring.append(frame(3)) == 2
    assert seqs(RingReader(tmp_path)) == [0, 1, 2]


@pytest.mark.parametrize("offset", [0, 5, 13, 20, 30, 40, -1])
def test_a_damaged_record_never_comes_out_and_later_files_do(tmp_path: Path, offset: int) -> None:
    with RingWriter(tmp_path) as ring:
        ring.append(frame(0))
    (path,) = tmp_path.glob("*.ring")
    content = bytearray(path.read_bytes())
    content[offset] ^= 0x40
    path.write_bytes(content)
    with RingWriter(tmp_path) as ring:
        ring.append(frame(1))
    pictures = RingReader(tmp_path).after(-1, 9)
    assert pictures[-1].jpeg == b"jpeg1"
    written = [(START, b"jpeg0"), (START + 0.1, b"jpeg1")]
    assert all((picture.time, picture.jpeg) in written for picture in pictures)


def test_files_of_strangers_are_left_alone(tmp_path: Path, writer: RingWriter) -> None:
    (tmp_path / "000000000000.ring").mkdir()
    os.mkfifo(tmp_path / "000000000001.ring")
    (tmp_path / "000000000002.ring").write_bytes(b"\0" * 4096)
    (tmp_path / "notes.txt").write_text("hello")
    reader = RingReader(tmp_path)
    assert reader.newest() is None
    assert (tmp_path / "notes.txt").exists()


def test_pictures_are_pruned_by_minutes(tmp_path: Path) -> None:
    with RingWriter(tmp_path, minutes=1) as ring:
        for number in range(300):
            ring.append(frame(number, step=1))
    span = RingReader(tmp_path).span()
    assert span is not None
    assert 60 <= span.stop - span.start <= 80


def test_pictures_are_pruned_by_bytes(tmp_path: Path) -> None:
    with RingWriter(tmp_path, max_bytes=64 * 1024) as ring:
        for number in range(400):
            ring.append(frame(number, step=0.01, jpeg=bytes(1000)))
    files = list(tmp_path.glob("*.ring"))
    assert 40 * 1024 < sum(path.stat().st_size for path in files) <= 64 * 1024
    assert seqs(RingReader(tmp_path))[-1] == 399


def test_a_clock_that_is_set_back_prunes_what_lies_in_the_future(tmp_path: Path) -> None:
    with RingWriter(tmp_path, minutes=1) as ring:
        ring.append(frame(10**5, step=1))
        ring.append(frame(0))
        ring.append(frame(1))
    assert seqs(RingReader(tmp_path)) == [1, 2]


def test_a_reader_goes_on_while_files_are_pruned_under_it(tmp_path: Path) -> None:
    reader, last = RingReader(tmp_path), -1
    with RingWriter(tmp_path, minutes=0.5) as ring:
        for number in range(600):
            ring.append(frame(number, step=1))
            if number % 7 == 0:
                pictures = reader.after(last, 1000)
                assert [picture.seq for picture in pictures] == list(range(last + 1, number + 1))
                last = number
        records = reader._records()
        for path in tmp_path.glob("*.ring"):
            path.unlink()
    assert records
    assert reader.after(-1, 9) == []


@pytest.mark.parametrize(
    "change",
    [
        {"time": float("nan")},
        {"boxes": {"a": [(1.0, 2.0, float("inf"), 4.0, 0.5, 0)]}},
        {"lamps": (Lamp("flicker", float("nan"), ""),)},
        {"jpeg": bytes(live_ring_files.MAX_JPEG + 1)},
    ],
    ids=["time", "box", "lamp", "size"],
)
def test_what_no_reader_could_take_is_not_written(
    tmp_path: Path, writer: RingWriter, change: dict[str, object]
) -> None:
    with pytest.raises(ValueError, match=r"not finite|too large"):
        writer.append(RingFrame(**(vars(frame(0)) | change)))  # type: ignore[arg-type]
    assert writer.append(frame(0)) == 0
    assert seqs(RingReader(tmp_path)) == [0]


def test_a_signal_that_is_not_known_is_left_out(tmp_path: Path, writer: RingWriter) -> None:
    signals = {"blur": 1.0, "novelty": float("nan")}
    writer.append(RingFrame(**(vars(frame(0)) | {"signals": signals})))
    newest = RingReader(tmp_path).newest()
    assert newest is not None
    assert newest.signals == {"blur": 1.0}


def test_a_full_disk_takes_back_half_a_record(
    tmp_path: Path, writer: RingWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer.append(frame(0))
    write = os.write

    def fill(descriptor: int, content: bytes) -> int:
        if len(content) <= 50:
            raise OSError(28, "No space left on device")
        return write(descriptor, content[:50])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", fill)
        with pytest.raises(NoSpace):
            writer.append(frame(1))
    assert writer.append(frame(1)) == 1
    assert [picture.jpeg for picture in RingReader(tmp_path).after(-1, 9)] == [b"jpeg0", b"jpeg1"]


def test_a_kill_while_it_appends_leaves_whole_pictures_in_order(tmp_path: Path) -> None:
    arguments = [sys.executable, "-c", WRITE, str(tmp_path), "1000000", "300000"]
    reader = RingReader(tmp_path)
    with subprocess.Popen(arguments, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        while int(process.stdout.readline()) < 20:
            pass
        process.kill()
    pictures = reader.after(-1, 10**6)
    numbers = [picture.seq for picture in pictures]
    assert numbers[:21] == list(range(21))
    assert all(picture.jpeg == bytes([picture.seq % 256]) * 300_000 for picture in pictures)
    with RingWriter(tmp_path) as ring:
        assert ring.append(frame(0)) >= numbers[-1] + 1


def test_another_process_sees_a_picture_once_it_is_appended(tmp_path: Path) -> None:
    # Less than 50 ms are asked for: the first look after the append has it.
    arguments = [sys.executable, "-c", WRITE, str(tmp_path), "5", "100000"]
    reader = RingReader(tmp_path)
    with subprocess.Popen(arguments, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for line in process.stdout:
            newest = reader.newest()
            assert newest is not None
            assert newest.seq >= int(line)
    assert seqs(reader) == list(range(5))


def test_a_thread_that_comes_late_writes_nothing_into_a_closed_ring(tmp_path: Path) -> None:
    late = RingWriter(tmp_path)
    late.append(frame(0))
    late.close()
    with RingWriter(tmp_path) as next_writer:
        with pytest.raises(Unavailable, match="closed"):
            late.append(frame(1))
        assert next_writer.append(frame(2)) == 1
    assert seqs(RingReader(tmp_path)) == [0, 1]

"""Devices send what they saw: once, in order, whatever happens in between."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from oneclick.core.errors import NoSpace, Unavailable, UsageError
from oneclick.edge import device as devices
from oneclick.edge import link, source
from oneclick.edge.device import DeviceOptions, EdgeDevice
from oneclick.edge.spool import Spool
from oneclick.storage import intake_log
from oneclick.storage.live_ring import RingReader
from tests.edge import batches
from tests.edge.device_bench import Bench


def times_of(count: int) -> Any:
    return pytest.approx([picture.time for picture in batches.frames(count)])


def test_what_waits_arrives_once_though_answers_are_lost_and_both_ends_begin_anew(
    bench: Bench,
) -> None:
    spool = bench.spool()
    for first in range(0, 120, 12):
        spool.add(batches.SOURCE, batches.frames(12, first))
        bench.transport.answers_lost = int(first % 36 == 0)
        bench.transport.is_cut = first % 48 == 24
        sender = bench.sender(spool)
        sender.step()
        if first == 60:
            spool.close()
            spool = bench.spool()
    bench.transport.is_cut, bench.transport.answers_lost = False, 0
    sender = bench.sender(spool)
    while sender.step() == 0.0 or sender.state.problem:
        pass
    assert bench.stored() == times_of(120)
    assert spool.oldest >= 0


def test_a_new_spool_goes_on_with_the_number_that_the_server_wants(bench: Bench) -> None:
    spool = bench.spool()
    spool.add(batches.SOURCE, batches.frames(10))
    bench.sender(spool).step()
    other = Spool(bench.folder / "another-disk")
    sender = bench.sender(other)
    sender.begin(threading.Event())
    other.add(batches.SOURCE, batches.frames(10, 10))
    sender.step()
    assert bench.stored() == times_of(20)


def test_a_full_spool_drops_the_oldest_and_tells_the_server(bench: Bench) -> None:
    spool = Spool(bench.folder / "small", max_bytes=2000)
    for minute in range(6):
        spool.add(batches.SOURCE, batches.frames(10, minute * 600))
    assert spool.oldest > 0
    sender = bench.sender(spool)
    while sender.step() == 0.0 or spool.read(sender._next or 0, 1):
        pass
    counts = bench.desk._counts["ward"]
    assert counts.lost > 0
    assert counts.lost + counts.stored == 60


def test_what_a_disk_lost_in_the_middle_is_counted_and_the_rest_arrives(bench: Bench) -> None:
    spool = bench.spool()
    for minute in range(3):
        spool.add(batches.SOURCE, batches.frames(5, minute * 600))
        spool.add(batches.SOURCE, batches.frames(5, minute * 600 + 5))
    second = intake_log.segments(bench.folder / "spool")[1]
    second.write_bytes(second.read_bytes()[:-3] + b"???")
    sender = bench.sender(spool)
    for _ in range(10):
        sender.step()
    counts = bench.desk._counts["ward"]
    assert (counts.stored, counts.lost, sender.state.problem) == (25, 5, "")


def test_a_spool_that_cannot_be_read_for_a_while_does_not_end_the_sending(bench: Bench) -> None:
    spool = bench.spool()
    spool.add(batches.SOURCE, batches.frames(10))
    sender = bench.sender(spool)
    (path,) = intake_log.segments(bench.folder / "spool")
    path.rename(path.with_suffix(".away"))
    path.mkdir()
    assert sender.step() > 0
    assert sender.state.problem
    path.rmdir()
    path.with_suffix(".away").rename(path)
    sender.step()
    assert bench.stored() == times_of(10)


def test_a_file_of_the_spool_that_is_dropped_while_it_is_read_is_passed_over(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = bench.spool()
    for minute in range(2):
        spool.add(batches.SOURCE, batches.frames(5, minute * 600))
    paths = intake_log.segments(bench.folder / "spool")
    paths[0].unlink()
    monkeypatch.setattr(intake_log, "segments", lambda _: paths)
    part = spool.read(0, 100)
    assert part is not None
    assert [frame.seq for frame in part[1]] == [5, 6, 7, 8, 9]


def test_a_batch_that_is_too_large_is_halved(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = bench.spool()
    spool.add(batches.SOURCE, batches.frames(100))
    monkeypatch.setattr("oneclick.web.intake.bodies.MAX_UNPACKED", 4000)
    sender = bench.sender(spool)
    for _ in range(20):
        sender.step()
    assert bench.stored() == times_of(100)


@pytest.mark.parametrize(
    ("url", "is_safe"),
    [
        ("https://server.example", True),
        ("http://127.0.0.1:8321", True),
        ("http://localhost:8321", True),
        ("http://server.example", False),
        ("http://192.168.1.4", False),
        ("ftp://server.example", False),
        ("server.example", False),
    ],
)
def test_a_server_without_tls_is_refused_unless_it_is_this_machine(url: str, is_safe: bool) -> None:
    if is_safe:
        assert link.check_server(url) == url
    else:
        with pytest.raises(UsageError, match="give https"):
            link.check_server(url)


def test_a_token_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("ward.abc\n")
    path.chmod(0o644)
    with pytest.raises(UsageError, match="chmod 600"):
        link.read_token(path)
    path.chmod(0o600)
    assert link.read_token(path) == "ward.abc"


class Dots:
    """A detector that sees the bright square of a picture."""

    name, model_id, threshold = "test:dots", "dots", 0.5
    names: tuple[str, ...] = ("cat", "person")
    stateful, shrinks = False, False

    def reset(self) -> None:
        """Forget nothing."""

    def detect(self, frames: Any) -> list[Any]:
        """Return the box of the bright part."""
        found_boxes = []
        for picture in frames:
            rows, columns = np.nonzero(picture[:, :, 0] > 128)
            box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            found_boxes.append((np.array([box], np.float32), np.array([0.9], np.float32), [1]))
        return found_boxes


def bright_pictures(count: int = 30) -> Iterator[source.LivePicture]:
    """Pictures of a square that moves to the right."""
    for number in range(count):
        picture = np.zeros((120, 160, 3), np.uint8)
        picture[40:80, number : number + 20] = 255
        yield batches.START + number / 10, picture


def run_device(bench: Bench, refuse: Callable[[EdgeDevice, pytest.MonkeyPatch], None]) -> list[str]:
    """Run a device over 30 pictures, each flushed at once, with a fault; return what it told."""
    lines: list[str] = []
    device = EdgeDevice(bench.folder, Dots(), bench.link, DeviceOptions(), lines.append)
    device._sender._clock = lambda: batches.START + 600
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(devices, "FLUSH_SECONDS", 0.0)
        patch.setattr(devices, "FAILURE_SECONDS", 0.0)
        refuse(device, patch)
        device.run(bright_pictures(), threading.Event())
    return lines


def failing(function: Any, calls: range, error: Exception) -> Any:
    """Return a function that fails at some of its calls."""
    numbers = itertools.count()

    def call(*arguments: Any) -> Any:
        if next(numbers) in calls:
            raise error
        return function(*arguments)

    return call


FULL = NoSpace("no space left")
FAULTS = {
    "ring": (devices.RING, 30, lambda device: (device._ring, "append", FULL)),
    "spool": (devices.SPOOL, 30, lambda device: (device._spool, "add", FULL)),
    "model": (devices.MODEL, 27, lambda device: (device._detector, "detect", RuntimeError("CUDA"))),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_device_goes_on_after_a_fault_tells_it_once_and_sends_the_rest(
    fault: str, bench: Bench
) -> None:
    part, count, place = FAULTS[fault]

    def refuse(device: EdgeDevice, patch: pytest.MonkeyPatch) -> None:
        owner, name, error = place(device)
        patch.setattr(owner, name, failing(getattr(owner, name), range(5, 8), error))

    problem, recovery = run_device(bench, refuse)
    assert problem.startswith(f"{part}: ")
    assert recovery == f"{part}: it is well again"
    assert len(bench.stored()) == count


def test_a_model_that_fails_on_every_picture_ends_the_device_and_what_it_saw_is_sent(
    bench: Bench,
) -> None:
    def refuse(device: EdgeDevice, patch: pytest.MonkeyPatch) -> None:
        patch.setattr(devices, "MOST_FAILURES", 10)
        broken = failing(device._detector.detect, range(5, 99), RuntimeError("CUDA"))
        patch.setattr(device._detector, "detect", broken)

    with pytest.raises(Unavailable, match=r"test:dots fails on every picture: .*CUDA"):
        run_device(bench, refuse)
    assert bench.stored() == times_of(5)


def test_predictions_that_the_disk_refuses_to_the_end_are_told_and_fill_no_memory(
    bench: Bench,
) -> None:
    def refuse(device: EdgeDevice, patch: pytest.MonkeyPatch) -> None:
        patch.setattr(devices, "MOST_WAITING", 7)
        patch.setattr(device._spool, "add", failing(None, range(99), FULL))

    with pytest.raises(Unavailable, match="7 predictions are lost: no space left"):
        run_device(bench, refuse)


def test_an_unforeseen_error_does_not_end_the_sending(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = bench.spool()
    spool.add(batches.SOURCE, batches.frames(10))
    sender = bench.sender(spool)
    with monkeypatch.context() as patch:
        patch.setattr(bench.link, "state", failing(None, range(9), KeyError("a bug")))
        assert sender.step() > 0
    assert "KeyError" in sender.state.problem
    sender.step()
    assert bench.stored() == times_of(10)


def test_a_device_sends_what_it_saw_and_keeps_the_pictures(bench: Bench) -> None:
    edge_device = EdgeDevice(bench.folder, Dots(), bench.link, DeviceOptions())
    edge_device._sender._clock = lambda: batches.START + 600
    edge_device.run(bright_pictures(), threading.Event())
    assert edge_device.state.sent == 30
    assert bench.stored() == times_of(30)
    ring = RingReader(bench.folder / "ring")
    frame = ring.at(batches.START + 1.0)
    assert frame is not None
    assert np.allclose(frame.boxes["dots"], [(10, 40, 30, 80, 0.9, 0)])
    assert list(bench.site.home.rglob("*.jp*g")) == list((bench.site.home / "clips").rglob("*.jpg"))


def test_a_model_without_the_classes_is_refused(bench: Bench) -> None:
    with pytest.raises(UsageError, match="knows none of dog"):
        devices.EdgeDevice(bench.folder, Dots(), bench.link, DeviceOptions(classes=("dog",)))

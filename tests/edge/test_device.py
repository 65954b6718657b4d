"""Devices send what they saw: once, in order, whatever happens in between."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from oneclick.core.errors import UsageError
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


def test_a_device_sends_what_it_saw_and_keeps_the_pictures(bench: Bench) -> None:
    def pictures() -> Iterator[source.LivePicture]:
        for number in range(30):
            picture = np.zeros((120, 160, 3), np.uint8)
            picture[40:80, number : number + 20] = 255
            yield batches.START + number / 10, picture

    edge_device = EdgeDevice(bench.folder, Dots(), bench.link, DeviceOptions())
    edge_device._sender._clock = lambda: batches.START + 600
    edge_device.run(pictures(), threading.Event())
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

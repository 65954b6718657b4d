"""The device: what it saw arrives once, and pictures leave it by consent alone."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import httpx
import msgspec
import numpy as np
import pytest

from oneclick.catalog import Catalog
from oneclick.catalog.verify import verify
from oneclick.core.clips import ChosenBy
from oneclick.core.edge_messages import SpanRequest
from oneclick.core.errors import UsageError
from oneclick.edge import device as devices
from oneclick.edge import link, source, spans
from oneclick.edge.device import DeviceOptions, EdgeDevice
from oneclick.edge.link import NotTaken, ServerLink
from oneclick.edge.sender import Sender
from oneclick.edge.spool import Spool
from oneclick.settings import Settings
from oneclick.stages import cut
from oneclick.stages.intake import IntakeOptions, intake
from oneclick.storage import intake_log, predictions, span_requests
from oneclick.storage.intake_log import CameraLog
from oneclick.storage.live_ring import RingFrame, RingReader, RingWriter
from oneclick.web.intake import worker
from tests.edge import batches
from tests.web.site import Site


class Loopback(httpx.BaseTransport):
    """Connection to a site in this process, which can be cut."""

    def __init__(self, site: Site) -> None:
        self._browser, self.is_cut = site.client(), False
        self.answers_lost = 0
        """Answers that do not arrive, from the next one on."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if self.is_cut:
            raise httpx.ConnectError("cut")
        headers = {k: v for k, v in request.headers.items() if k not in ("host", "user-agent")}
        answer = self._browser.request(
            request.method, request.url.raw_path.decode(), content=request.read(), headers=headers
        )
        if self.answers_lost:
            self.answers_lost -= 1
            raise httpx.ReadError("lost")
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


class Bench:
    """A site, and a device that is linked to it."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.site, self.folder = Site(folder / "home"), folder / "device"
        self.desk = self.site.app.state.intake
        self.desk._worker = None
        self.desk._clock = lambda: batches.START + 600
        limits = {"spans_from": ("ward",), "requests_per_minute": 10_000} | settings
        self.desk.settings = self.desk.settings.model_copy(update=limits)
        token = self.desk.tokens.make("ward", [batches.MODEL, "dots"])
        self.link = ServerLink("http://127.0.0.1:1", token)
        self.transport = Loopback(self.site)
        self.link._http = httpx.Client(
            base_url="http://site",
            transport=self.transport,
            headers={"Authorization": f"Bearer {token}"},
        )

    def desk_settings(self) -> Settings:
        """Return the settings of the workspace for the worker."""
        return Settings(home=self.site.home, intake=self.desk.settings)

    def spool(self) -> Spool:
        return Spool(self.folder / "spool")

    def sender(self, spool: Spool) -> Sender:
        return Sender(spool, self.link, clock=lambda: batches.START + 600)

    def stored(self) -> list[float]:
        """Return the times of what the server has, after it was taken in."""
        with contextlib.closing(CameraLog(self.site.workspace.intake_dir / "ward", 600)) as log:
            log.close_segment()
        assert intake(self.site.home).failed == {}
        times = []
        with Catalog.open(self.site.home) as catalog:
            for video in catalog.videos():
                if not video.suffix:
                    assert video.started_at is not None
                    start = video.started_at.timestamp()
                    times += [start + video.seconds_at(k) for k in range(video.frames)]
        return sorted(times)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


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


def fill_ring(folder: Path, seconds: int) -> None:
    """Write pictures of ten a second whose grey is their number."""
    with RingWriter(folder / "ring", 60) as ring:
        for number in range(seconds * 10):
            image = np.full((120, 160, 3), number % 250, np.uint8)
            frame = RingFrame(
                time=batches.START + number / 10,
                width=160,
                height=120,
                boxes={},
                signals={},
                jpeg=cv2.imencode(".jpg", image)[1].tobytes(),
            )
            ring.append(frame)


def ask(bench: Bench) -> SpanRequest:
    """Let the server find something, and return what it asks for."""
    spool = bench.spool()
    spool.add(batches.SOURCE, batches.frames(550))
    sender = bench.sender(spool)
    while sender.step() == 0.0:
        pass
    with contextlib.closing(CameraLog(bench.site.workspace.intake_dir / "ward", 600)) as log:
        log.close_segment()
    options = IntakeOptions(spans_from=("ward",), spans_per_day=24, span_seconds=8)
    intake(bench.site.home, options)
    requests = bench.link.spans()
    assert requests
    return requests[0]


def answers(bench: Bench, is_allowed: bool) -> spans.SpanAnswers:
    return spans.SpanAnswers(
        bench.folder / "ring",
        bench.link,
        is_allowed,
        bench.folder,
        clock=lambda: batches.START + 600,
    )


def test_requested_video_becomes_a_recording_with_true_times_and_a_clip(bench: Bench) -> None:
    fill_ring(bench.folder, 60)
    request = ask(bench)
    assert answers(bench, is_allowed=True).answer(request)
    result = worker.work(bench.desk_settings())
    assert result.failed == {}
    workspace = bench.site.workspace
    with Catalog.open(bench.site.home) as catalog:
        (recording,) = [v for v in catalog.videos() if v.suffix == ".mkv" and v.camera == "ward"]
        assert recording.started_at is not None
        assert recording.started_at.timestamp() == pytest.approx(request.start, abs=0.1)
        assert recording.frames == 80
        assert workspace.video_file(recording).exists()
        (clip,) = catalog.selections()
        assert (clip.video, clip.chosen_by) == (recording.id, ChosenBy.TRIGGER)
        middle = recording.started_at.timestamp() + recording.seconds_at(clip.span.start) + 1.5
        assert middle == pytest.approx(request.moment, abs=0.2)
        assert clip.hits
        carried = predictions.load(workspace.predictions(recording.id, batches.MODEL))
        first = round((recording.started_at.timestamp() - batches.START) * batches.FPS)
        for number in range(recording.frames):
            (own, expected) = (
                carried.boxes[carried.rows(number)],
                batches.frame(first + number).boxes,
            )
            corners = [[x1 / 2, y1 / 2, x2 / 2, y2 / 2] for x1, y1, x2, y2, *_ in expected]
            assert np.allclose(own, np.reshape(corners, (-1, 4)), atol=1e-3)
        assert all(box[3] <= recording.width for hit in clip.hits for box in hit.boxes)
        assert [line for line in verify(catalog) if "ward-2" in line] == []
    assert cut.cut(bench.site.home, "test").done == [clip.id]
    after = span_requests.find(workspace, "ward", request.id)
    assert after is not None
    assert (after.state, after.recording) == ("adopted", recording.id)
    assert worker.work(bench.desk_settings()).done == []


@pytest.mark.parametrize("damage", ["place", "upload", "lost"])
def test_an_answer_that_broke_on_the_server_is_asked_for_again(bench: Bench, damage: str) -> None:
    fill_ring(bench.folder, 60)
    request = ask(bench)
    workspace = bench.site.workspace
    assert answers(bench, is_allowed=True).answer(request)
    upload = span_requests.video_file(workspace, request)
    if damage == "place":
        span_requests.place_file(workspace, request).write_bytes(b"{")
    elif damage == "upload":
        upload.write_bytes(upload.read_bytes()[:-1])
    else:
        upload.unlink()
    with Catalog.open(bench.site.home) as catalog:
        assert any(request.id in line for line in verify(catalog))
    result = worker.work(bench.desk_settings())
    assert "the device is asked again" in result.failed[request.id]
    assert request in bench.link.spans()
    assert answers(bench, is_allowed=True).answer(request)
    assert worker.work(bench.desk_settings()).failed == {}
    after = span_requests.find(workspace, "ward", request.id)
    assert after is not None
    assert after.state == "adopted"


def test_video_that_cannot_be_taken_in_is_put_away_with_its_reason(bench: Bench) -> None:
    fill_ring(bench.folder, 60)
    request = ask(bench)
    assert answers(bench, is_allowed=True).answer(request)
    workspace = bench.site.workspace
    workspace.hits(request.video).write_bytes(b"{")
    assert request.id in worker.work(bench.desk_settings()).failed
    after = span_requests.find(workspace, "ward", request.id)
    assert after is not None
    assert after.state == "refused"
    assert "hits" in after.reason
    assert worker.work(bench.desk_settings()).failed == {}


@pytest.mark.parametrize(
    ("is_allowed", "is_filled", "reason"),
    [(False, True, spans.NO_CONSENT), (True, False, spans.GONE)],
)
def test_without_consent_or_pictures_the_device_refuses_and_the_server_has_the_reason(
    bench: Bench, is_allowed: bool, is_filled: bool, reason: str
) -> None:
    if is_filled:
        fill_ring(bench.folder, 60)
    request = ask(bench)
    assert answers(bench, is_allowed).answer(request)
    after = span_requests.find(bench.site.workspace, "ward", request.id)
    assert after is not None
    assert (after.state, after.reason) == ("refused", reason)
    assert request not in bench.link.spans()
    assert list(bench.site.home.rglob("*.mkv")) == []


def test_the_server_takes_no_video_that_its_settings_do_not_allow(bench: Bench) -> None:
    fill_ring(bench.folder, 60)
    request = ask(bench)
    bench.desk.settings = bench.desk.settings.model_copy(update={"spans_from": ()})
    with pytest.raises(NotTaken, match="spans_from"):
        answers(bench, is_allowed=True).answer(request)


def test_a_request_that_cannot_be_answered_keeps_no_other_waiting(tmp_path: Path) -> None:
    bench = Bench(tmp_path, max_span_mb=0.001)
    fill_ring(bench.folder, 60)
    request = ask(bench)
    other = msgspec.structs.replace(request, id="ward-99999999T000000000", start=0.0, stop=1.0)
    span_requests.open_request(bench.site.workspace, other)
    assert answers(bench, is_allowed=True).answer_all() >= 2
    states = [
        span_requests.find(bench.site.workspace, "ward", asked.id) for asked in (request, other)
    ]
    reasons = [state.reason for state in states if state is not None]
    assert ["more than" in reasons[0], reasons[1]] == [True, spans.GONE]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"state": "uploaded", "sha256": "0" * 64}, 409),
        ({"state": "uploaded", "place": "/etc/passwd"}, 403),
        ({"state": "uploaded", "place": "s3://elsewhere/a.mkv"}, 403),
        ({"state": "uploaded", "start": float("inf"), "place": "x"}, 400),
        ({"state": "adopted"}, 400),
    ],
)
def test_an_answer_that_cannot_be_is_refused(
    bench: Bench, fields: dict[str, object], status: int
) -> None:
    request = ask(bench)
    with pytest.raises(NotTaken) as refusal:
        bench.link.finish(request.id, **fields)
    assert refusal.value.status == status
    assert request in bench.link.spans()


def test_an_upload_goes_on_where_it_was_cut_off_and_has_a_limit(tmp_path: Path) -> None:
    bench = Bench(tmp_path, max_span_mb=0.001)
    request = ask(bench)
    bench.link.upload(request.id, 0, b"x" * 600)
    with pytest.raises(NotTaken) as refusal:
        bench.link.upload(request.id, 0, b"x" * 600)
    assert (refusal.value.status, refusal.value.following) == (409, 600)
    with pytest.raises(NotTaken, match="the video has more than"):
        bench.link.upload(request.id, 600, b"x" * 600)


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

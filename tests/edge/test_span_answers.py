"""Devices answer requests for raw video, or say why not."""

from __future__ import annotations

import contextlib
import threading
import time
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from oneclick.catalog import Catalog
from oneclick.catalog.verify import verify
from oneclick.core.clips import ChosenBy
from oneclick.core.edge_messages import SpanRequest
from oneclick.core.results import BatchResult
from oneclick.edge import spans
from oneclick.edge.link import NotTaken
from oneclick.stages import cut
from oneclick.stages.intake import IntakeOptions, intake
from oneclick.storage import locks, predictions, span_requests
from oneclick.storage.intake_log import CameraLog
from oneclick.storage.live_ring import RingFrame, RingReader, RingWriter
from oneclick.storage.locks import WriteLock
from oneclick.web.intake import worker
from tests.edge import batches
from tests.edge.device_bench import Bench


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


def test_requested_video_waits_while_triggers_select_clips(bench: Bench) -> None:
    fill_ring(bench.folder, 60)
    request = ask(bench)
    assert answers(bench, is_allowed=True).answer(request)
    results: list[BatchResult] = []
    thread = threading.Thread(target=lambda: results.append(worker.work(bench.desk_settings())))
    with locks.hold(bench.site.workspace, WriteLock.SELECTION):
        thread.start()
        thread.join()
    assert [(result.done, result.failed) for result in results] == [([], {})]
    assert len(worker.work(bench.desk_settings()).done) == 1


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


def name_place(bench: Bench, folder: Path) -> tuple[SpanRequest, Path]:
    """Let a device name a place in a folder, where nothing is yet, in place of an upload."""
    fill_ring(bench.folder, 60)
    request = ask(bench)
    place = folder / "hall" / "a.mkv"
    answer = {"state": "uploaded", "start": request.start, "place": str(place)}
    bench.link.finish(request.id, **answer)
    return request, place


def test_a_place_that_is_away_is_tried_again_until_it_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(tmp_path, pull_from=(str(tmp_path / "nas"),))
    request, place = name_place(bench, tmp_path / "nas")
    clock, workspace = [1.9e9], bench.site.workspace
    monkeypatch.setattr(time, "time", lambda: clock[0])
    pauses = []
    for _ in range(3):
        assert "check the path" in worker.work(bench.desk_settings()).failed[request.id]
        assert worker.work(bench.desk_settings()).failed == {}, "not at once"
        begin = clock[0]
        while not span_requests.is_due(workspace, request_now(bench, request), clock[0]):
            clock[0] += 60
        pauses.append(clock[0] - begin)
    assert pauses == [60, 120, 240]
    place.parent.mkdir(parents=True)
    spans.write_span(RingReader(bench.folder / "ring"), request.start, request.stop, place)
    result = worker.work(bench.desk_settings())
    assert result.failed == {}
    assert request_now(bench, request).state == "adopted"


def test_a_place_that_stays_away_is_given_up_and_a_clock_set_back_delays_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(span_requests, "MOST_TRIES", 3)
    bench = Bench(tmp_path, pull_from=(str(tmp_path / "nas"),))
    request, _ = name_place(bench, tmp_path / "nas")
    for year in (0, -1, -2):
        monkeypatch.setattr(time, "time", lambda year=year: 1.9e9 + year * 3e7)
        assert request.id in worker.work(bench.desk_settings()).failed
    after = request_now(bench, request)
    assert (after.state, "check the path" in after.reason) == ("refused", True)


def request_now(bench: Bench, request: SpanRequest) -> SpanRequest:
    """Return a request as it stands."""
    after = span_requests.find(bench.site.workspace, "ward", request.id)
    assert after is not None
    return after


@pytest.mark.parametrize(
    ("place", "is_allowed"),
    [
        ("/nas/ward/a.mkv", True),
        ("/nas/ward-private/a.mkv", False),
        ("/nas/ward/../x.mkv", False),
        ("s3://ward/a.mkv", True),
        ("s3://ward-private/a.mkv", False),
        ("https://nas/a.mkv", True),
        ("https://nas.example/a.mkv", False),
        ("https://nas@example/a.mkv", False),
    ],
)
def test_a_place_lies_in_a_folder_of_the_settings(
    place: str, is_allowed: bool, tmp_path: Path
) -> None:
    bench = Bench(tmp_path, pull_from=("/nas/ward", "s3://ward/", "https://nas"))
    request = ask(bench)
    answer = {"state": "uploaded", "start": request.start, "place": place}
    with contextlib.nullcontext() if is_allowed else pytest.raises(NotTaken, match="pull_from"):
        bench.link.finish(request.id, **answer)


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

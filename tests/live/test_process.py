"""The process of the live cameras: a crash of one harms no other, and what is wrong is told."""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from oneclick import detectors, triggers, video
from oneclick.core import stream_addresses
from oneclick.core.detections import Detections
from oneclick.core.errors import DetectorUnavailable
from oneclick.detectors import base
from oneclick.detectors.base import Frame, FrameDetections
from oneclick.live import health, lamps, process
from oneclick.live.camera import LiveCamera, LiveCameraPlan, LiveOptions
from oneclick.live.health import PictureHealth
from oneclick.live.models import ModelPool
from oneclick.live.process import LiveEvent, LiveProcess
from oneclick.storage import live_state, model_registry, mutes
from oneclick.storage.live_ring import RingReader
from oneclick.storage.live_state import CameraState
from oneclick.storage.workspace import Workspace
from tests.fakes import coded_pictures, rtsp_server
from tests.fakes.rtsp_server import FakeCamera, RtspServer
from tests.live.cameras import PATIENT, QUICK
from tests.waits import HANG_SECONDS, wait_until


class SquareDetector:
    """Finds the moving square of the coded pictures; fails where it is told to."""

    name, model_id = "test:square", "square"
    names: tuple[str, ...] = ("person", "cat")
    threshold = 0.5
    stateful = shrinks = False

    def __init__(self) -> None:
        self.fails = False

    def reset(self) -> None:
        pass

    def detect(self, frames: Sequence[Frame]) -> list[FrameDetections]:
        if self.fails:
            raise RuntimeError("the device is gone")
        answers = []
        for frame in frames:
            rows, columns = np.nonzero((frame[:, :, 0] > 150) & (frame[:, :, 2] < 90))
            box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            answers.append(base.frame_detections(frame, [box, box], [0.9, 0.8], [0, 1]))
        return answers


@pytest.fixture
def detector(monkeypatch: pytest.MonkeyPatch) -> SquareDetector:
    detector = SquareDetector()
    monkeypatch.setattr(detectors, "create", lambda *_: detector)
    monkeypatch.setattr(process, "TICK_SECONDS", 0.05)
    monkeypatch.setattr(process, "FIRST_PAUSE", 0.05)
    return detector


@dataclass
class Running:
    home: Path
    events: list[LiveEvent] = field(default_factory=list)

    def state(self, camera: str) -> CameraState:
        state = live_state.read(self.home, camera)
        assert state is not None
        return state

    def ring(self, camera: str) -> RingReader:
        return RingReader(live_state.ring_folder(self.home, camera))

    def told(self, camera: str, text: str) -> bool:
        lines = (f"{e.event} {e.name} {e.detail}" for e in self.events if e.camera == camera)
        return any(text in line for line in lines)


OPTIONS = LiveOptions(backoff=QUICK, timeouts=PATIENT, fps=20)


@contextmanager
def running(
    home: Path,
    urls: dict[str, str],
    models: Sequence[str] = ("test:square",),
    tell: Callable[[LiveEvent], None] | None = None,
    is_loaded: bool = True,
    **options: object,
) -> Iterator[Running]:
    """Run cameras in a thread while the body runs."""
    live, stop = Running(home), threading.Event()
    workspace = Workspace(home)
    plans = [
        LiveCameraPlan(camera=name, address=stream_addresses.parse(url))
        for name, url in urls.items()
    ]
    pool = ModelPool(workspace, models, ("person",), "cpu")
    runner = LiveProcess(
        workspace,
        plans,
        replace(OPTIONS, **options),  # type: ignore[arg-type]
        pool=pool.renewed() if is_loaded else pool,
        make_rules=triggers.make,
        tell=tell or live.events.append,
    )
    thread = threading.Thread(target=runner.run, args=(stop,))
    thread.start()
    try:
        yield live
    finally:
        stop.set()
        thread.join()


def camera() -> FakeCamera:
    pictures = coded_pictures.encode("h264")
    return FakeCamera(codec="h264", script=rtsp_server.endless(pictures), header=pictures[0])


def test_what_a_camera_shows_is_in_ring_state_and_recording(
    tmp_path: Path, detector: SquareDetector
) -> None:
    with RtspServer(camera()) as server, running(tmp_path, {"hall": server.url()}) as live:
        wait_until(lambda: (span := live.ring("hall").span()) and span.frames >= 15)
        wait_until(lambda: live.state("hall").fps_detected > 0)
        state = live.state("hall")
        frames = live.ring("hall").after(-1, 10)
    assert (state.status, state.width, state.height) == ("running", 160, 96)
    assert state.models == (live_state.LiveModel("square", "test:square", ("person",)),)
    assert state.recording.endswith("Z.mkv")
    assert state.flags == ()
    for frame in frames:
        ((x1, y1, x2, y2, score, index),) = frame.boxes["square"]
        number = coded_pictures.number_in(decode(frame.jpeg))
        assert abs(x1 - number * 3 % 144) <= 3
        assert (round(y2 - y1, -1), round(x2 - x1, -1), score, index) == (20, 20, 0.9, 0)
        assert {"brightness", "change"} <= frame.signals.keys()
    ended = live.state("hall")
    assert (ended.status, ended.recording) == ("stopped", "")
    assert live_state.recording_sources(tmp_path)


def decode(jpeg: bytes) -> Frame:
    import cv2

    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return np.asarray(image[:, :, ::-1], np.uint8)


def test_a_thread_that_dies_is_told_and_its_camera_starts_again(
    tmp_path: Path, detector: SquareDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_once = LiveCamera._watch
    deaths = iter([RuntimeError("unforeseen"), MemoryError()])

    def watch(self: LiveCamera) -> None:
        if self.camera == "hall" and (death := next(deaths, None)):
            raise death
        look_once(self)

    monkeypatch.setattr(LiveCamera, "_watch", watch)
    servers = {name: RtspServer(camera()) for name in ("hall", "ward")}
    urls = {name: server.url() for name, server in servers.items()}
    with servers["hall"], servers["ward"], running(tmp_path, urls) as live:
        wait_until(lambda: live.told("hall", "unforeseen"), lambda: live.events)
        wait_until(lambda: (span := live.ring("hall").span()) and span.frames >= 5)
        wait_until(lambda: live.state("hall").status == "running")
    assert live.told("hall", "MemoryError")
    assert not live.told("ward", "stalled")
    assert servers["ward"].camera.connections == 1


def test_a_model_that_fails_costs_pictures_and_no_recording(
    tmp_path: Path, detector: SquareDetector
) -> None:
    detector.fails = True
    with RtspServer(camera()) as server, running(tmp_path, {"hall": server.url()}) as live:
        wait_until(lambda: live.told("hall", "the device is gone"))
        detector.fails = False
        wait_until(lambda: live.ring("hall").newest())
        wait_until(lambda: not live.state("hall").message)
    assert live_state.recording_sources(tmp_path)
    assert server.camera.connections == 1


def test_a_new_champion_that_loads_slowly_is_used_and_holds_up_no_state(
    tmp_path: Path, detector: SquareDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "MODEL_SECONDS", 0.05)
    serving, may_load = ["square"], threading.Event()
    monkeypatch.setattr(model_registry, "champion", lambda _: serving[0])
    newer = SquareDetector()
    newer.model_id = "newer"

    def create(*_: object) -> SquareDetector:
        if serving[0] == "square":
            return detector
        assert may_load.wait(HANG_SECONDS)
        return newer

    monkeypatch.setattr(detectors, "create", create)
    with (
        RtspServer(camera()) as server,
        running(tmp_path, {"ward": server.url()}, models=["model:champion"]) as live,
    ):
        wait_until(lambda: live.told("ward", "running"))
        serving[0] = "newer"
        before = live.state("ward").written_at
        wait_until(lambda: live.state("ward").written_at > before + 0.5)
        assert [model.id for model in live.state("ward").models] == ["square"]
        may_load.set()
        wait_until(lambda: [model.id for model in live.state("ward").models] == ["newer"])


def test_models_that_cannot_load_cost_no_recording_and_are_tried_again(
    tmp_path: Path, detector: SquareDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "MODEL_SECONDS", 0.05)
    absent_models = {"test:square", "test:other"}

    def create(name: str, *_: object) -> SquareDetector:
        if name in absent_models:
            raise DetectorUnavailable(f"there is no file {name}")
        return detector

    monkeypatch.setattr(detectors, "create", create)
    models = ["test:square", "test:other"]
    with (
        RtspServer(camera()) as server,
        running(tmp_path, {"hall": server.url()}, models) as live,
    ):
        wait_until(lambda: live.told("hall", "running") and live.ring("hall").newest())
        wait_until(lambda: live.state("hall").recording)
        state = live.state("hall")
        assert (state.status, state.flags, state.models) == ("running", ("no-model",), ())
        assert state.message.startswith("no model: there is no file test:square")
        absent_models.remove("test:square")
        wait_until(lambda: [model.id for model in live.state("hall").models] == ["square"])
        wait_until(lambda: live.state("hall").message == "one model: there is no file test:other")
        wait_until(lambda: (frame := live.ring("hall").newest()) and "square" in frame.boxes)
        absent_models.clear()
        wait_until(lambda: not live.state("hall").flags)
    assert server.camera.connections == 1


def test_cameras_run_while_their_models_are_being_loaded(
    tmp_path: Path, detector: SquareDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_load = threading.Event()

    def create(*_: object) -> SquareDetector:
        assert may_load.wait(HANG_SECONDS)
        return detector

    monkeypatch.setattr(detectors, "create", create)
    with (
        RtspServer(camera()) as server,
        running(tmp_path, {"hall": server.url()}, is_loaded=False) as live,
    ):
        wait_until(lambda: live.told("hall", "running"))
        wait_until(lambda: live.state("hall").recording)
        assert live.state("hall").message == process.LOADING
        may_load.set()
        wait_until(lambda: [model.id for model in live.state("hall").models] == ["square"])
        wait_until(lambda: not live.state("hall").message)
    assert server.camera.connections == 1


def test_the_process_that_goes_on_knows_for_how_long_a_camera_is_down(
    tmp_path: Path, detector: SquareDetector
) -> None:
    start = time.time()
    at_kill = CameraState(
        camera="hall",
        status="stalled",
        since=start - 700,
        written_at=start - 2,
        trouble_since={"down": start - 700},
    )
    live_state.write(tmp_path, at_kill)
    with running(tmp_path, {"hall": "rtsp://127.0.0.1:9/a"}) as live:
        wait_until(lambda: live.told("hall", "connecting"))
        assert live.state("hall").trouble_since == {"down": start - 700}
    stopped = live.state("hall")
    assert (stopped.status, stopped.trouble_since) == ("stopped", {"down": start - 700})


def test_a_log_that_cannot_be_written_ends_no_camera(
    tmp_path: Path, detector: SquareDetector
) -> None:
    def tell(_: LiveEvent) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with (
        RtspServer(camera()) as server,
        running(tmp_path, {"hall": server.url()}, tell=tell) as live,
    ):
        wait_until(lambda: live.ring("hall").newest())
    assert live.state("hall").message == "its process has ended"


def test_a_second_process_leaves_the_first_alone(tmp_path: Path, detector: SquareDetector) -> None:
    with RtspServer(camera()) as server, running(tmp_path, {"hall": server.url()}) as live:
        wait_until(lambda: live.ring("hall").newest())
        # States are written once a second: the picture may be there before.
        wait_until(lambda: live.state("hall").status == "running")
        with running(tmp_path, {"hall": server.url()}) as second:
            wait_until(lambda: second.told("hall", "another process"))
        assert live.state("hall").status == "running"
    assert server.camera.connections == 1


def test_files_are_played_to_their_end_and_every_picture_is_looked_at(
    tmp_path: Path, detector: SquareDetector
) -> None:
    film = tmp_path / "film.mp4"
    video.write(film, (coded_pictures.picture(k) for k in range(30)), 20)
    with running(tmp_path / "home", {"film": str(film)}, is_paced=False) as live:
        wait_until(lambda: live.told("film", "has ended"))
    frames = live.ring("film").after(-1, 100)
    assert [coded_pictures.number_in(decode(frame.jpeg)) for frame in frames] == list(range(30))
    assert live.state("film").dropped == 0


def test_a_camera_without_a_model_shows_key_frames(tmp_path: Path) -> None:
    with RtspServer(camera()) as server:
        options = replace(OPTIONS, ring_width=80)
        plan = LiveCameraPlan(camera="hall", address=stream_addresses.parse(server.url()))
        hall = LiveCamera(Workspace(tmp_path), plan, options, None, triggers.make())
        hall.start()
        reader = RingReader(live_state.ring_folder(tmp_path, "hall"))
        wait_until(lambda: reader.newest())
        hall.stop()
    newest = reader.newest()
    assert newest is not None
    assert (newest.width, newest.height, newest.boxes) == (80, 48, {})
    assert coded_pictures.number_in(decode(newest.jpeg)) % 10 == 0


CASES = {
    "well": (0.4, 5.0, ()),
    "frozen": (0.4, 0.0, ("frozen",)),
    "dark": (0.01, 5.0, ("dark",)),
    "a lens cap on a frozen camera": (0.0, 0.0, ("dark", "frozen")),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_wrong_with_pictures_is_told_within_a_minute(name: str) -> None:
    brightness, change, flags = CASES[name]
    pictures = PictureHealth()
    for k in range(600):
        pictures.see(1000 + k / 10, {"brightness": brightness, "change": change}, k / 10)
        if k == 30:
            assert pictures.flags(1000 + k / 10, k / 10, began=0) == ()
    assert pictures.flags(1060, 60, began=0) == flags
    late = 60 + health.SILENT_SECONDS + 1
    assert pictures.flags(1000 + late, late, began=0) == ("silent",)
    pictures.see(1090, {"brightness": 0.5, "change": 9.0}, 90)
    assert pictures.flags(1091, 91, began=0) == ()


def test_a_clock_that_is_set_back_hides_no_trouble() -> None:
    pictures = PictureHealth()
    for steady, at in enumerate([*range(5000, 5060), *range(1000, 1060)]):
        pictures.see(at, {"brightness": 0.0, "change": 0.0}, steady)
    assert pictures.flags(1060, 120, began=0) == ("dark", "frozen")


def test_a_camera_that_never_sent_a_picture_is_silent_after_a_while() -> None:
    assert PictureHealth().flags(5000, 1010, began=1000) == ()
    late = 1000 + health.SILENT_SECONDS + 1
    assert PictureHealth().flags(5000, late, began=1000) == ("silent",)


def test_lamps_are_those_of_the_triggers_over_the_last_minute(tmp_path: Path) -> None:
    is_muted = lamps.CameraMutes(Workspace(tmp_path), "hall").cover
    scanner = lamps.LampScanner(triggers.make(["flicker"]), [0.5], is_muted)
    box = ([[10, 10, 40, 90]], [0.9], [0])
    nothing: tuple[list[float], list[float], list[int]] = ([], [], [])
    frame = np.zeros((96, 160, 3), np.uint8)

    def add(k: int, is_there: bool) -> None:
        answer = base.frame_detections(frame, *(box if is_there else nothing))
        boxes = base.join_frames([answer], ("person",), 1, 10.0, ("person",))
        scanner.add(1000 + k / 10, [boxes], {}, (160, 96))

    for k in range(60):
        add(k, is_there=True)
    assert scanner.scan() == ()
    for k in range(60, 90):
        add(k, is_there=k % 4 > 1)
    assert [lamp.trigger for lamp in scanner.scan()] == ["flicker"]
    for k in range(90, 150):
        add(k, is_there=True)
    assert scanner.scan() == ()
    scanner.start_stretch()
    assert scanner.scan_if_due() is None


@pytest.mark.parametrize("gap", [0.1, 2.5, 7.0, 40.0])
def test_lamps_light_however_rare_the_pictures_are_and_rare_ones_are_told(
    gap: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    scanner = lamps.LampScanner(triggers.make(["dark"]), [0.5])
    boxes = Detections.empty(1, 10.0, ("person",))
    scans = []
    for k in range(40):
        clock[0] += gap
        scanner.add(1000 + k * gap, [boxes], {"brightness": 0.0}, (160, 96))
        scans.append(scanner.scan_if_due())
        assert len(scanner._answers) <= max(lamps.SCAN_SECONDS / gap + 1, 10)
    lamp_lists = [scan for scan in scans if scan is not None]
    assert [lamp.trigger for lamp in lamp_lists[-1]] == ["dark"]
    assert scanner.note == (lamps.RARE if gap > 2 else "")
    for k in range(200):  # it gets faster
        scanner.add(1000 + 40 * gap + k / 10, [boxes], {"brightness": 90.0}, (160, 96))
        clock[0] += 0.1
    clock[0] += 100
    scanner.scan_if_due()
    assert scanner.note == "" or gap > 30


def test_a_muted_trigger_lights_no_lamp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace, start = Workspace(tmp_path), datetime.fromtimestamp(1000, UTC)
    monkeypatch.setattr(lamps, "MUTE_SECONDS", 0)
    muted = lamps.CameraMutes(workspace, "hall")
    assert not muted.cover("flicker", 1010)
    mute = mutes.Mute(
        id="hall-1",
        camera="hall",
        trigger="flicker",
        since=start,
        until=start + timedelta(minutes=1),
        reason="painters",
        by="anna",
        at=start,
    )
    assert mutes.add(workspace, mute)
    expected = {("flicker", 1010): True, ("jump", 1010): False, ("flicker", 1060): False}
    assert {key: muted.cover(*key) for key in expected} == expected
    assert not lamps.CameraMutes(workspace, "ward").cover("flicker", 1010)
    mutes.lift(workspace, "hall-1", start + timedelta(seconds=5), "anna")
    assert not muted.cover("flicker", 1010)

"""One live camera: its threads, and what may be said of it from outside."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from oneclick.core.errors import OneclickError
from oneclick.core.stream_addresses import Credentials, StreamAddress
from oneclick.live.lamps import CameraMutes
from oneclick.live.models import CameraModel
from oneclick.live.watcher import PictureWatcher, WatchOptions
from oneclick.storage import failure_log, live_state
from oneclick.storage.live_ring import Lamp, RingWriter
from oneclick.storage.live_state import CameraState, LiveStatus
from oneclick.storage.workspace import Workspace
from oneclick.triggers import RuleSet
from oneclick.video.streams import recorder
from oneclick.video.streams.base import PacketSink
from oneclick.video.streams.connection import StreamTimeouts
from oneclick.video.streams.pictures import DecodePolicy, PictureDecoder, PictureSlot
from oneclick.video.streams.reader import Backoff, StreamOptions, StreamReader
from oneclick.video.streams.recorder import SegmentRecorder

_TAKE_SECONDS = 0.2
_KEYS_FPS = 0.2
"""Key frames a second that are decoded of a camera that no model looks at, at most: 1080p takes 40
ms of CPU each, and what is wrong with pictures shows in a few of them."""


@dataclass(frozen=True, kw_only=True)
class LiveCameraPlan:
    """A camera that is to be run."""

    camera: str
    """Its name in ids."""
    address: StreamAddress
    credentials: Credentials | None = field(default=None, repr=False)
    authorities: str = ""
    """PEM file of those who sign the camera's certificate; empty: those that the system knows."""


@dataclass(frozen=True, kw_only=True)
class LiveOptions:
    """How all cameras of a process are run."""

    classes: tuple[str, ...] = ("person",)
    fps: float = 10.0
    """Pictures a second that the models look at, at most."""
    record: bool = True
    segment_seconds: float = 300.0
    retain_seconds: float = 72 * 3600.0
    ring_minutes: float = 10.0
    ring_bytes: int = 1_000_000_000
    ring_width: int = 1280
    is_paced: bool = True
    """Whether files are played at their own speed; else as fast as they can be looked at."""
    backoff: Backoff = field(default_factory=Backoff)
    timeouts: StreamTimeouts = field(default_factory=StreamTimeouts)


class LiveCamera:
    """A camera that runs in threads of its own; an error in one of them ends this camera alone.

    Args:
        workspace: gets ring and recordings.
        plan: which camera.
        options: how it is run.
        models: that look at it, none as long as they cannot load; None decodes key frames alone.
        rules: triggers for the lamps.

    Raises:
        Unavailable: another process runs this camera, or its folder cannot be written.
    """

    def __init__(
        self,
        workspace: Workspace,
        plan: LiveCameraPlan,
        options: LiveOptions,
        models: Sequence[CameraModel] | None,
        rules: RuleSet,
    ) -> None:
        self.camera, self._workspace, self._options = plan.camera, workspace, options
        ring_folder = live_state.ring_folder(workspace.home, plan.camera)
        self._ring = RingWriter(ring_folder, options.ring_minutes, options.ring_bytes)
        self.notes: list[str] = []
        """What became of the parts that a killed process left."""
        try:
            self._recorder = self._make_recorder()
        except BaseException:
            self._ring.close()
            raise
        fps = min(options.fps, _KEYS_FPS) if models is None else options.fps
        policy: DecodePolicy = "keys" if models is None else "newest"
        if plan.address.kind == "path" and not options.is_paced:
            policy = "every"
        self._slot = PictureSlot()
        self._decoder = PictureDecoder(self._slot, fps, policy)
        sinks: list[PacketSink] = [self._decoder]
        if self._recorder is not None:
            sinks.insert(0, self._recorder)
        stream_options = StreamOptions(
            credentials=plan.credentials,
            authorities=plan.authorities,
            timeouts=options.timeouts,
            backoff=options.backoff,
            is_paced=options.is_paced,
        )
        self._reader = StreamReader(plan.address, sinks, stream_options, self._set_status)
        watch_options = WatchOptions(
            classes=options.classes, fps=fps, ring_width=options.ring_width
        )
        is_muted = CameraMutes(workspace, plan.camera).cover
        self._watcher = PictureWatcher(models or (), rules, self._ring, watch_options, is_muted)
        self._next_models: Sequence[CameraModel] | None = None
        self._stop, self._has_ended = threading.Event(), threading.Event()
        self._status: LiveStatus = "connecting"
        self._message, self._since, self._began = "", time.time(), time.monotonic()
        self.failure = ""
        """Why a thread of the camera died; empty while all run."""
        self._threads = [
            self._thread("read", self._read),
            self._thread("decode", self._decoder.run),
            self._thread("watch", self._watch),
        ]

    def start(self) -> None:
        """Start all threads."""
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float = 15.0) -> None:
        """End all threads, and close segment and ring.

        Args:
            timeout: seconds to wait for the source; a thread that hangs in it is left behind.
        """
        self._reader.stop()
        self._stop.set()
        self._decoder.close()
        deadline = time.monotonic() + timeout
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(0.0, deadline - time.monotonic()))
        if self._recorder is not None and not self._threads[0].is_alive():
            self._recorder.close()
        self._ring.close()

    def use(self, models: Sequence[CameraModel]) -> None:
        """Look with other models from the next picture on."""
        self._next_models = models

    @property
    def is_done(self) -> bool:
        """Check whether a file or folder has been played to its end, and all was looked at."""
        return self._has_ended.is_set()

    @property
    def lamps(self) -> tuple[Lamp, ...]:
        """Return the lamps that are lit."""
        return self._watcher.lamps

    def state(self, now: float) -> CameraState:
        """Return what the camera does at unix seconds."""
        watcher, decoder, writer = self._watcher, self._decoder, self._recorder
        watcher.health.count_damage(now, decoder.damaged)
        is_ended = self.is_done
        flags = () if is_ended else watcher.health.flags(now, time.monotonic(), self._began)
        problem = watcher.problem
        if writer is not None and writer.problem:
            flags = tuple(sorted((*flags, "not-recorded")))
            problem = problem or writer.problem
        problem = problem or watcher.note
        width, height = watcher.size
        return CameraState(
            camera=self.camera,
            status="stopped" if is_ended else self._status,
            message=self._message or problem,
            since=self._since,
            written_at=now,
            fps_in=round(self._reader.rate(now), 2),
            fps_detected=round(watcher.rate(now), 2),
            dropped=self._slot.dropped + decoder.dropped,
            lag_ms=round(watcher.lag * 1000, 1),
            models=tuple(model.describe() for model in watcher.models),
            width=width,
            height=height,
            flags=flags,
            recording=writer.segment if writer is not None else "",
        )

    def _make_recorder(self) -> SegmentRecorder | None:
        """Return the recorder, after what a killed process left was finished."""
        if not self._options.record:
            return None
        folder = live_state.recordings_folder(self._workspace.home, self.camera)
        self.notes = [f"{part}: {result}" for part, result in recorder.salvage(folder).items()]
        return SegmentRecorder(folder, self._options.segment_seconds, self._options.retain_seconds)

    def _read(self) -> None:
        self._reader.run()
        if self._stop.is_set():
            return
        while not ((self._decoder.is_idle and self._slot.is_idle) or self._stop.is_set()):
            self._stop.wait(_TAKE_SECONDS)
        self._set_status("stopped", "its recording has ended")
        if self._recorder is not None:
            self._recorder.close()
        self._has_ended.set()

    def _watch(self) -> None:
        """Look at the newest picture, again and again; a picture that fails is left out."""
        while not self._stop.is_set():
            models, self._next_models = self._next_models, None
            if models is not None:
                self._watcher.use(models)
            picture = self._slot.take(_TAKE_SECONDS)
            if picture is None:
                continue
            try:
                self._watcher.look(picture)
            except Exception as error:  # of a network, a device or a plug-in
                self._watcher.problem = failure_log.record(
                    self._workspace, f"live-{self.camera}", "look at a picture", error
                )
                self._stop.wait(1.0)

    def _set_status(self, status: LiveStatus, message: str) -> None:
        if status != self._status:
            self._since = time.time()
        if status == "running" and self._status != "running":
            self._began = time.monotonic()
        self._status, self._message = status, message

    def _thread(self, name: str, function: Callable[[], None]) -> threading.Thread:
        """Return a thread whose error becomes `failure`."""

        def run() -> None:
            try:
                function()
            except OneclickError as error:
                self.failure = str(error)
            except BaseException as error:
                action = f"{name} camera {self.camera}"
                known = error if isinstance(error, Exception) else RuntimeError(str(error))
                with contextlib.suppress(Exception):
                    self.failure = failure_log.record(
                        self._workspace, f"live-{self.camera}", action, known
                    )
                self.failure = self.failure or f"cannot {action}: {type(error).__name__}"

        return threading.Thread(target=run, name=f"{self.camera}-{name}", daemon=True)

"""The process that runs live cameras: it starts them, publishes their states, and mends them."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from oneclick.core.errors import OneclickError
from oneclick.live.camera import LiveCamera, LiveCameraPlan, LiveOptions
from oneclick.live.models import ModelPool
from oneclick.storage import failure_log, live_ring, live_state, locks
from oneclick.storage.live_state import CameraState
from oneclick.storage.workspace import Workspace
from oneclick.triggers import RuleSet

TICK_SECONDS = 1.0
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 60.0
"""Seconds before a camera that died is started again, twice as many each time."""
MODEL_SECONDS = 60.0
"""Time between two looks whether other models are in service, or can be loaded by now."""

NO_MODEL = "no-model"
"""Flag of a camera that a model should look at which cannot be loaded."""
LOADING = "its models are being loaded"


@dataclass(frozen=True, kw_only=True)
class LiveEvent:
    """Something that changed in a live camera."""

    time: float
    """Unix seconds."""
    camera: str
    event: Literal["status", "lamp", "flags", "note"]
    name: str
    """Status, trigger, or flags; empty for a note."""
    is_on: bool = True
    """False for a lamp that went out."""
    detail: str = ""
    score: float | None = None
    """Of a lamp."""


class _Slot:
    """A camera that is to run, with what was last told about it."""

    def __init__(self, plan: LiveCameraPlan) -> None:
        self.plan = plan
        self.camera: LiveCamera | None = None
        self.failures = 0
        self.not_before = 0.0
        self.failure = ""
        self.failed_at = 0.0
        self.told: CameraState | None = None
        self.written: CameraState | None = None
        """The last state on disk, at first that of a process before: its troubles go on."""
        self.lamps: Mapping[str, float] = {}


class LiveProcess:
    """Runs cameras until it is stopped, or until all that are files have ended.

    Args:
        workspace: gets rings, recordings and states.
        plans: the cameras.
        options: how they are run.
        pool: models that all share. They are loaded beside the cameras, which do not wait for them;
            files do, for every picture of them is looked at.
        make_rules: makes the triggers of a camera.
        tell: gets what changes, in the thread of `run`.
    """

    def __init__(
        self,
        workspace: Workspace,
        plans: Sequence[LiveCameraPlan],
        options: LiveOptions,
        *,
        pool: ModelPool,
        make_rules: Callable[[], RuleSet],
        tell: Callable[[LiveEvent], None],
    ) -> None:
        self._workspace, self._options = workspace, options
        self._pool, self._make_rules, self._tell = pool, make_rules, tell
        self._slots = [_Slot(plan) for plan in plans]
        for slot in self._slots:
            slot.written = live_state.last(workspace.home, slot.plan.camera)
        self._next_model_check = float("-inf")
        self._loading: threading.Thread | None = None
        self._loaded = pool
        self._is_loaded = not pool.is_empty

    def run(self, stop: threading.Event, seconds: float | None = None) -> None:
        """Run until `stop` is set, `seconds` have passed, or every file has ended."""
        deadline = None if seconds is None else time.monotonic() + seconds
        try:
            while not stop.is_set():
                self._renew_models()
                for slot in self._slots:
                    self._mend(slot)
                    self._publish(slot)
                if all(slot.camera is not None and slot.camera.is_done for slot in self._slots):
                    return
                if deadline is not None and time.monotonic() >= deadline:
                    return
                stop.wait(TICK_SECONDS)
        finally:
            self._end()

    def _mend(self, slot: _Slot) -> None:
        """Start a camera that does not run; one that died is started again after a pause."""
        camera = slot.camera
        if camera is not None and camera.failure:
            self._note_failure(slot, camera.failure)
            camera.stop(timeout=1.0)
            slot.camera = None
            return
        if slot.camera is not None or time.monotonic() < slot.not_before:
            return
        if slot.plan.address.kind == "path" and not self._is_loaded:
            return
        try:
            slot.camera = LiveCamera(
                self._workspace,
                slot.plan,
                self._options,
                self._pool.for_camera() if self._pool.names else None,
                self._make_rules(),
            )
            slot.camera.start()
        except Exception as error:
            item = f"live-{slot.plan.camera}"
            action = f"start camera {slot.plan.camera}"
            self._note_failure(slot, failure_log.record(self._workspace, item, action, error))
            return
        for note in slot.camera.notes:
            self._event(slot, "note", "", detail=note)

    def _note_failure(self, slot: _Slot, failure: str) -> None:
        slot.failures += 1
        pause = min(FIRST_PAUSE * 2.0 ** min(slot.failures - 1, 20), LONGEST_PAUSE)
        slot.not_before = time.monotonic() + pause
        slot.failure, slot.failed_at = failure, time.time()

    def _publish(self, slot: _Slot) -> None:
        """Write the state of a camera, and tell what changed since the last one."""
        now = time.time()
        state = live_state.with_troubles(self._state(slot, now), slot.written)
        slot.written = state
        try:
            self._write(slot, state)
        except OneclickError as error:
            state = msgspec.structs.replace(state, message=state.message or str(error))
            if slot.camera is None:  # another process runs it, and knows its troubles
                slot.written = live_state.last(self._workspace.home, slot.plan.camera)
        told = slot.told
        slot.told = state
        if told is None or (told.status, told.message) != (state.status, state.message):
            self._event(slot, "status", state.status, detail=state.message)
        if state.flags != (told.flags if told else ()):
            self._event(slot, "flags", " ".join(state.flags), bool(state.flags))
        lamps = {lamp.trigger: lamp for lamp in slot.camera.lamps} if slot.camera else {}
        for trigger in slot.lamps.keys() - lamps.keys():
            self._event(slot, "lamp", trigger, False)
        for trigger, lamp in lamps.items():
            if trigger not in slot.lamps:
                self._event(slot, "lamp", trigger, True, lamp.why, lamp.score)
        slot.lamps = {trigger: lamp.score for trigger, lamp in lamps.items()}

    def _state(self, slot: _Slot, now: float) -> CameraState:
        if slot.camera is not None:
            return self._with_models(slot.camera.state(now))
        return CameraState(
            camera=slot.plan.camera,
            status="stalled" if slot.failure else "connecting",
            message=slot.failure or ("" if self._is_loaded else LOADING),
            since=slot.failed_at or now,
            written_at=now,
        )

    def _with_models(self, state: CameraState) -> CameraState:
        """Return a state that tells which models cannot look."""
        if state.status == "stopped":
            return state
        message = LOADING if not self._is_loaded else ""
        if reasons := self._pool.reasons:
            message = f"{'no' if self._pool.is_empty else 'one'} model: {'; '.join(reasons)}"
        flags = {*state.flags, *((NO_MODEL,) if reasons else ())}
        return msgspec.structs.replace(
            state, message=state.message or message, flags=tuple(sorted(flags))
        )

    def _event(
        self,
        slot: _Slot,
        event: Literal["status", "lamp", "flags", "note"],
        name: str,
        is_on: bool = True,
        detail: str = "",
        score: float | None = None,
    ) -> None:
        told = LiveEvent(
            time=time.time(),
            camera=slot.plan.camera,
            event=event,
            name=name,
            is_on=is_on,
            detail=detail,
            score=score,
        )
        # The log may lie on a full disk, or its reader may be gone: cameras run on.
        with contextlib.suppress(OSError):
            self._tell(told)

    def _renew_models(self) -> None:
        """Let all cameras look with the models in service; one that cannot load changes nothing.

        They are loaded aside, which may take longer than a state may be old.
        """
        if self._loading is not None:
            if not self._loading.is_alive():
                self._loading = None
                self._use_models()
        elif time.monotonic() >= self._next_model_check:
            self._next_model_check = time.monotonic() + MODEL_SECONDS
            self._loading = threading.Thread(target=self._load_models, daemon=True)
            self._loading.start()

    def _load_models(self) -> None:
        self._loaded = self._pool.renewed()

    def _use_models(self) -> None:
        """Let all cameras look with the models that were loaded."""
        self._is_loaded = True
        if self._loaded is self._pool:
            return
        self._pool = self._loaded
        for slot in self._slots:
            if slot.camera is not None:
                slot.camera.use(self._pool.for_camera())
        for error in self._pool.failures.values():
            reason = failure_log.record(self._workspace, "live-models", "load models", error)
            for slot in self._slots:
                self._event(slot, "note", "", detail=reason)

    def _end(self) -> None:
        """Stop all cameras side by side, and write that they are stopped."""
        cameras = [slot.camera for slot in self._slots if slot.camera is not None]
        threads = [threading.Thread(target=camera.stop) for camera in cameras]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for slot in self._slots:
            now = time.time()
            state = self._state(slot, now)
            is_done = slot.camera is not None and slot.camera.is_done
            message = state.message if is_done else "its process has ended"
            ended = msgspec.structs.replace(
                state, status="stopped", message=message, recording="", fps_in=0.0, fps_detected=0.0
            )
            with contextlib.suppress(OneclickError):
                self._write(slot, live_state.with_troubles(ended, slot.written))

    def _write(self, slot: _Slot, state: CameraState) -> None:
        """Write the state of a camera, unless another process runs it."""
        home, is_running = self._workspace.home, slot.camera is not None
        lock = live_state.ring_folder(home, state.camera) / live_ring.LOCK_NAME
        with contextlib.nullcontext() if is_running else locks.file_lock(lock, wait=False):
            live_state.write(home, state)

"""State of a live camera: a small file that its process writes every second and others read."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Literal

import msgspec

from oneclick.core.errors import BadInput
from oneclick.storage import files

STALE_SECONDS = 10.0
"""A state that was not written for so long belongs to a process that is gone."""
DOWN = "down"
"""Trouble of a camera that does not run; the other troubles are called as its flags."""
STEADY_SECONDS = 60.0
"""A camera that has run for so long, or for as long as it was down, is not down any more: one that
comes for a moment again and again is."""
LiveStatus = Literal["connecting", "running", "stalled", "refused", "stopped"]


class LiveModel(msgspec.Struct, frozen=True):
    """A model that looks at a live camera."""

    id: str
    """`model_id`, under which the ring holds its boxes."""
    name: str
    """As a user writes it: model:champion."""
    classes: tuple[str, ...]
    threshold: float = 0.5
    """Operating point: a box counts from this confidence on."""


class CameraState(msgspec.Struct, frozen=True, kw_only=True):
    """What a live camera does at a moment."""

    camera: str
    status: LiveStatus
    message: str = ""
    """Why it does not run, or what is wrong with it, in one line."""
    since: float
    """Unix seconds from which on it has this status."""
    written_at: float
    """Unix seconds."""
    fps_in: float = 0.0
    """Pictures a second that the camera sends."""
    fps_detected: float = 0.0
    """Pictures a second that the models look at."""
    dropped: int = 0
    """Pictures that no model looked at because it was busy."""
    lag_ms: float = 0.0
    """Time from a picture's arrival until its boxes are in the ring."""
    models: tuple[LiveModel, ...] = ()
    width: int = 0
    height: int = 0
    flags: tuple[str, ...] = ()
    """What is wrong with the pictures: frozen, dark, silent, damaged, not-recorded, no-model."""
    recording: str = ""
    """Name of the segment that is written; empty where nothing is recorded."""
    trouble_since: dict[str, float] = {}
    """Unix seconds from which on each flag has lasted, and DOWN any other status than running. A
    new attempt to connect ends neither, nor does another process; a moment of pictures does not
    end DOWN."""


def camera_folder(home: Path, camera: str) -> Path:
    """Return the folder of a live camera: its state, ring and recordings."""
    return home / "live" / camera


def state_file(home: Path, camera: str) -> Path:
    """Return the file of a camera's state."""
    return camera_folder(home, camera) / "state.json"


def ring_folder(home: Path, camera: str) -> Path:
    """Return the folder of a camera's ring."""
    return camera_folder(home, camera) / "ring"


def recordings_folder(home: Path, camera: str) -> Path:
    """Return the folder of a camera's segments; the one above it is a source of `collect`."""
    return camera_folder(home, camera) / "recordings" / camera


def recording_sources(home: Path) -> list[str]:
    """Return the folders of segments that are closed, a source of `collect` for each camera."""
    closed = (home / "live").glob("*/recordings/*/[!.]*.mkv")
    return sorted({str(path.parents[1]) for path in closed})


def camera_of(home: Path, path: Path | None) -> str:
    """Return the camera of a recorded segment; "" for every other file."""
    if path is None or path.suffix != ".mkv":
        return ""
    camera = path.parent.name
    folder = recordings_folder(home, camera)
    return camera if path.parent.absolute() == folder.absolute() else ""


def cameras(home: Path) -> list[str]:
    """Return the cameras that have run live here, sorted."""
    return sorted(path.parent.name for path in (home / "live").glob("*/state.json"))


def write(home: Path, state: CameraState) -> None:
    """Write the state of a camera atomically.

    It is not flushed to the device: a state that a power cut loses is stale anyway.

    Raises:
        NoSpace: the device is full.
        Unavailable: the folder cannot be written.
    """
    path = state_file(home, state.camera)
    with files.temporary_name(path) as temporary, files.guard(path):
        temporary.write_bytes(files.to_json(state))
        temporary.replace(path)


def with_troubles(state: CameraState, earlier: CameraState | None) -> CameraState:
    """Return a state that tells how long its troubles last, by the one that was written before.

    Args:
        state: of now.
        earlier: the last one on disk, of another process too.
    """
    known = earlier.trouble_since if earlier else {}
    since = {flag: known.get(flag, state.written_at) for flag in state.flags}
    if state.status not in ("running", "stopped"):
        ran_at = earlier.written_at if earlier and earlier.status == "running" else math.inf
        since[DOWN] = known.get(DOWN, ran_at)
    elif DOWN in known and not (state.status == "running" and _is_steady(state, known[DOWN])):
        since[DOWN] = known[DOWN]
    # A time in the future is one from before the clock was set back.
    since = {trouble: min(since[trouble], state.written_at) for trouble in sorted(since)}
    return msgspec.structs.replace(state, trouble_since=since)


def _is_steady(state: CameraState, down_since: float) -> bool:
    """Check whether a camera that was down has run for long enough to be called well."""
    needed = min(STEADY_SECONDS, state.since - down_since)
    return not -STALE_SECONDS < state.written_at - state.since < needed


def last(home: Path, camera: str) -> CameraState | None:
    """Return the state that was written last, of whatever process; None where none can be read."""
    try:
        state: CameraState = files.read_json(state_file(home, camera), CameraState)
    except BadInput:
        return None
    return state


def read(home: Path, camera: str, now: float | None = None) -> CameraState | None:
    """Return the state of a camera; None where there is none that can be read.

    A state that is older than STALE_SECONDS reads as stopped.

    Args:
        home: the workspace folder.
        camera: its name in ids.
        now: unix seconds, by default the clock's.
    """
    state = last(home, camera)
    if state is None:
        return None
    at = time.time() if now is None else now
    if state.status == "stopped" or abs(at - state.written_at) <= STALE_SECONDS:
        return state
    return msgspec.structs.replace(
        state,
        status="stopped",
        message="its process does not run any more",
        since=state.written_at,
        fps_in=0.0,
        fps_detected=0.0,
    )


def unknown(home: Path, camera: str, now: float) -> CameraState:
    """Return the state of a camera of which there is none that can be read."""
    is_broken = state_file(home, camera).exists()
    message = "its state cannot be read" if is_broken else "it has not run yet"
    return CameraState(camera=camera, status="stopped", message=message, since=now, written_at=now)

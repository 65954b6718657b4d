"""Requests for raw video: `intake/<camera>/spans/<id>.json`, and what devices send for them.

The worker of the intake opens a request, the server notes what the device answers, and the worker
takes the video in.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from oneclick.core.edge_messages import SpanRequest
from oneclick.core.errors import BadInput
from oneclick.storage import files, sealed_files
from oneclick.storage.workspace import Workspace

ANSWER_SUFFIXES = (".part", ".mkv", ".place")
"""Of the files that a device's answer makes."""
LONGEST_WAIT = timedelta(days=7)
"""A device keeps its pictures for minutes: an older request can hardly be answered."""
FIRST_PAUSE, LONGEST_PAUSE = 60.0, 6 * 3600.0
"""Seconds until a named place is tried again: each time twice as long."""
MOST_TRIES = 16
"""Tries of a named place: two days."""
KEEP = timedelta(days=90)
"""Requests that have ended are kept for so long."""
_ID = re.compile(r"[a-z0-9_]+-[A-Za-z0-9_-]{1,80}")


class SpanPlace(msgspec.Struct, frozen=True, kw_only=True):
    """`<id>.place`: where the video of a request is, and when it begins."""

    start: float
    place: str = ""
    """Empty where it was uploaded."""
    sha256: str = ""
    """Of an upload."""
    tries: int = 0
    """How often a named place could not be read."""
    again_at: float = 0.0
    """Unix seconds before which it is not tried again."""


@dataclass(frozen=True)
class SpanSource:
    """Where the video of a request is."""

    place: str
    """Path or URL."""
    started_at: datetime
    is_upload: bool
    """Whether it was sent here, so that what it is never changes."""


def folder(workspace: Workspace, camera: str) -> Path:
    """Return the folder of the requests of a camera."""
    return workspace.intake_dir / camera / "spans"


def part_file(workspace: Workspace, request: SpanRequest) -> Path:
    """Return the file that the parts of an upload are added to."""
    return folder(workspace, request.camera) / f"{request.id}.part"


def video_file(workspace: Workspace, request: SpanRequest) -> Path:
    """Return the complete upload, until it is a recording."""
    return folder(workspace, request.camera) / f"{request.id}.mkv"


def place_file(workspace: Workspace, request: SpanRequest) -> Path:
    """Return the file with the path or URL that a device named in place of an upload."""
    return folder(workspace, request.camera) / f"{request.id}.place"


def count_of_day(workspace: Workspace, camera: str, day: str) -> int:
    """Return how many requests have been made for video of a day, such as 20261128."""
    names = files.json_names(folder(workspace, camera)) + files.json_names(_done(workspace, camera))
    return sum(name.startswith(f"{camera}-{day}") for name in set(names))


def open_request(workspace: Workspace, request: SpanRequest) -> bool:
    """Write a new request; return False if there is one of this id, which stays."""
    if (_done(workspace, request.camera) / f"{request.id}.json").exists():
        return False
    return files.create(_path(workspace, request), sealed_files.encode(request))


def find(workspace: Workspace, camera: str, request_id: str) -> SpanRequest | None:
    """Return a request of a camera; None where there is none of this id.

    Raises:
        BadInput: it is broken.
    """
    if not _ID.fullmatch(request_id):
        return None
    for place in (folder(workspace, camera), _done(workspace, camera)):
        if (path := place / f"{request_id}.json").exists():
            request: SpanRequest = sealed_files.read(path, SpanRequest)
            return request
    return None


def pending(workspace: Workspace, camera: str) -> list[SpanRequest]:
    """Return the readable requests of a camera that are not finished, oldest first."""
    requests: list[SpanRequest] = []
    for name in sorted(files.json_names(folder(workspace, camera))):
        with contextlib.suppress(BadInput):
            requests.append(sealed_files.read(folder(workspace, camera) / name, SpanRequest))
    return requests


def newest_ended(workspace: Workspace, camera: str) -> SpanRequest | None:
    """Return the request for the latest moment of those that have ended; None without one."""
    for name in sorted(files.json_names(_done(workspace, camera)), reverse=True):
        with contextlib.suppress(BadInput):
            request: SpanRequest = sealed_files.read(_done(workspace, camera) / name, SpanRequest)
            return request
    return None


def all_pending(workspace: Workspace) -> list[SpanRequest]:
    """Return the requests of all cameras that are not finished."""
    cameras = sorted(path.parent.name for path in workspace.intake_dir.glob("*/spans"))
    return [request for camera in cameras for request in pending(workspace, camera)]


def source_of(workspace: Workspace, request: SpanRequest) -> SpanSource:
    """Return the file or URL of the video of a request, and when it begins.

    Raises:
        BadInput: what the device answered is broken, or its upload is missing or was changed.
    """
    place: SpanPlace = sealed_files.read(place_file(workspace, request), SpanPlace)
    upload, started_at = video_file(workspace, request), datetime.fromtimestamp(place.start, UTC)
    if not place.place:
        if not upload.is_file():
            raise BadInput(f"{upload} is missing")
        if place.sha256 and files.sha256(upload) != place.sha256:
            raise BadInput(f"{upload} was changed, its sha256 is not the one on record")
    return SpanSource(place.place or str(upload), started_at, not place.place)


def is_due(workspace: Workspace, request: SpanRequest, now: float) -> bool:
    """Check whether video of a request can be taken in at unix seconds: it is there, or named."""
    if request.state != "uploaded":
        return False
    try:
        place: SpanPlace = sealed_files.read(place_file(workspace, request), SpanPlace)
    except BadInput:  # who takes it in tells it
        return True
    # The clock may have been set back meanwhile.
    return not 0.0 < place.again_at - now <= LONGEST_PAUSE


def put_off(workspace: Workspace, request: SpanRequest, now: float) -> bool:
    """Let a place that cannot be read be tried later; return False where it was tried enough.

    Raises:
        BadInput: what the device answered is broken. NoSpace, Unavailable: the disk refuses.
    """
    path = place_file(workspace, request)
    place: SpanPlace = sealed_files.read(path, SpanPlace)
    tries = place.tries + 1
    if tries >= MOST_TRIES:
        return False
    pause = min(FIRST_PAUSE * 2.0**place.tries, LONGEST_PAUSE)
    changed = msgspec.structs.replace(place, tries=tries, again_at=now + pause)
    sealed_files.write(path, changed)
    return True


def mark_uploaded(workspace: Workspace, request: SpanRequest) -> None:
    """Note that the device has sent the video, or named its place."""
    changed = msgspec.structs.replace(request, state="uploaded")
    sealed_files.write(_path(workspace, request), changed)


def ask_again(workspace: Workspace, request: SpanRequest) -> None:
    """Ask the device once more for video whose files here are broken, and remove these."""
    sealed_files.write(_path(workspace, request), msgspec.structs.replace(request, state="open"))
    _remove_answer(workspace, request)


def finish(workspace: Workspace, request: SpanRequest, **changes: object) -> None:
    """Put a request away with its outcome, and remove what was sent for it."""
    changed: SpanRequest = msgspec.structs.replace(request, **changes)
    sealed_files.write(_done(workspace, request.camera) / f"{request.id}.json", changed)
    _remove_answer(workspace, request)
    with files.guard(_path(workspace, request)):
        _path(workspace, request).unlink(missing_ok=True)


def forget_old(workspace: Workspace, now: datetime) -> None:
    """Put away requests that no device answered for long, and remove those that ended long ago.

    Raises:
        NoSpace, Unavailable: the disk refuses.
    """
    for request in all_pending(workspace):
        if request.state == "open" and request.stop < (now - LONGEST_WAIT).timestamp():
            reason = f"the device did not answer in {LONGEST_WAIT.days} days"
            finish(workspace, request, state="refused", reason=reason)
    for path in workspace.intake_dir.glob("*/spans/done/*.json"):
        with files.guard(path):
            if path.stat().st_mtime < (now - KEEP).timestamp():
                path.unlink(missing_ok=True)


def _remove_answer(workspace: Workspace, request: SpanRequest) -> None:
    for file in (part_file, video_file, place_file):
        path = file(workspace, request)
        with files.guard(path):
            path.unlink(missing_ok=True)


def _path(workspace: Workspace, request: SpanRequest) -> Path:
    return folder(workspace, request.camera) / f"{request.id}.json"


def _done(workspace: Workspace, camera: str) -> Path:
    return folder(workspace, camera) / "done"

"""Live cameras of a workspace, read from the files that their processes write."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from starlette.requests import HTTPConnection

from oneclick.storage import live_state
from oneclick.storage.live_ring import RingFrame, RingHeader, RingReader
from oneclick.storage.live_state import CameraState
from oneclick.web.accounts.access import SessionUser, ViewMode, access_of
from oneclick.web.live import messages
from oneclick.web.refusals import Refused

POLL_SECONDS = 0.02
"""Time between two looks for a new picture while somebody watches: half of it is added to the lag
on average."""


LEAST_REDUCED = 640
"""Width from which on a picture may be sent reduced, px."""


class WatchedCamera:
    """What one camera and its models see.

    Args:
        home: the workspace folder.
        name: of the camera, as in ids.
    """

    def __init__(self, home: Path, name: str) -> None:
        self._home, self.name = home, name
        self.ring = RingReader(live_state.ring_folder(home, name))
        self.feed = RingFeed(self.ring)
        self._lock = threading.Lock()
        self._headers: list[RingHeader] = []
        self._blurred: RingFrame | None = None
        self._reduced: dict[bool, RingFrame] = {}

    @property
    def classes(self) -> dict[str, tuple[str, ...]]:
        """Return the names of classes of the models that look at it, by model id, A first."""
        state = live_state.read(self._home, self.name)
        return {model.id: model.classes for model in state.models} if state else {}

    @property
    def state(self) -> CameraState:
        """Return what the camera's process says about itself.

        Raises:
            Refused: 404: it says nothing that can be read.
        """
        state = live_state.read(self._home, self.name)
        if state is None:
            raise Refused(404, "there is no such camera")
        return state

    def message(self, frame: RingFrame, view_mode: ViewMode, is_reduced: bool = False) -> bytes:
        """Return the message of a picture of the ring, as somebody may see it.

        Args:
            frame: the picture.
            view_mode: as it is shown.
            is_reduced: with half its sides, where it is not small already.

        Raises:
            BadInput: the picture cannot be decoded, to be blurred or reduced.
        """
        is_blurred = view_mode == "blurred"
        is_reduced = is_reduced and frame.width >= LEAST_REDUCED
        shown = self._blur(frame) if is_blurred else frame
        if is_reduced:
            shown = self._reduce(shown, is_blurred)
        return messages.encode(shown, self.classes, blurred=is_blurred, reduced=is_reduced)

    def _reduce(self, frame: RingFrame, is_blurred: bool) -> RingFrame:
        """Return a picture with half its sides; the last one serves everybody who sees the same."""
        last = self._reduced.get(is_blurred)
        if last is None or (last.seq, last.time) != (frame.seq, frame.time):
            self._reduced[is_blurred] = last = messages.reduce(frame)
        return last

    def _blur(self, frame: RingFrame) -> RingFrame:
        """Return a picture of the ring blurred; the last one serves everybody."""
        last = self._blurred
        if last is None or (last.seq, last.time) != (frame.seq, frame.time):
            recent = self.ring.headers(frame.time - messages.BLUR_SECONDS, frame.time)
            boxes = [box for header in recent for group in header.boxes.values() for box in group]
            self._blurred = last = messages.blur(frame, boxes)
        return last

    def headers(self) -> Sequence[RingHeader]:
        """Return what is known about every picture of the ring; each is read once."""
        span = self.ring.span()
        with self._lock:
            last = self._headers[-1] if self._headers else None
            if span is None or (last is not None and span.last_seq < last.seq):
                self._headers, last = [], None  # another ring
            if span is not None and (last is None or span.last_seq > last.seq):
                # A clock that is set back gives later pictures earlier times.
                start = -math.inf if last is None else min(last.time, span.stop) - 1
                headers = self.ring.headers(start, math.inf)
                self._headers += [each for each in headers if last is None or each.seq > last.seq]
            first = span.first_seq if span else 0
            self._headers = [header for header in self._headers if header.seq >= first]
            return list(self._headers)

    def lit_times(self) -> list[tuple[str, float, float]]:
        """Return trigger, start and stop of each time in which a lamp was lit, by start."""
        times: list[tuple[str, float, float]] = []
        lit: dict[str, tuple[float, float]] = {}
        for header in self.headers():
            names = {lamp.trigger for lamp in header.lamps}
            times += [(name, *lit.pop(name)) for name in lit.keys() - names]
            lit |= {name: (lit.get(name, (header.time,))[0], header.time) for name in names}
        times += [(name, *span) for name, span in lit.items()]
        return sorted(times, key=lambda each: each[1])


class RingFeed:
    """Waits for new pictures of a ring on behalf of everybody who watches.

    The ring is looked at only while somebody waits, and once for all of them.
    """

    def __init__(self, ring: RingReader) -> None:
        self._ring = ring
        self._frame: RingFrame | None = None
        self._look: asyncio.Task[None] | None = None

    async def next(self, unless: int | None) -> RingFrame:
        """Return the newest picture, once there is one with another number than `unless`."""
        while self._frame is None or self._frame.seq == unless:
            if self._look is None or self._look.done():
                self._look = asyncio.create_task(self._read())
            await asyncio.shield(self._look)
        return self._frame

    async def _read(self) -> None:
        """Look for a newer picture, not more often than is worth it."""
        number = None if self._frame is None else self._frame.seq
        frame = await asyncio.to_thread(self._ring.newest, number)
        if frame is None:
            await asyncio.sleep(POLL_SECONDS)
        else:
            self._frame = frame


class WatchedCameras:
    """The live cameras that one server shows.

    Args:
        home: the workspace folder.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self._cameras: dict[str, WatchedCamera] = {}

    def seen_by(self, user: SessionUser) -> list[WatchedCamera]:
        """Return the cameras in a user's scope, by name."""
        names = live_state.cameras(self.home)
        return [self._camera(name) for name in names if user.sees(name)]

    def get(self, name: str, user: SessionUser) -> WatchedCamera:
        """Return one camera; its name is looked up, and never becomes a path unseen.

        Raises:
            Refused: 404: there is none of this name, or it is not in the user's scope.
        """
        if not user.sees(name) or name not in live_state.cameras(self.home):
            raise Refused(404, "there is no such camera")
        return self._camera(name)

    def _camera(self, name: str) -> WatchedCamera:
        return self._cameras.setdefault(name, WatchedCamera(self.home, name))


def cameras_of(connection: HTTPConnection) -> WatchedCameras:
    """Return the live cameras of the server that answers."""
    return cast(WatchedCameras, connection.app.state.live_cameras)


def record_view(connection: HTTPConnection, user: SessionUser, camera: WatchedCamera) -> None:
    """Record in the audit log that a user watches a camera, once in a while."""
    access_of(connection).audit.record_view(user, f"live/{camera.name}")

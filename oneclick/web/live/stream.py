"""The stream of a camera: a message for each picture, as fast as its viewer paints them.

A viewer has a credit of two pictures and asks for the next one with a text message, `next`, or
`less` for a reduced one. Between them the newest picture counts and those before it are left out,
so that a slow viewer sees fewer pictures and never older ones.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import TypeAlias, cast

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from oneclick.core.errors import BadInput
from oneclick.web.accounts.access import SessionUser, ViewMode, access_of
from oneclick.web.live.cameras import WatchedCamera, cameras_of, record_view
from oneclick.web.refusals import Refused

router = APIRouter()
Ending: TypeAlias = tuple[int, str]
"""Code and reason with which a stream is closed."""
CREDIT = 2
"""Pictures that may be under way to a viewer."""
ASK, ASK_LESS = "next", "less"
"""What a viewer sends once a picture is painted: whether the next one may be reduced."""
MAX_PER_USER = 8
"""Streams that one user may have open at once."""
CHECK_SECONDS = 1.0
"""Time between two looks whether the session, the user and the scope still hold."""
SIGNED_OUT, TOO_MANY, NOT_UNDERSTOOD = 4401, 4429, 4400
"""Codes with which a stream is closed; the page says why."""


@dataclass(frozen=True)
class Viewer:
    """Somebody who watches a camera."""

    user: SessionUser
    view_mode: ViewMode
    camera: WatchedCamera


class Credit:
    """Counts the pictures under way to a viewer, and knows of which size they should be."""

    def __init__(self) -> None:
        self.is_reduced = False
        """Whether the viewer asked for a reduced picture last."""
        self._underway = 0
        self._room = asyncio.Event()
        self._room.set()

    async def wait(self) -> None:
        """Wait until fewer than CREDIT are under way."""
        await self._room.wait()

    def take(self) -> None:
        """Count a picture that is sent."""
        self._underway += 1
        if self._underway >= CREDIT:
            self._room.clear()

    def give_back(self) -> None:
        """Count a picture that was painted; requests for more than was sent change nothing."""
        self._underway = max(0, self._underway - 1)
        self._room.set()


class OpenStreams:
    """Counts the streams of each user on one server."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def open(self, user: str) -> bool:
        """Count one stream more of a user; return False where they have too many."""
        if self._counts[user] >= MAX_PER_USER:
            return False
        self._counts[user] += 1
        return True

    def close(self, user: str) -> None:
        """Count one stream less of a user."""
        self._counts[user] -= 1


@router.websocket("/live/{camera}/stream")
async def stream(websocket: WebSocket, camera: str) -> None:
    """Send the pictures of a camera to a page of ours, as long as its user may see them."""
    try:
        if "origin" not in websocket.headers:  # OriginGuard refuses foreign ones
            raise Refused(403, "no page of ours opens this")
        viewer = await asyncio.to_thread(_admit, websocket, camera)
    except Refused:
        await websocket.close(1008)
        return
    await websocket.accept()
    streams = cast(OpenStreams, websocket.app.state.live_streams)
    if not streams.open(viewer.user.name):
        await websocket.close(TOO_MANY, f"{MAX_PER_USER} streams are open already")
        return
    try:
        await asyncio.to_thread(record_view, websocket, viewer.user, viewer.camera)
        await _serve(websocket, viewer)
    finally:
        streams.close(viewer.user.name)


def _admit(websocket: WebSocket, camera: str) -> Viewer:
    """Return who opens the stream, and what they see. Raises Refused."""
    access = access_of(websocket)
    user = access.user(websocket)
    access.require(user, "viewer")
    return Viewer(user, access.view_mode(user), cameras_of(websocket).get(camera, user))


async def _serve(websocket: WebSocket, viewer: Viewer) -> None:
    """Send pictures until the viewer leaves or must."""
    credit = Credit()
    tasks = [
        asyncio.create_task(_take_requests(websocket, credit)),
        asyncio.create_task(_send_pictures(websocket, viewer, credit)),
        asyncio.create_task(_watch_session(websocket, viewer)),
    ]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        try:
            code, why = task.result()
        except (WebSocketDisconnect, RuntimeError):  # the viewer is gone
            return
        await websocket.close(code, why)
        return


async def _take_requests(websocket: WebSocket, credit: Credit) -> Ending:
    """Give credit for each picture that was painted, until something else is sent."""
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1000))
        text = message.get("text")
        if text not in (ASK, ASK_LESS):
            return NOT_UNDERSTOOD, f"send {ASK!r}"
        credit.is_reduced = text == ASK_LESS
        credit.give_back()


async def _send_pictures(websocket: WebSocket, viewer: Viewer, credit: Credit) -> Ending:
    """Send the newest picture whenever there is credit."""
    number = None
    while True:
        await credit.wait()
        frame = await viewer.camera.feed.next(number)
        number = frame.seq
        try:
            message = await asyncio.to_thread(
                viewer.camera.message, frame, viewer.view_mode, credit.is_reduced
            )
        except BadInput:  # no picture is better than one that shows faces
            continue
        credit.take()
        await websocket.send_bytes(message)


async def _watch_session(websocket: WebSocket, viewer: Viewer) -> Ending:
    """Wait until the session has ended, or its user may not see this any more."""
    while True:
        await asyncio.sleep(CHECK_SECONDS)
        try:
            current = await asyncio.to_thread(_admit, websocket, viewer.camera.name)
        except Refused as refusal:
            return SIGNED_OUT, str(refusal.detail)[:100]
        if current.view_mode != viewer.view_mode:
            return SIGNED_OUT, "what you may see has changed: open the page again"

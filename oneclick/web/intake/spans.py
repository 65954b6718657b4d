"""Raw video that a device sends for a request, piece by piece."""

from __future__ import annotations

import asyncio
import os
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from oneclick.core.edge_messages import SpanRequest
from oneclick.services.intake_settings import IntakeSettings
from oneclick.storage import files, sealed_files, span_requests
from oneclick.storage.bounded_documents import BrokenJson, JsonDecoder
from oneclick.storage.span_requests import SpanPlace
from oneclick.storage.workspace import Workspace
from oneclick.web.intake.tokens import CameraToken
from oneclick.web.refusals import Refused


class SpanAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """How a device ends a request."""

    state: Literal["uploaded", "refused"]
    start: Annotated[float, Meta(ge=0, le=1e11)] = 0.0
    """Unix seconds of the first picture of the video."""
    sha256: str = ""
    """Of the whole video, where it was sent."""
    place: Annotated[str, Meta(max_length=2000)] = ""
    """Path or URL of the video, where it was not."""
    reason: Annotated[str, Meta(max_length=200)] = ""


_ANSWER = JsonDecoder[SpanAnswer](SpanAnswer)


class SpanUploads:
    """What devices answer to requests for raw video.

    Args:
        workspace: that has the requests.
        settings: limits, and the cameras that may be asked.
    """

    def __init__(self, workspace: Workspace, settings: IntakeSettings) -> None:
        self._workspace, self._settings = workspace, settings

    async def add(self, token: CameraToken, span: str, offset: int, content: bytes) -> int:
        """Return the size of an upload after bytes were added at its end.

        Raises:
            Refused: 404 for an unknown request, 409 for another offset, 413 for too much.
        """
        request = self._open(token, span)
        return await asyncio.to_thread(self._add, request, offset, content)

    async def finish(self, token: CameraToken, span: str, body: bytes) -> str:
        """Return the state of a request after the device has ended it.

        Raises:
            Refused: 400 for a broken body, 404 for an unknown request, 409 where the upload is not
                what the device sent, 403 for a place that the settings do not allow.
        """
        try:
            answer = _ANSWER.decode(body)
        except BrokenJson as error:
            raise Refused(400, f"the answer is broken: {str(error)[:200]}") from None
        request = self._open(token, span)
        if answer.state == "refused":
            await asyncio.to_thread(
                span_requests.finish,
                self._workspace,
                request,
                state="refused",
                reason=answer.reason or "the device gave no reason",
            )
        else:
            await asyncio.to_thread(self._complete, request, answer)
        return answer.state

    def _open(self, token: CameraToken, span: str) -> SpanRequest:
        request = span_requests.find(self._workspace, token.camera, span)
        if request is None or request.state != "open":
            raise Refused(404, "there is no such request that waits for video")
        if token.camera not in self._settings.spans_from:
            raise Refused(403, "raw video of this camera is not taken: intake.spans_from")
        return request

    def _add(self, request: SpanRequest, offset: int, content: bytes) -> int:
        path, most = (
            span_requests.part_file(self._workspace, request),
            self._settings.max_span_mb * 1e6,
        )
        with files.guard(path):
            size = path.stat().st_size if path.exists() else 0
            if offset != size:
                raise Refused(409, f"the upload goes on at {size}", next=size)
            if size + len(content) > most:
                path.unlink(missing_ok=True)
                raise Refused(413, f"the video has more than {self._settings.max_span_mb:g} MB")
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(descriptor, "ab") as file:
                file.write(content)
        return size + len(content)

    def _complete(self, request: SpanRequest, answer: SpanAnswer) -> None:
        part = span_requests.part_file(self._workspace, request)
        if answer.place:
            if not _is_allowed(answer.place, self._settings.pull_from):
                raise Refused(403, "this place is not in intake.pull_from")
        elif not part.exists() or files.sha256(part) != answer.sha256:
            part.unlink(missing_ok=True)
            raise Refused(409, "the upload is not what was sent: begin again", next=0)
        else:
            target = span_requests.video_file(self._workspace, request)
            with files.guard(target):
                files.flush(part)
                part.replace(target)
        sha256 = "" if answer.place else answer.sha256
        place = SpanPlace(start=answer.start, place=answer.place, sha256=sha256)
        sealed_files.write(span_requests.place_file(self._workspace, request), place)
        span_requests.mark_uploaded(self._workspace, request)


def _is_allowed(place: str, beginnings: tuple[str, ...]) -> bool:
    is_plain = ".." not in place and place.isprintable()
    return is_plain and any(
        place == beginning or place.startswith(f"{beginning.rstrip('/')}/")
        for beginning in beginnings
        if beginning
    )

"""Answers to requests for raw video: out of the device's own ring, if the device allows it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame

from oneclick.core.edge_messages import SpanRequest
from oneclick.edge.link import NotTaken, ServerLink
from oneclick.storage import files, jpeg
from oneclick.storage.live_ring import RingFrame, RingReader

PART_BYTES = 512 << 10
TOO_LARGE = 413
"""Status of a video that the server never takes."""
NO_CONSENT = "this device does not allow raw video: start it with --allow-spans"
GONE = "the video is no longer in the device's ring"


class SpanAnswers:
    """Sends requested video, piece by piece.

    Args:
        ring: folder of the device's ring.
        server: link to the server.
        is_allowed: whether frames may leave this device at all.
        folder: where a video is written before it is sent.
        clock: unix seconds.
    """

    def __init__(
        self,
        ring: Path,
        server: ServerLink,
        is_allowed: bool,
        folder: Path,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._ring, self._server, self._is_allowed = RingReader(ring), server, is_allowed
        self._folder, self._clock = folder, clock

    def answer_all(self) -> int:
        """Answer the requests that wait; return how many are ended.

        One whose end lies in the future waits. One that cannot be answered keeps no other waiting.

        Raises:
            NotTaken: the server does not answer.
            Exception: what kept the first from being answered, after the others were.
        """
        ended = 0
        problem: Exception | None = None
        for request in self._server.spans():
            try:
                ended += self.answer(request)
            except NotTaken as error:
                if not error.status:
                    raise
                problem = problem or error
            except Exception as error:
                problem = problem or error
        if problem is not None:
            raise problem
        return ended

    def answer(self, request: SpanRequest) -> bool:
        """Send one video, or say why not; return False where it is not over yet."""
        if not self._is_allowed:
            self._server.finish(request.id, state="refused", reason=NO_CONSENT)
            return True
        if self._clock() < request.stop:
            return False
        video = self._folder / f"{request.id}.mkv"
        start = write_span(self._ring, request.start, request.stop, video)
        if start is None:
            self._server.finish(request.id, state="refused", reason=GONE)
            return True
        try:
            self._send(request.id, video)
            digest = files.sha256(video)
            self._server.finish(request.id, state="uploaded", start=start, sha256=digest)
        except NotTaken as error:
            if error.status != TOO_LARGE:
                raise
            self._server.finish(request.id, state="refused", reason=str(error))
        finally:
            video.unlink(missing_ok=True)
        return True

    def _send(self, span: str, video: Path) -> None:
        with video.open("rb") as file:
            while content := file.read(PART_BYTES):
                offset = file.tell() - len(content)
                try:
                    self._server.upload(span, offset, content)
                except NotTaken as error:
                    if error.status != 409 or error.following is None:
                        raise
                    file.seek(error.following)  # a part of it came before


def write_span(ring: RingReader, start: float, stop: float, video: Path) -> float | None:
    """Write the pictures of a ring taken in [start, stop) as H.264, at their true times.

    Returns:
        Unix seconds of the first picture; None where there is none.

    Raises:
        NoSpace, Unavailable: the file cannot be written.
    """
    frames = _span_frames(ring, start, stop)
    first = next(frames, None)
    if first is None:
        return None
    with (
        files.atomic_file(video) as temporary,
        av.open(str(temporary), "w", format="matroska") as container,
    ):
        stream = container.add_stream("libx264", rate=30, options={"preset": "veryfast"})
        stream.width, stream.height = first.width - first.width % 2, first.height // 2 * 2
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for frame in (first, *frames):
            if (frame.width, frame.height) == (first.width, first.height):
                picture = _decode(frame, stream.width, stream.height)
                picture.pts = round((frame.time - first.time) * 1000)
                picture.time_base = Fraction(1, 1000)
                container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return first.time


def _span_frames(ring: RingReader, start: float, stop: float) -> Iterator[RingFrame]:
    headers = ring.headers(start, stop)
    if not headers:
        return
    after, last = headers[0].seq - 1, headers[-1].seq
    while after < last and (frames := ring.after(after, 16)):
        after = frames[-1].seq
        yield from (frame for frame in frames if start <= frame.time < stop)


def _decode(frame: RingFrame, width: int, height: int) -> VideoFrame:
    image = jpeg.decode(frame.jpeg, frame.seq, (frame.height, frame.width), 1)
    picture = VideoFrame.from_ndarray(np.ascontiguousarray(image[:height, :width]), format="bgr24")
    return picture.reformat(format="yuv420p")

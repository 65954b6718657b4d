"""Single pictures of a live camera, by time or number: of its ring, or of recordings before it."""

from __future__ import annotations

import math

from oneclick.core.clips import Video
from oneclick.core.errors import BadInput, BadVideo
from oneclick.storage.live_ring import RingFrame
from oneclick.web.accounts.access import ViewMode
from oneclick.web.live import messages, recordings
from oneclick.web.live.cameras import WatchedCamera
from oneclick.web.live.recordings import Recordings
from oneclick.web.refusals import Refused


class LivePictures:
    """Finds pictures; each comes as a message, as somebody may see it.

    Args:
        archive: the recordings.
    """

    def __init__(self, archive: Recordings) -> None:
        self._archive = archive

    def newest(self, camera: WatchedCamera, view_mode: ViewMode) -> bytes:
        """Return the newest picture. Raises Refused where there is none."""
        return self._of_ring(camera, camera.ring.newest(), view_mode)

    def at(self, camera: WatchedCamera, time: float, view_mode: ViewMode) -> bytes:
        """Return the picture taken nearest to a time (unix seconds).

        The ring goes before recordings where both have it.

        Raises:
            Refused: 404: there is none at all.
        """
        frame, span = camera.ring.at(time), camera.ring.span()
        is_covered = span is not None and span.start <= time <= span.stop
        place = None if frame and is_covered else self._archive.nearest(camera.name, time)
        gap = math.inf if frame is None else abs(frame.time - time)
        if place is not None and abs(recordings.time_of(*place) - time) < gap:
            return self._of_recording(camera, place, view_mode)
        return self._of_ring(camera, frame, view_mode)

    def numbered(
        self, camera: WatchedCamera, source: str, number: int, step: int, view_mode: ViewMode
    ) -> bytes | None:
        """Return a picture by its number in the ring or a recording, or a neighbour of it.

        Before the first picture of the ring recordings go on, and after the last recording the
        ring does. None where there is no further neighbour.

        Args:
            camera: the camera.
            source: `ring`, or the id of a recording.
            number: of the picture there.
            step: -1, 0 or 1 pictures on.
            view_mode: as it is shown.

        Raises:
            Refused: 404: there is none.
        """
        span = camera.ring.span()
        if source == messages.RING:
            frame = (
                camera.ring.before(number)
                if step < 0
                else next(iter(camera.ring.after(number - 1 + step, 1)), None)
            )
            if frame is not None or step == 0:
                return self._of_ring(camera, frame, view_mode)
            if step > 0 or span is None:
                return None
            place = self._archive.nearest(camera.name, span.start - 1e-3)
            if place is None or recordings.time_of(*place) >= span.start:
                return None
            return self._of_recording(camera, place, view_mode)
        try:
            place = self._archive.step(camera.name, source, number, step)
        except BadInput as error:
            raise Refused(404, str(error)) from None
        if place is not None:
            return self._of_recording(camera, place, view_mode)
        if span is None or step < 0:
            return None
        return self._of_ring(camera, camera.ring.at(span.start), view_mode)

    def _of_ring(
        self, camera: WatchedCamera, frame: RingFrame | None, view_mode: ViewMode
    ) -> bytes:
        if frame is None:
            raise Refused(404, "there is no such picture")
        try:
            return camera.message(frame, view_mode)
        except BadInput:
            raise Refused(404, "this picture is broken") from None

    def _of_recording(
        self, camera: WatchedCamera, place: tuple[Video, int], view_mode: ViewMode
    ) -> bytes:
        is_blurred = view_mode == "blurred"
        try:
            picture = self._archive.picture(*place, preferred=[*camera.classes])
            shown = messages.blur(picture.frame, picture.before) if is_blurred else picture.frame
        except (BadInput, BadVideo) as error:
            raise Refused(404, f"this picture cannot be shown: {error}") from None
        return messages.encode(shown, picture.classes, blurred=is_blurred, source=picture.video)

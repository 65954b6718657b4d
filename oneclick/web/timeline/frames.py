"""Single frames of recordings: decoded on demand, few at once, and the last ones remembered."""

from __future__ import annotations

import threading
from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray

from oneclick import video as videos
from oneclick.core.clips import Video
from oneclick.core.errors import BadVideo, Unavailable
from oneclick.core.spans import Span
from oneclick.storage.workspace import Workspace
from oneclick.web.refusals import Refused

MOST_AT_ONCE = 2
"""Frames that are decoded at the same time: one may take a core for a second."""
WAIT_SECONDS = 10.0
CACHE_BYTES = 48 << 20
QUALITY = 85
SMALL_HEIGHT = 180
"""Pixels of a picture among many."""
BLOCKS = 30
"""Blocks of a blurred frame across its height: people are seen, faces are not."""


class VideoFrames:
    """Makes pictures of frames of recordings.

    Args:
        workspace: that has the recordings.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._slots = threading.BoundedSemaphore(MOST_AT_ONCE)
        self._lock = threading.Lock()
        self._pictures: OrderedDict[tuple[str, int, bool, bool], bytes] = OrderedDict()

    def jpeg(self, video: Video, frame: int, is_blurred: bool, *, is_small: bool = False) -> bytes:
        """Return a frame as JPEG.

        Models miss people in recordings, so a blurred frame is blurred as a whole.

        Args:
            video: a recording.
            frame: 0-based.
            is_blurred: whether faces must not be recognised.
            is_small: whether it is one among many.

        Raises:
            Refused: 404: the recording is gone, or has no such frame; 503: too many ask at once.
        """
        key = (video.id, frame, is_blurred, is_small)
        with self._lock:
            if key in self._pictures:
                self._pictures.move_to_end(key)
                return self._pictures[key]
        if not self._slots.acquire(timeout=WAIT_SECONDS):
            raise Refused(503, "other pictures are being decoded: try again", retry_after=2)
        try:
            picture = self._decode(video, frame)
        finally:
            self._slots.release()
        if is_blurred:
            picture = coarse(picture)
        encoded = _encode(_small(picture) if is_small else picture)
        with self._lock:
            self._pictures[key] = encoded
            while sum(map(len, self._pictures.values())) > CACHE_BYTES:
                self._pictures.popitem(last=False)
        return encoded

    def _decode(self, video: Video, frame: int) -> NDArray[np.uint8]:
        path = self._workspace.video_file(video)
        if not path.exists():
            raise Refused(404, "this recording is gone: only its clips were kept")
        try:
            pictures = videos.frames(path, Span(frame, frame + 1))
            picture = next(pictures, None)
        except BadVideo:
            picture = None
        if picture is None:
            raise Refused(404, "this frame does not decode")
        return picture


def coarse(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a picture, `(h, w, 3)`, in blocks of which BLOCKS are its height."""
    import cv2

    height, width = picture.shape[:2]
    rows = min(BLOCKS, height)
    columns = max(1, min(width, round(rows * width / height)))
    small = cv2.resize(picture, (columns, rows), interpolation=cv2.INTER_AREA)
    blocks = cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST)
    return np.asarray(blocks, np.uint8)


def _small(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    import cv2

    height, width = picture.shape[:2]
    size = max(1, round(width * SMALL_HEIGHT / height)), SMALL_HEIGHT
    if height <= SMALL_HEIGHT:
        return picture
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _encode(picture: NDArray[np.uint8]) -> bytes:
    import cv2

    options = [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
    is_encoded, content = cv2.imencode(".jpg", picture[..., ::-1], options)
    if not is_encoded:
        raise Unavailable("a frame cannot be encoded as JPEG")
    return content.tobytes()

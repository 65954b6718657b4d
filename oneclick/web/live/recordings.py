"""Pictures of recordings of a live camera, with the predictions that are stored for them."""

from __future__ import annotations

import bisect
import functools
import threading
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from oneclick.catalog import Catalog
from oneclick.core.clips import Video
from oneclick.core.detections import Detections
from oneclick.core.errors import BadInput, BadVideo, UnknownName
from oneclick.core.spans import Span
from oneclick.core.turned_mode import SUFFIXES
from oneclick.storage import files, predictions
from oneclick.storage.files import FileVersion
from oneclick.storage.live_ring import RingBox, RingFrame
from oneclick.video import read
from oneclick.web import blurring
from oneclick.web.live import messages

DECODED_AT_ONCE = 8
"""Frames decoded from the one that is asked for on: the next steps find them ready."""
KEPT_PICTURES = 64
MOST_GONE = 50
"""Recordings without a file, in a row, after which nobody looks further."""
MODELS = 2
"""Most models whose boxes are shown."""
_MOMENT = 1e-3


@dataclass(frozen=True)
class RecordedPicture:
    """A picture of a recording."""

    video: str
    frame: RingFrame
    classes: dict[str, tuple[str, ...]]
    """Names of classes by model id."""
    before: list[RingBox]
    """Boxes just before it, which are blurred too for who must not see faces."""


class Recordings:
    """Reads pictures of the recordings in the catalog.

    Args:
        catalog: with its workspace.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog, self._workspace = catalog, catalog.workspace
        self._lock = threading.Lock()
        self._pictures: OrderedDict[tuple[str, int], bytes] = OrderedDict()

    def nearest(self, camera: str, time: float) -> tuple[Video, int] | None:
        """Return the frame of a recording that was taken nearest to a time (unix seconds)."""
        videos = (self._before(camera, time), self._after(camera, time))
        frames = [(video, frame_at(video, time)) for video in videos if video is not None]
        return min(frames, key=lambda each: abs(time_of(*each) - time), default=None)

    def step(self, camera: str, video_id: str, number: int, step: int) -> tuple[Video, int] | None:
        """Return the frame that is `step` frames on, in the next recording where one ends.

        Raises:
            BadInput: there is no such recording of the camera, or no such frame in it.
        """
        try:
            video = self._catalog.video(video_id)
        except UnknownName:
            raise BadInput("there is no such recording") from None
        if video.camera != camera or video.started_at is None:
            raise BadInput("there is no such recording")
        target = number + step
        if 0 <= target < video.frames:
            return video, target
        if step == 0:
            raise BadInput("there is no such frame")
        start = time_of(video, 0)
        if step > 0:
            after = self._after(camera, start)
            return (after, 0) if after else None
        before = self._before(camera, start - _MOMENT)
        return (before, before.frames - 1) if before else None

    def _before(self, camera: str, time: float) -> Video | None:
        """Return the last recording, of those that are kept, that began at a time or before."""
        for _ in range(MOST_GONE):
            video, _after = self._catalog.videos_around(camera, datetime.fromtimestamp(time, UTC))
            if video is None or self._workspace.video_file(video).exists():
                return video
            time = time_of(video, 0) - _MOMENT
        return None

    def _after(self, camera: str, time: float) -> Video | None:
        """Return the first recording, of those that are kept, that began later."""
        for _ in range(MOST_GONE):
            _before, video = self._catalog.videos_around(camera, datetime.fromtimestamp(time, UTC))
            if video is None or self._workspace.video_file(video).exists():
                return video
            time = time_of(video, 0)
        return None

    def picture(self, video: Video, number: int, preferred: Collection[str]) -> RecordedPicture:
        """Return one frame with its stored boxes.

        Args:
            video: the recording.
            number: of the frame, 0-based.
            preferred: ids of the models whose boxes come first.

        Raises:
            BadVideo: the recording is gone, or the frame does not decode.
        """
        models = self._models(video, preferred)
        frame = RingFrame(
            seq=number,
            time=time_of(video, number),
            width=video.width,
            height=video.height,
            boxes={name: _boxes(seen, number) for name, seen in models.items()},
            signals={},
            jpeg=self._jpeg(video, number),
        )
        classes = {name: seen.names for name, seen in models.items()}
        first = max(0, number - round(messages.BLUR_SECONDS * video.fps))
        before = [
            box for seen in models.values() for k in range(first, number) for box in _boxes(seen, k)
        ]
        return RecordedPicture(video.id, frame, classes, before)

    def _models(self, video: Video, preferred: Collection[str]) -> dict[str, Detections]:
        """Load the predictions of at most two models, the preferred ones first."""
        folder = self._workspace.predictions(video.id, "-").parent
        names = [path.stem for path in folder.glob("*.parquet")]
        turned = tuple(SUFFIXES.values())
        order = [*preferred]
        names = sorted(
            (name for name in names if not name.endswith(turned)),
            key=lambda name: (order.index(name) if name in order else len(order), name),
        )
        models = {}
        for name in names[:MODELS]:
            path = self._workspace.predictions(video.id, name)
            try:
                models[name] = _load(path, files.version(path))
            except (BadInput, OSError):  # the picture is shown without them
                continue
        return models

    def _jpeg(self, video: Video, number: int) -> bytes:
        """Decode a frame and the next ones, and keep them for a while."""
        import cv2

        with self._lock:
            if (video.id, number) not in self._pictures:
                path = self._workspace.video_file(video)
                if not path.exists():
                    raise BadVideo(f"the recording {video.id} is not kept any more")
                span = Span(number, min(number + DECODED_AT_ONCE, video.frames))
                for at, image in enumerate(read.frames(path, span), number):
                    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR).astype(np.uint8)
                    self._pictures[video.id, at] = blurring.encode_jpeg(bgr)
                while len(self._pictures) > KEPT_PICTURES:
                    self._pictures.popitem(last=False)
            content = self._pictures.get((video.id, number))
        if content is None:
            raise BadVideo(f"{video.id} ends before frame {number}")
        return content


def time_of(video: Video, number: int) -> float:
    """Return when a frame was taken, in unix seconds."""
    assert video.started_at is not None
    return video.started_at.timestamp() + video.timing.seconds_at(number, video.fps)


def frame_at(video: Video, time: float) -> int:
    """Return the frame taken nearest to a time (unix seconds)."""
    later = bisect.bisect_left(range(video.frames), time, key=lambda k: time_of(video, k))
    choices = [number for number in (later - 1, later) if 0 <= number < video.frames]
    return min(choices, key=lambda number: abs(time_of(video, number) - time))


@functools.lru_cache(maxsize=4)
def _load(path: Path, version: FileVersion) -> Detections:
    """Load predictions; `version` is that of the file, for the cache."""
    return predictions.load(path)


def _boxes(seen: Detections, number: int) -> list[RingBox]:
    if number >= seen.length:
        return []
    rows = seen.rows(number)
    sides = np.round(seen.boxes[rows].astype(np.float64), 2).tolist()
    scores = np.round(seen.scores[rows].astype(np.float64), 4).tolist()
    classes = seen.classes[rows].tolist()
    return [
        (x1, y1, x2, y2, score, cls)
        for (x1, y1, x2, y2), score, cls in zip(sides, scores, classes, strict=True)
    ]

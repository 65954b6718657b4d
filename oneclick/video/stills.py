"""A clip's frames as JPEG files."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from av.video.frame import VideoFrame

from oneclick.core.errors import BadVideo
from oneclick.storage import files
from oneclick.video import read
from oneclick.video.index import Index, index

T = TypeVar("T")
R = TypeVar("R")

_WORKERS = 2
_AHEAD = 8
"""Frames in flight: bounds the memory."""


def extract(clip: Path, out_dir: Path, quality: int = 90) -> int:
    """Write every frame as `out_dir/000000.jpg`, …; how many.

    `quality` is JPEG's 1-100. The folder is made if need be; wrap it in `files.atomic_dir` to have
    all frames or none.

    Raises:
        BadVideo: the clip cannot be decoded. NoSpace: the device is full.
    """
    found = index(clip)
    with files.guard(out_dir):
        out_dir.mkdir(parents=True, exist_ok=True)

    def save(numbered: tuple[int, VideoFrame]) -> None:
        number, picture = numbered
        target = out_dir / f"{number:06d}.jpg"
        data = _jpeg(picture, found, quality)
        with files.guard(target):
            target.write_bytes(data)

    return sum(1 for _ in _in_parallel(save, enumerate(read.pictures(clip))))


def _jpeg(picture: VideoFrame, found: Index, quality: int) -> bytes:
    import cv2

    image = read.upright(picture, found, "bgr24")
    made, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not made:
        raise BadVideo(f"a frame of {found.info.width}x{found.info.height} px cannot be a JPEG")
    return data.tobytes()


def _in_parallel(work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """Results in order, with at most `_AHEAD` items waiting."""
    with ThreadPoolExecutor(_WORKERS, "jpeg") as pool:
        waiting: deque[Future[R]] = deque()
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) == _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

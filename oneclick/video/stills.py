"""A clip's frames as JPEG files."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from av.video.frame import VideoFrame

from oneclick.core.errors import BadVideo
from oneclick.storage import bulk_files, files
from oneclick.video import read
from oneclick.video.frame_index import FrameIndex
from oneclick.video.index import read_index

T = TypeVar("T")
R = TypeVar("R")

_WORKERS = 2
_AHEAD = 8
"""Frames that wait for a worker at most, which limits the memory."""


def extract(clip: Path, out_dir: Path, quality: int = 90) -> int:
    """Write every frame as `out_dir/000000.jpg`, …; return how many, when all are on the device.

    The folder is created if needed; call it inside `files.atomic_dir` to write all frames or none.

    Args:
        clip: video file.
        out_dir: folder of the images.
        quality: JPEG quality, 1 to 100.

    Raises:
        BadVideo: the clip cannot be decoded. NoSpace: the device is full.
    """
    index = read_index(clip)
    with files.guard(out_dir):
        out_dir.mkdir(parents=True, exist_ok=True)

    def save(numbered: tuple[int, VideoFrame]) -> None:
        number, picture = numbered
        target = out_dir / f"{number:06d}.jpg"
        data = encode_jpeg(picture, index, quality)
        with files.guard(target):
            target.write_bytes(data)

    count = sum(1 for _ in map_in_threads(save, enumerate(read.pictures(clip))))
    bulk_files.flush_all(out_dir / f"{number:06d}.jpg" for number in range(count))
    return count


def encode_jpeg(picture: VideoFrame, index: FrameIndex, quality: int) -> bytes:
    """Encode a stored picture as an upright JPEG.

    Raises:
        BadVideo: its size is beyond JPEG's limits.
    """
    import cv2

    image = index.presentation.show(picture, "bgr24")
    success, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not success:
        raise BadVideo(f"a frame of {index.info.width}x{index.info.height} px cannot be a JPEG")
    return data.tobytes()


def map_in_threads(function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """Yield the results of a function in order, with at most `_AHEAD` items waiting."""
    with ThreadPoolExecutor(_WORKERS, "jpeg") as pool:
        futures: deque[Future[R]] = deque()
        for item in items:
            futures.append(pool.submit(function, item))
            if len(futures) == _AHEAD:
                yield futures.popleft().result()
        while futures:
            yield futures.popleft().result()

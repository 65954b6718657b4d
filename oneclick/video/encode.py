"""H.264 encoding: constant frame rate, short closed groups of pictures, reproducible bytes."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from oneclick.core.errors import BadVideo
from oneclick.core.spans import Span
from oneclick.storage import files
from oneclick.video import read
from oneclick.video.index import read_index
from oneclick.video.presentation import Presentation, size_note

# The bytes depend on the number of threads, so it does not follow the machine.
_THREADS = 4
_OPTIONS = {"crf": "18", "preset": "veryfast", "sc_threshold": "0"}


def cut(path: Path, span: Span, out: Path, fps: float) -> None:
    """Write the frames of `span` as an upright clip at `fps`; equal input gives equal bytes.

    Odd sizes are padded right and bottom to even ones by repeating the edge. The clip stores its
    true size, and `probe`, `frames` and `extract` remove the padding.

    Raises:
        BadVideo: the file cannot be decoded, holds fewer frames than the span, or is damaged within
            it.
        NoSpace: the device is full; nothing is left at `out`.
    """
    index = read_index(path)
    if span.stop > index.info.frames:
        raise BadVideo(
            f"{path.name} has {index.info.frames} frames, so {span.start}..{span.stop} cannot be "
            "cut: fetch the whole recording again"
        )
    shown = (
        to_yuv420(picture, index.presentation) for picture in read.pictures(path, span, exact=True)
    )
    _encode(out, shown, index.presentation.size, fps)


def write(out: Path, frames: Iterable[NDArray[np.uint8]], fps: float) -> None:
    """Encode (H, W, 3) uint8 RGB frames, all of one size, as `cut` does.

    Raises:
        BadVideo: there is no frame. NoSpace: the device is full; nothing is left at `out`.
    """
    remaining = iter(frames)
    first = next(remaining, None)
    if first is None:
        raise BadVideo(f"{out.name} would have no frame: give at least one")
    height, width = first.shape[:2]
    _encode(out, map(_padded, itertools.chain([first], remaining)), (width, height), fps)


def to_yuv420(picture: VideoFrame, presentation: Presentation) -> VideoFrame:
    """Convert a stored picture to a shown yuv420p one with even sides.

    Only pictures that are not shown as they are stored, or of odd size, are converted through RGB.
    """
    width, height = presentation.stored
    is_plain = presentation.is_plain and (picture.width, picture.height) == presentation.stored
    if is_plain and not (width % 2 or height % 2):
        return picture.reformat(format="yuv420p")
    return _padded(presentation.show(picture))


def _padded(image: NDArray[np.uint8]) -> VideoFrame:
    height, width = image.shape[:2]
    if height % 2 or width % 2:
        image = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    picture = VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
    return picture.reformat(format="yuv420p")


def _encode(out: Path, pictures: Iterator[VideoFrame], size: tuple[int, int], fps: float) -> None:
    """Encode even-sized yuv420p pictures of the true `size` (width, height) to H.264 in MP4."""
    rate = Fraction(fps).limit_denominator(1001)
    second = str(max(1, round(fps)))
    options = _OPTIONS | {"g": second, "keyint_min": second, "bf": "0"}
    with (
        files.atomic_file(out) as temporary,
        av.open(
            str(temporary), "w", format="mp4", container_options={"movflags": "+faststart"}
        ) as container,
    ):
        container.metadata["comment"] = size_note(*size)
        stream = container.add_stream("libx264", rate=rate, options=options)
        stream.width, stream.height = (side + side % 2 for side in size)
        stream.pix_fmt = "yuv420p"
        codec = stream.codec_context
        codec.thread_count = _THREADS
        for number, picture in enumerate(pictures):
            if number == 0:
                codec.colorspace, codec.color_range = picture.colorspace, picture.color_range
            picture.pts, picture.time_base = number, 1 / rate
            picture.pict_type = 0  # the encoder decides, not the source
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))

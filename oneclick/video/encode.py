"""H.264 files: constant frame rate, short closed groups of pictures, the same bytes every time."""

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
from oneclick.video.index import Index, index, size_note

# The number of threads shapes the bytes, so it is fixed and not the machine's.
_THREADS = 4
_OPTIONS = {"crf": "18", "preset": "veryfast", "sc_threshold": "0"}
_UNSPECIFIED = 2  # what FFmpeg calls the colours of a file that does not say


def cut(path: Path, span: Span, out: Path, fps: float) -> None:
    """Write the frames of `span` as an upright clip at `fps`: one input, one sequence of bytes.

    Odd sizes are padded right and bottom to even ones by repeating the edge; the clip remembers its
    true size, and `probe`, `frames` and `extract` give it back without the padding.

    Raises:
        BadVideo: the file cannot be decoded, or holds fewer frames than the span.
        NoSpace: the device is full; nothing is left at `out`.
    """
    found = index(path)
    if span.stop > found.info.frames:
        raise BadVideo(
            f"{path.name} has {found.info.frames} frames, so {span.start}..{span.stop} cannot be "
            "cut: fetch the whole recording again"
        )
    size = found.info.width, found.info.height
    _encode(out, (_evened(p, found) for p in read.pictures(path, span)), size, fps)


def write(out: Path, frames: Iterable[NDArray[np.uint8]], fps: float) -> None:
    """Encode (H, W, 3) uint8 RGB frames, all of one size, as `cut` does.

    Raises:
        BadVideo: there is no frame. NoSpace: the device is full; nothing is left at `out`.
    """
    rest = iter(frames)
    first = next(rest, None)
    if first is None:
        raise BadVideo(f"{out.name} would have no frame: give at least one")
    height, width = first.shape[:2]
    _encode(out, map(_padded, itertools.chain([first], rest)), (width, height), fps)


def _encode(out: Path, pictures: Iterator[VideoFrame], size: tuple[int, int], fps: float) -> None:
    """Even-sized yuv420p pictures of the true `size` to H.264 in MP4."""
    rate = Fraction(fps).limit_denominator(1001)
    with (
        files.atomic_file(out) as temporary,
        av.open(
            str(temporary), "w", format="mp4", container_options={"movflags": "+faststart"}
        ) as container,
    ):
        container.metadata["comment"] = size_note(*size)
        stream = container.add_stream("libx264", rate=rate, options=_options(fps))
        stream.width, stream.height = (side + side % 2 for side in size)
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = _THREADS
        for number, picture in enumerate(pictures):
            if number == 0:
                _keep_colours(stream.codec_context, picture)
            picture.pts, picture.time_base = number, 1 / rate
            picture.pict_type = 0  # the encoder decides, not the source
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


def _options(fps: float) -> dict[str, str]:
    second = str(max(1, round(fps)))
    return _OPTIONS | {"g": second, "keyint_min": second, "bf": "0"}


def _keep_colours(codec: av.VideoCodecContext, picture: VideoFrame) -> None:
    codec.colorspace = picture.colorspace
    codec.color_range = picture.color_range


def _evened(picture: VideoFrame, found: Index) -> VideoFrame:
    """Ready to encode; only odd or turned pictures take the way through RGB."""
    width, height = found.coded
    if found.quarter_turns or (found.info.width % 2 or found.info.height % 2):
        return _padded(read.upright(picture, found))
    return picture.reformat(width=width, height=height, format="yuv420p")


def _padded(image: NDArray[np.uint8]) -> VideoFrame:
    height, width = image.shape[:2]
    if height % 2 or width % 2:
        image = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    picture = VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
    return picture.reformat(format="yuv420p")

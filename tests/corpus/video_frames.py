"""Pictures that carry their number, and videos of them as recorders write them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.packet import Packet
from av.video.frame import VideoFrame
from numpy.typing import NDArray

SIZE = (192, 144)
BITS = 7
"""Blocks of black or white in the top rows, lowest bit left."""
_BLOCK = 20
"""Width and height of a block in px, at that size."""


OPTIONS = {
    "libx264": {"preset": "veryfast", "sc_threshold": "0"},
    "libx265": {"preset": "ultrafast", "x265-params": "log-level=error"},
    "libsvtav1": {"preset": "12"},
    "libvpx": {"deadline": "realtime", "cpu-used": "8"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
}
"""Options of encoders, where a recorder has no others."""


@dataclass(frozen=True, kw_only=True)
class Recorder:
    """A way to write a video."""

    count: int = 100
    codec: str = "libx264"
    pixels: str = "yuv420p"
    size: tuple[int, int] = SIZE
    rate: int = 25
    group: int = 25
    """Frames from one key frame to the next."""
    b_frames: int = 0
    first: int = 0
    """Number of the first picture."""
    times: Callable[[int], float] | None = None
    """Time of frame k in frames of `rate`; None for k."""
    aspect: Fraction | None = None
    matrix: Sequence[int] | None = None
    """Display matrix, nine numbers."""
    options: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)


def picture(number: int, size: tuple[int, int] = SIZE) -> NDArray[np.uint8]:
    """Draw the picture of a number, (H, W, 3): its bits above, a block that walks below."""
    width, height = size
    ground = np.random.default_rng(7).integers(60, 140, (height // 8 + 1, width // 8 + 1, 1))
    image = np.kron(ground, np.ones((8, 8, 3)))[:height, :width].astype(np.uint8)
    block = _BLOCK * width // SIZE[0]
    for bit in range(BITS):
        image[:block, bit * block : (bit + 1) * block] = 235 if number >> bit & 1 else 20
    left = number * 5 % (width - 30)
    image[height // 2 : height // 2 + 40, left : left + 30] = (200, 60, 60)
    return image


def read_number(image: NDArray[np.uint8]) -> int:
    """Return the number that a picture carries; -1 where it shows none."""
    if image.shape[0] < _BLOCK or image.shape[1] < BITS * _BLOCK:
        return -1  # a damaged head names a smaller picture
    grey = image.mean(axis=2) if image.ndim == 3 else image.astype(np.float64)
    half, reach = _BLOCK // 2, _BLOCK // 4
    levels = [
        grey[half - reach : half + reach, bit * _BLOCK + half - reach :][:, : 2 * reach].mean()
        for bit in range(BITS)
    ]
    if any(70 < level < 185 for level in levels):
        return -1
    return sum((level > 128) << bit for bit, level in enumerate(levels))


def is_true(image: NDArray[np.uint8], number: int) -> bool:
    """Check that an image shows the picture of a number, as it was before coding."""
    original = picture(number, (image.shape[1], image.shape[0]))
    difference = np.abs(image.astype(int) - original).mean(axis=2)
    blocks = difference[: difference.shape[0] // 8 * 8, : difference.shape[1] // 8 * 8]
    means = blocks.reshape(blocks.shape[0] // 8, 8, -1, 8).mean(axis=(1, 3))
    return bool(means.max() < 60)


def record(path: Path, recorder: Recorder | None = None) -> Path:
    """Write a video of numbered pictures."""
    recorder = recorder or Recorder()
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        container.metadata.update(recorder.metadata)
        stream = add_stream(container, recorder)
        for packet in encoded(stream, recorder):
            container.mux(packet)
    return path


def add_stream(container: av.container.OutputContainer, recorder: Recorder) -> av.VideoStream:
    """Add a stream to a file that is being written."""
    stream = container.add_stream(recorder.codec, rate=recorder.rate)
    assert isinstance(stream, av.VideoStream)
    stream.width, stream.height = recorder.size
    stream.pix_fmt = recorder.pixels
    context = stream.codec_context
    context.gop_size, context.max_b_frames = recorder.group, recorder.b_frames
    context.thread_count = 1
    context.options = OPTIONS.get(recorder.codec, {}) | recorder.options
    if recorder.aspect is not None:
        context.sample_aspect_ratio = recorder.aspect
    if recorder.matrix is not None:
        stream.set_display_matrix(list(recorder.matrix))
    return stream


def encoded(stream: av.VideoStream, recorder: Recorder) -> Iterable[Packet[av.VideoStream]]:
    """Yield the packets of the numbered pictures."""
    base = Fraction(1, recorder.rate * 100)
    for k in range(recorder.count):
        image = picture(recorder.first + k, recorder.size)
        frame = VideoFrame.from_ndarray(image, format="rgb24").reformat(format=recorder.pixels)
        time = recorder.times(k) if recorder.times else k
        frame.pts, frame.time_base = round(time * 100), base
        yield from stream.encode(frame)
    yield from stream.encode(None)

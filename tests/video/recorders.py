"""Small videos as cameras of many kinds would write them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

SIZE = (96, 64)


def scene(count: int, size: tuple[int, int] = SIZE, seed: int = 0) -> Iterator[np.ndarray]:
    """Blotches that stand still under a white bar that walks: every frame is another one."""
    width, height = size
    blotches = np.random.default_rng(seed).integers(0, 120, (height // 8 + 1, width // 8 + 1, 3))
    ground = np.kron(blotches, np.ones((8, 8, 1)))[:height, :width].astype(np.uint8)
    for number in range(count):
        picture = ground.copy()
        picture[:, number * 3 % width : number * 3 % width + 6] = 250
        picture[:8, :8] = number * 5 % 256
        yield picture


def record(
    path: Path,
    count: int = 60,
    codec: str = "libx264",
    gop: int = 12,
    b_frames: int = 0,
    times: Callable[[int], int] = lambda k: k,
    rate: int = 25,
    size: tuple[int, int] = SIZE,
    turn: int = 0,
    rgb_format: str = "yuv420p",
    **metadata: str,
) -> Path:
    """A video as a recorder would write it; `times` in frames of `rate`."""
    with av.open(str(path), "w") as container:
        container.metadata.update(metadata)
        stream = container.add_stream(codec, rate=rate)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = size
        stream.pix_fmt = rgb_format
        stream.codec_context.gop_size = gop
        stream.codec_context.max_b_frames = b_frames
        stream.codec_context.thread_count = 1
        if turn:
            stream.set_display_rotation(turn)
        for number, picture in enumerate(scene(count, size)):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=rgb_format)
            frame.pts, frame.time_base = times(number), Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def jitter(number: int) -> int:
    """A camera that skips every fifth frame and stalls once."""
    return number + number // 5 + (20 if number > 30 else 0)

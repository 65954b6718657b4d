"""Small pictures that carry a number, and their H.264 or H.265, NAL unit by NAL unit."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import av
import numpy as np
from numpy.typing import NDArray

BITS = 10
"""Bits of the number in a picture: a row of squares, white for 1."""


def picture(number: int, width: int = 160, height: int = 96) -> NDArray[np.uint8]:
    """Draw a number into a grey picture with something that moves."""
    image = np.full((height, width, 3), 96, np.uint8)
    side = width // BITS
    for bit in range(BITS):
        image[:side, bit * side : (bit + 1) * side] = 235 if number >> bit & 1 else 20
    x = number * 3 % (width - 16)
    image[height // 2 : height // 2 + 16, x : x + 16] = (200, 60, 40)
    return image


def number_in(image: NDArray[np.uint8]) -> int:
    """Read the number of a picture, of any size."""
    side = image.shape[1] // BITS
    squares = [image[2 : side - 2, bit * side + 2 : (bit + 1) * side - 2] for bit in range(BITS)]
    return sum(1 << bit for bit, square in enumerate(squares) if square.mean() > 128)


@dataclass(frozen=True)
class CodedPicture:
    """One picture as a camera sends it."""

    units: tuple[bytes, ...]
    """NAL units without start codes; those of a key frame begin with the parameters."""
    is_key: bool


@cache
def encode(
    codec: str = "h264",
    count: int = 40,
    size: tuple[int, int] = (160, 96),
    fps: int = 20,
    group: int = 10,
    first: int = 0,
    noise: float = 0.0,
) -> tuple[CodedPicture, ...]:
    """Encode pictures with the numbers from `first` on, a key frame every `group`.

    Noise, in grey levels, makes them as large as those of a camera.
    """
    r = np.random.default_rng(0)
    name = {"h264": "libx264", "hevc": "libx265"}[codec]
    context = av.CodecContext.create(name, "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height = size
    context.pix_fmt, context.framerate = "yuv420p", Fraction(fps)
    context.time_base = Fraction(1, fps)
    context.thread_count = 1
    x265 = f"keyint={group}:min-keyint={group}:scenecut=0:repeat-headers=1:bframes=0:log-level=none"
    options = {"preset": "ultrafast", "tune": "zerolatency", "g": str(group), "crf": "20"}
    x264 = {"x264-params": f"keyint={group}:scenecut=0:repeat-headers=1"}
    context.options = options | (x264 if codec == "h264" else {"x265-params": x265 + ":pools=1"})
    packets = []
    for k in range(count):
        image = picture(first + k, *size)
        if noise:
            grain = r.normal(0, noise, (size[1] // 4, size[0] // 4, 1)).repeat(4, 0).repeat(4, 1)
            image = np.clip(image + grain, 0, 255).astype(np.uint8)
        frame = av.VideoFrame.from_ndarray(image, format="rgb24")
        frame.pts = k
        packets += context.encode(frame)
    packets += context.encode(None)
    return tuple(
        CodedPicture(tuple(split_units(bytes(packet))), packet.is_keyframe) for packet in packets
    )


def split_units(content: bytes) -> list[bytes]:
    """Split Annex B content at its start codes."""
    return [unit.rstrip(b"\0") or unit for unit in re.split(b"\0\0\0?\1", content) if unit]

"""How stored pictures become those that players show: turned, mirrored, with square pixels."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from av.container import InputContainer
from av.sidedata.sidedata import SideData
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from oneclick.video import source

_TRUE_SIZE = re.compile(r"true size (\d+)x(\d+)")
_PLAUSIBLE_ASPECT = (Fraction(1, 4), Fraction(4))
_DEEP_GREY = re.compile(r"gray(9|10|12|14|16)(le|be)")
_SAMPLED_FRAMES = 25
"""Frames from which the grey levels in use are taken."""
_DARKEST, _BRIGHTEST = 0.1, 99.9
"""Percentiles of the grey levels that become black and white."""


@dataclass(frozen=True, kw_only=True)
class Presentation:
    """The way from stored pictures to shown ones."""

    stored: tuple[int, int]
    """(width, height) of the stored pictures, with padding."""
    size: tuple[int, int]
    """(width, height) of the shown ones."""
    padding: tuple[int, int] = (0, 0)
    """Columns right and rows below that only make the sides even."""
    is_transposed: bool = False
    """Whether rows become columns, before the mirroring."""
    is_mirrored: tuple[bool, bool] = (False, False)
    """Whether (columns, rows) run backwards in the shown picture."""
    levels: tuple[float, float] | None = None
    """Grey levels that become black and white; None for the full range."""
    notes: tuple[str, ...] = ()
    """What is changed, each in a few words."""

    @property
    def is_plain(self) -> bool:
        """Return whether stored pictures are shown as they are."""
        return (
            self.stored == self.size
            and not (self.is_transposed or any(self.is_mirrored))
            and self.levels is None
        )

    def show(self, picture: VideoFrame, pixels: str = "rgb24") -> NDArray[np.uint8]:
        """Convert a stored picture to an (H, W, 3) array in `rgb24` or `bgr24`.

        A picture of another stored size is fitted into this one, with black at the sides.
        """
        image = self._pixels(picture, pixels)
        image = image[: image.shape[0] - self.padding[1], : image.shape[1] - self.padding[0]]
        if self.is_transposed:
            image = image.transpose(1, 0, 2)
        across, down = self.is_mirrored
        return np.ascontiguousarray(image[:: -1 if down else 1, :: -1 if across else 1])

    def _pixels(self, picture: VideoFrame, pixels: str) -> NDArray[np.uint8]:
        """Return the stored picture as an array, with square pixels."""
        width, height = self.size[::-1] if self.is_transposed else self.size
        width, height = width + self.padding[0], height + self.padding[1]
        if self.levels is not None:
            picture = _stretched(picture, self.levels)
        own = picture.width, picture.height
        if own == self.stored:
            return np.asarray(
                picture.to_ndarray(format=pixels, width=width, height=height), np.uint8
            )
        scale = min(width / own[0], height / own[1])
        inner = max(1, round(own[0] * scale)), max(1, round(own[1] * scale))
        fitted = np.zeros((height, width, 3), np.uint8)
        left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
        fitted[top : top + inner[1], left : left + inner[0]] = picture.to_ndarray(
            format=pixels, width=inner[0], height=inner[1]
        )
        return fitted


def read_presentation(
    path: Path, container: InputContainer, stream: VideoStream, first: VideoFrame
) -> Presentation:
    """Return the presentation of a stream's pictures, from its header and its first frame."""
    stored = first.width, first.height
    note = _TRUE_SIZE.fullmatch(container.metadata.get("comment", ""))
    padding = (0, 0)
    if note:
        padding = stored[0] - int(note[1]), stored[1] - int(note[2])
        if not (0 <= padding[0] <= 1 and 0 <= padding[1] <= 1):
            padding = (0, 0)
    aspect = stream.sample_aspect_ratio or Fraction(1)
    notes: list[str] = []
    width, height = stored[0] - padding[0], stored[1] - padding[1]
    if aspect != 1 and _PLAUSIBLE_ASPECT[0] <= aspect <= _PLAUSIBLE_ASPECT[1]:
        square = max(1, round(width * aspect))
        notes.append(f"pixels of {aspect}: {width}x{height} becomes {square}x{height}")
        width = square
    is_transposed, is_mirrored = _orientation(first)
    if is_transposed:
        width, height = height, width
    if is_transposed or any(is_mirrored):
        notes.append(_turn_name(is_transposed, is_mirrored))
    levels = _levels(path) if _DEEP_GREY.fullmatch(first.format.name) else None
    if levels:
        notes.append(f"grey levels {levels[0]:.0f} … {levels[1]:.0f} become black … white")
    return Presentation(
        stored=stored,
        size=(width, height),
        padding=padding,
        is_transposed=is_transposed,
        is_mirrored=is_mirrored,
        levels=levels,
        notes=tuple(notes),
    )


def size_note(width: int, height: int) -> str:
    """Return the comment that stores the size in px of pictures padded to even sides."""
    return f"true size {width}x{height}"


def stream_notes(container: InputContainer, stream: VideoStream) -> tuple[str, ...]:
    """Return which of several video streams was chosen; nothing where there is but one."""
    others = [s for s in container.streams.video if s.index != stream.index]
    covers = [s for s in others if s.disposition & Disposition.attached_pic]
    notes = []
    if len(others) > len(covers):
        why = "marked default" if stream.disposition & Disposition.default else "the largest"
        notes.append(
            f"stream {stream.index} of {len(others) + 1 - len(covers)} video streams ({why})"
        )
    if covers:
        notes.append("cover art left out")
    return tuple(notes)


def _orientation(frame: VideoFrame) -> tuple[bool, tuple[bool, bool]]:
    """Return whether a display matrix swaps the axes, and which of the shown axes run backwards.

    It is the matrix of ISO/IEC 14496-12, 8.2.2, rounded to quarter turns and mirrorings.
    """
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if not isinstance(matrix, SideData):
        return False, (False, False)
    a, b, _, c, d = np.frombuffer(bytes(matrix), "<i4")[:5].tolist()
    if max(abs(a), abs(d)) >= max(abs(b), abs(c)):
        return False, (a < 0, d < 0)
    return True, (c < 0, b < 0)


def _turn_name(is_transposed: bool, is_mirrored: tuple[bool, bool]) -> str:
    names = {
        (False, True, True): "turned by 180°",
        (True, True, False): "turned by 90°",
        (True, False, True): "turned by 270°",
        (False, True, False): "mirrored",
        (False, False, True): "mirrored upside down",
    }
    return names.get((is_transposed, *is_mirrored), "turned by 90° and mirrored")


def _levels(path: Path) -> tuple[float, float] | None:
    """Return the grey levels in use at the start of a deep grey video; None if it is all one."""
    with source.open_video(path, threads=1) as (container, stream):
        pictures = list(itertools.islice(container.decode(stream), _SAMPLED_FRAMES))
    low, high = np.percentile([_grey(p)[::2, ::2] for p in pictures], [_DARKEST, _BRIGHTEST])
    return (float(low), float(high)) if high > low else None


def _grey(picture: VideoFrame) -> NDArray[np.uint16]:
    return np.asarray(picture.reformat(format="gray16le").to_ndarray(), np.uint16)


def _stretched(picture: VideoFrame, levels: tuple[float, float]) -> VideoFrame:
    low, high = levels
    stretched = np.clip((_grey(picture) - low) * (255 / (high - low)), 0, 255).astype(np.uint8)
    return VideoFrame.from_ndarray(stretched, format="gray")

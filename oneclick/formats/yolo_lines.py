"""Lines of a YOLO label file: `class cx cy w h`, and what tools put behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from oneclick.core import assumptions
from oneclick.core.assumptions import Assumptions
from oneclick.core.errors import BadLabels

_FARTHEST = 1.5
"""Share of a picture beyond which a corner is none; key points have a 2 for those that are seen."""


@dataclass(frozen=True, kw_only=True)
class YoloLine:
    """One line of a YOLO label file: a box."""

    cls: int
    box: tuple[float, float, float, float]
    """px, x1 y1 x2 y2."""
    score: float = 1.0
    track: int | None = None
    is_polygon: bool = False
    """Whether the line has corners, and `box` is the one around them."""


@dataclass(kw_only=True)
class ColumnCounts:
    """What the sixth columns of all label files hold."""

    boxes: int = 0
    values: int = 0
    """Lines that have a sixth column."""
    whole: int = 0
    """Of these, whole numbers."""
    largest: float = 0.0
    repeats: int = 0
    """Whole numbers that stand twice in one file."""
    pictures_by_number: dict[int, int] = field(default_factory=dict)
    """Files in which each whole number stands."""

    def add(self, lines: Sequence[tuple[str, list[str]]]) -> None:
        """Count the lines of one file; those that are broken do not count."""
        numbers: list[int] = []
        self.boxes += len(lines)
        for _, cells in lines:
            if len(cells) != 6:
                continue
            self.values += 1
            try:
                value = float(cells[5])
            except ValueError:
                continue
            self.largest = max(self.largest, value)
            if value.is_integer() and abs(value) < 1 << 31:
                self.whole += 1
                numbers.append(int(value))
        self.repeats += len(numbers) - len(set(numbers))
        for number in set(numbers):
            self.pictures_by_number[number] = self.pictures_by_number.get(number, 0) + 1

    def sixth(self, place: Path, answers: Assumptions) -> Literal["", "score", "track"]:
        """Tell what the sixth column is.

        Whole numbers above 1 that come back in other pictures and never twice in one are tracks.

        Raises:
            BadLabels: it could be both.
        """
        if not self.values:
            return ""
        answer = answers.answers.get(assumptions.SIXTH)
        if answer is not None:
            return "track" if answer == "track" else "score"
        if self.whole < self.values:
            return "score"
        is_back = any(count > 1 for count in self.pictures_by_number.values())
        if self.largest > 1 and is_back and not self.repeats:
            return "track"
        raise assumptions.question(
            assumptions.SIXTH, f"{place}: the sixth column of labels holds whole numbers"
        )


def parse_line(
    place: str,
    cells: Sequence[str],
    size: tuple[int, int],
    has_tracks: bool,
    key_values: int = 0,
) -> YoloLine:
    """Read one line.

    Args:
        place: file and line, for messages.
        cells: its columns.
        size: (width, height) of the picture, px.
        has_tracks: whether a sixth column is a track id; it is a score else.
        key_values: columns of key points behind each box, which are left out.

    Raises:
        BadLabels: naming the `place`, if it is not a box relative to the image size.
    """
    if key_values:
        if len(cells) != 5 + key_values:
            raise BadLabels(
                f"{place}: expected class cx cy w h and {key_values} columns of key points, as "
                f"kpt_shape says, got {len(cells)} columns"
            )
        cells = cells[:5]
    if len(cells) < 5 or (len(cells) > 7 and len(cells) % 2 == 0):
        raise BadLabels(
            f"{place}: expected class cx cy w h [score] [track], or class and corners, got "
            f"{len(cells)} columns"
        )
    try:
        number, *values = map(float, cells)
    except ValueError as error:
        raise BadLabels(f"{place}: {str(error)[:80]}") from None
    if not number.is_integer():
        raise BadLabels(f"{place}: class {number:g} is no whole number")
    if not np.isfinite(values).all():
        raise BadLabels(f"{place}: not shares of a picture: {' '.join(cells)[:60]}")
    is_polygon = len(cells) > 7 or (len(cells) == 7 and not values[5].is_integer())
    if is_polygon:
        if len(cells) > 7 and max(values) > _FARTHEST:
            raise BadLabels(
                f"{place}: corners beyond the picture: {' '.join(cells)[:60]}; if these are key "
                "points, say so by kpt_shape in the YAML file"
            )
        xs, ys = values[0::2], values[1::2]
        x1, y1, x2, y2 = min(xs), min(ys), max(xs), max(ys)
    else:
        cx, cy, w, h = values[:4]
        x1, y1, x2, y2 = cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2
    if x2 < x1 or y2 < y1 or max(x2 - x1, y2 - y1) > 2:
        raise BadLabels(f"{place}: not shares of a picture: {' '.join(cells)[:60]}")
    tail = [] if is_polygon else values[4:]
    track = tail.pop() if len(tail) == 2 or (tail and has_tracks) else None
    if track is not None and not track.is_integer():
        raise BadLabels(f"{place}: track {track:g} is no whole number")
    return YoloLine(
        cls=int(number),
        box=(x1 * size[0], y1 * size[1], x2 * size[0], y2 * size[1]),
        score=tail[0] if tail else 1.0,
        track=None if track is None else int(track),
        is_polygon=is_polygon,
    )

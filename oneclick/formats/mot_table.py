"""Lines of gt.txt: frame,id,left,top,width,height,conf, and what tools put behind it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from oneclick.core import assumptions
from oneclick.core.assumptions import Assumptions
from oneclick.core.errors import BadLabels
from oneclick.core.labels import IGNORE
from oneclick.formats import mot_text

VISDRONE_CLASSES = dict(
    enumerate(
        [
            IGNORE, "pedestrian", "people", "bicycle", "car", "van", "truck", "tricycle",
            "awning-tricycle", "bus", "motor", "others",
        ]
    )
)  # fmt: skip
"""Of the VisDrone challenge; 0 are regions that count neither way."""
_COLUMNS = 10
_LARGEST = 1e9
"""px; coordinates end up in float32, where large ones turn into infinity."""


@dataclass(slots=True, kw_only=True)
class MotRow:
    """One line of a MOTChallenge file: a box in a frame."""

    frame: int
    """As in the file."""
    track: int
    box: tuple[float, float, float, float]
    """px, x1 y1 x2 y2."""
    conf: float
    """0 where the box is to be ignored, else the score."""
    cls: int | None = None
    """Number of the class, or None where the line has no such column."""


@dataclass(kw_only=True)
class MotTable:
    """The lines of one MOTChallenge file."""

    file: Path
    lines: list[int] = field(default_factory=list)
    """Number of each row's line."""
    rows: list[MotRow] = field(default_factory=list)
    tails: list[tuple[float, ...]] = field(default_factory=list)
    """Columns 8 to 10 of the lines that have ten."""
    tail_rows: list[MotRow] = field(default_factory=list)
    """Rows of `tails`."""

    def frames(self) -> set[int]:
        """Return the numbers of all frames with a box."""
        return {row.frame for row in self.rows}

    def class_numbers(self) -> set[int | None]:
        """Return the class numbers of the boxes that count; None for lines without one."""
        return {row.cls for row in self.rows if row.conf}

    def line_of_frame(self, frame: int) -> int:
        """Return the first line of a frame."""
        return next(n for n, row in zip(self.lines, self.rows, strict=True) if row.frame == frame)

    def holds_visdrone_classes(self, answers: Assumptions) -> bool:
        """Decide what the last of ten columns are; classes of VisDrone are set in its rows.

        MOTChallenge has a place in the world there, or -1.

        Raises:
            BadLabels: they could be both.
        """
        tails = np.array(self.tails).reshape(-1, 3)
        if (tails == -1).all() or (tails != np.floor(tails)).any():
            return False
        answer = answers.answers.get(assumptions.COLUMNS)
        if answer is None:
            raise assumptions.question(
                assumptions.COLUMNS,
                f"{self.file} has ten columns, and the last three hold whole numbers",
            )
        if answer == "visdrone":
            for row, (number, *_) in zip(self.tail_rows, self.tails, strict=True):
                row.cls = int(number)
        return answer == "visdrone"


def read(file: Path) -> MotTable:
    """Read a file.

    Raises:
        BadLabels: naming the first broken line: no numbers, NaN, a negative size or frame, an id or
            class that is no whole number, a score above 1.
    """
    table = MotTable(file=file)
    for number, line in mot_text.numbered_lines(file):
        place = f"{file} line {number}"
        cells = line.strip().rstrip(",").split(",")
        if len(cells) < 6:
            mot_text.parse_line(place, line, mot_text.MAX_FRAMES)
        try:
            cell_numbers = [float(cell) for cell in cells]
        except ValueError as error:
            raise BadLabels(f"{place}: {str(error)[:80]}") from None
        row = parse_row(place, cell_numbers)
        table.lines.append(number)
        table.rows.append(row)
        if len(cells) > 9:
            table.tails.append(tuple(cell_numbers[7:10]))
            table.tail_rows.append(row)
    return table


def parse_row(place: str, cells: list[float]) -> MotRow:
    """Read the numbers of a line. Raises BadLabels, naming the `place`."""
    frame, track, left, top, width, height, *tail = cells
    limit = mot_text.MAX_FRAMES
    is_box = width >= 0 and height >= 0 and max(map(abs, cells[2:6])) < _LARGEST
    if not (is_box and 0 <= frame <= limit and frame == int(frame)):  # NaN is not either
        raise BadLabels(f"{place}: {mot_text.describe_error([frame, *cells[2:6], 1.0], limit)}")
    if len(cells) > _COLUMNS:
        raise BadLabels(f"{place}: {len(cells)} columns, MOTChallenge has up to {_COLUMNS}")
    if len(tail) == 3 and not -1 <= tail[2] <= 1:
        raise BadLabels(f"{place}: visibility {tail[2]:g} in column 9 is not from 0 to 1")
    conf = tail[0] if tail else 1.0
    if conf == -1:  # no score
        conf = 1.0
    if not 0 <= conf <= 1:
        raise BadLabels(f"{place}: conf {conf:g} is neither 0 or 1 nor a score between them")
    number = tail[1] if 2 <= len(tail) <= 3 else -1.0
    if not np.isfinite([track, number]).all() or track != int(track) or number != int(number):
        raise BadLabels(f"{place}: id {track:g}, class {number:g}: not whole numbers")
    return MotRow(
        frame=int(frame),
        track=int(track),
        box=(left, top, left + width, top + height),
        conf=conf,
        cls=None if number == -1 else int(number),
    )

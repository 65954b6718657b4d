"""MOTChallenge text: `frame,id,left,top,width,height,score,…`, frames from 1, one box per line.

In memory frames count from 0 and boxes are corners; only the text has the other convention.
"""

from __future__ import annotations

import configparser
import io
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from oneclick.core.detections import Detections
from oneclick.core.errors import BadLabels, UsageError
from oneclick.core.tracks import Tracks
from oneclick.storage import bounded_files, files

MAX_FRAMES = 20_000_000
"""A week at 30 fps is 18 million; a larger number is a typing error that would eat the memory."""

MAX_EMPTY = 24 * 3600 * 30
"""Frames in a row without a box."""
MAX_BYTES = 2048 * bounded_files.MEBIBYTE
MAX_SEQINFO = bounded_files.MEBIBYTE
OWN_SECTION = "oneclick"
"""Section of our seqinfo.ini with what the entries of MOTChallenge cannot hold exactly."""
TRACK_ZERO = "trackZero"
"""Its entry for the number that track 0 has in gt.txt."""
_LARGEST = {"frameRate": 1000, "seqLength": MAX_FRAMES, "imWidth": 100_000, "imHeight": 100_000}
"""Numbers of seqinfo.ini that are used, and their limits."""
_COLUMNS = (0, 2, 3, 4, 5, 6)
"""frame, left, top, width, height, score; the identity and columns from 8 on are not used."""


def load(path: Path, fps: float, length: int | None = None) -> Detections:
    """Read detections; lines may be in any order, and a missing score counts as 1.

    `length` is the number of frames of the video; None takes the last frame with a box.

    Raises:
        BadLabels: naming the first broken line by its number: no number, NaN, negative width,
            frame 0 or beyond `length`.
        UsageError: `fps` or `length` is not positive.
    """
    if not 0 < fps < np.inf or (length is not None and length < 1):
        raise UsageError(f"{path}: fps and length must be positive, got {fps} and {length}")
    limit = MAX_FRAMES if length is None else length
    blocks = bounded_files.text_blocks(path, MAX_BYTES, BadLabels)
    rows = np.concatenate(
        [np.zeros((0, 6)), *(_parse(path, number, text, limit) for number, text in blocks)]
    )
    frames = rows[:, 0].astype(np.int64) - 1
    ends = [0, int(frames.max(initial=-1)) + 1 if length is None else length]
    gaps = np.diff(np.sort(np.concatenate([frames, ends])))
    if gaps.max() > MAX_EMPTY:
        raise BadLabels(
            f"{path}: {gaps.max():,} frames in a row without a box, more than a day: correct the "
            "frame numbers, or cut it into a file for each recording"
        )
    return Detections(
        frames=frames.astype(np.int32),
        boxes=np.hstack([rows[:, 1:3], rows[:, 1:3] + rows[:, 3:5]]).astype(np.float32),
        scores=rows[:, 5].astype(np.float32),
        classes=np.zeros(len(rows), np.int16),
        length=int(frames.max(initial=-1)) + 1 if length is None else length,
        fps=fps,
    )


def save(target: Path | TextIO, detections: Detections) -> None:
    """Write detections; the identity column is -1.

    Raises:
        NoSpace, Unavailable: the disk refuses; no partial file is left.
    """
    ids = np.full(len(detections), -1)
    _save(target, detections.frames, ids, detections.boxes, detections.scores)


def save_tracks(target: Path | TextIO, tracks: Tracks) -> None:
    """Write labels with identities, by frame and track; column 7 is the score of the label.

    Raises:
        NoSpace, Unavailable: the disk refuses; no partial file is left.
    """
    _save(target, tracks.frames, tracks.tracks, tracks.boxes, tracks.scores)


class ForeignSequence(BadLabels):
    """A seqinfo.ini that is not MOTChallenge's."""


def read_seqinfo(path: Path) -> dict[str, float]:
    """Return the numbers of MOTChallenge's seqinfo.ini in the folder of the file, or one above.

    A file of that name in another form tells nothing.

    Raises:
        BadLabels: it is no regular file, or a number cannot be that of a video.
    """
    for file in seqinfo_files(path):
        try:
            section = read_sequence_section(file)
        except ForeignSequence:
            continue
        if numbers := sequence_numbers(section):
            return numbers
    return {}


def seqinfo_files(path: Path) -> tuple[Path, Path]:
    """Return where the seqinfo.ini of a text may lie: in its folder, or one above."""
    return path.parent / "seqinfo.ini", path.parent.parent / "seqinfo.ini"


def read_sequence_section(file: Path) -> dict[str, str]:
    """Return all entries of seqinfo.ini as text, by name in small letters; none without the file.

    As TrackEval and motmetrics read it: names in any letter case, a byte order mark is no text.

    Raises:
        ForeignSequence: it is not of that form. BadLabels: it is no regular file, or too large.
    """
    if not os.path.lexists(file):
        return {}
    content = bounded_files.read_bytes(file, MAX_SEQINFO, BadLabels)
    # Interpolation would let a few entries stand for gigabytes.
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(content.decode("utf-8-sig", errors="replace"))
    except configparser.Error as error:
        text = " ".join(str(error).split())[:120]
        raise ForeignSequence(f"{file} cannot be read ({text}): correct or remove it") from None
    sections = [name for name in parser.sections() if name.lower() == "sequence"]
    if len(sections) != 1:
        raise ForeignSequence(f"{file} has {len(sections)} sections [Sequence]: it needs one")
    own = [OWN_SECTION] if parser.has_section(OWN_SECTION) else []
    return {
        name: value.strip()
        for section in (*sections, *own)
        for name, value in parser.items(section)
    }


def sequence_numbers(section: Mapping[str, str]) -> dict[str, float]:
    """Return the numbers among the entries of seqinfo.ini, by the names of MOTChallenge.

    Raises:
        BadLabels: one is no number, or cannot be that of a video.
    """
    numbers: dict[str, float] = {}
    for name, largest in _LARGEST.items():
        if not (text := section.get(name.lower(), "")):
            continue
        try:
            number = float(text)
        except ValueError:
            number = float("nan")
        if not 0 < number <= largest:  # NaN is not either
            raise BadLabels(
                f"seqinfo.ini: {name}={text[:20]} cannot be: correct it (up to {largest:,})"
            )
        numbers[name] = number
    return numbers


def numbered_lines(file: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not blank, with their numbers from 1. Raises BadLabels."""
    for first, text in bounded_files.text_blocks(file, MAX_BYTES, BadLabels):
        for number, line in enumerate(text.split("\n"), first):
            if line.strip():
                yield number, line


def _parse(path: Path, first: int, text: str, limit: int) -> NDArray[np.float64]:
    """Return (n, 6) frame, left, top, width, height, score of lines numbered from `first`.

    All lines are parsed at once; where that fails, line by line, to name the one that is broken.
    """
    if not text.strip():
        return np.zeros((0, 6))
    try:
        rows = np.loadtxt(
            io.StringIO(text), delimiter=",", usecols=_COLUMNS, ndmin=2, comments=None
        )
        if _are_boxes(rows, limit).all():
            return rows
    except ValueError:
        pass
    lines = enumerate(text.split("\n"), first)
    cells = [parse_line(f"{path} line {k}", line, limit) for k, line in lines if line.strip()]
    return np.array(cells, np.float64).reshape(-1, 6)


def _are_boxes(rows: NDArray[np.float64], limit: int) -> NDArray[np.bool_]:
    """Return (n,) True where a row is a box of one of the frames 1 … limit."""
    frames, sizes = rows[:, 0], rows[:, 3:5]
    # Coordinates end up in float32, where large ones turn into infinity.
    is_box = (np.abs(rows[:, 1:]) < 1e9).all(1) & (sizes >= 0).all(1)
    return np.asarray(is_box & (frames >= 1) & (frames <= limit) & (frames == np.floor(frames)))


def parse_line(place: str, line: str, limit: int) -> list[float]:
    """Parse one line to frame, left, top, width, height, score.

    Raises:
        BadLabels: naming the `place`, and what is wrong with the line.
    """
    cells = line.strip().split(",")
    if len(cells) < 6:
        raise BadLabels(
            f"{place}: expected frame,id,left,top,width,height,score, got {len(cells)} columns"
        )
    try:
        row = [float(cell) for cell in (*cells[:1], *cells[2:6], *(cells[6:7] or ["1"]))]
    except ValueError as error:
        raise BadLabels(f"{place}: {str(error)[:80]}") from None
    if not _are_boxes(np.array([row]), limit)[0]:
        raise BadLabels(f"{place}: {describe_error(row, limit)}")
    return row


def describe_error(row: list[float], limit: int) -> str:
    """Say why a row of numbers is no box of one of the frames 1 … limit."""
    frame, _, _, width, height, _ = row
    if not np.isfinite(row).all():
        return "NaN or infinity where a number should be"
    if frame < 1 or frame != int(frame):
        return f"frame {frame:g} (frames are whole numbers from 1)"
    if frame > limit:
        return f"frame {frame:.0f} is beyond the last frame, {limit}"
    if width < 0 or height < 0:
        return f"box turned inside out (width {width:g}, height {height:g})"
    return "a number too large for a picture"


def _save(
    target: Path | TextIO,
    frames: NDArray[np.int32],
    ids: NDArray[np.integer],
    boxes: NDArray[np.float32],
    scores: NDArray[np.float32],
) -> None:
    corners = boxes.astype(np.float64)
    sizes = corners[:, 2:] - corners[:, :2]
    columns = (frames + 1, ids, *corners[:, :2].T, *sizes.T, scores)
    text = "".join(
        f"{f},{i},{x:.3f},{y:.3f},{w:.3f},{h:.3f},{s:.6g},-1,-1,-1\n"
        for f, i, x, y, w, h, s in zip(*(column.tolist() for column in columns), strict=True)
    )
    if isinstance(target, Path):
        files.write_atomic(target, text)
    else:
        target.write(text)

"""MOTChallenge text: `frame,id,left,top,width,height,score,…`, frames from 1, one box per line.

In memory frames count from 0 and boxes are corners; only the text has the other convention.
"""

from __future__ import annotations

import configparser
import io
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from oneclick.core.detections import Detections
from oneclick.core.errors import BadLabels, UsageError
from oneclick.core.tracks import Tracks
from oneclick.storage import files

MAX_FRAMES = 20_000_000
"""A week at 30 fps is 18 million; a larger number is a typing error that would eat the memory."""

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
    try:
        text = path.read_text("utf-8-sig", errors="replace")
    except OSError as error:
        raise BadLabels(f"{path}: cannot be read ({error.strerror})") from None
    rows = _parse(path, text, MAX_FRAMES if length is None else length)
    frames = rows[:, 0].astype(np.int64) - 1
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


def read_seqinfo(path: Path) -> dict[str, float]:
    """Return the numbers of MOTChallenge's seqinfo.ini in the folder of the file, or one above."""
    for folder in (path.parent, path.parent.parent):
        parser = configparser.ConfigParser()
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        try:
            parser.read(folder / "seqinfo.ini")
            items = dict(parser.items("Sequence")) if parser.has_section("Sequence") else {}
            names = ("frameRate", "seqLength", "imWidth", "imHeight")
            numbers = {name: float(items[name]) for name in names if name in items}
        except (configparser.Error, ValueError, UnicodeDecodeError):
            numbers = {}
        if numbers:
            return numbers
    return {}


def _parse(path: Path, text: str, limit: int) -> NDArray[np.float64]:
    """Return (n, 6) frame, left, top, width, height, score of all lines.

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
    lines = enumerate(text.split("\n"), 1)
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

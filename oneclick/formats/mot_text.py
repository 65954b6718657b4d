"""MOTChallenge text: `frame,id,left,top,width,height,score,…`, frames from 1, one box a line.

In memory frames count from 0 and boxes are corners; the text is the only place with the other.
"""

from __future__ import annotations

import configparser
import io
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from oneclick.core.detections import Detections
from oneclick.core.errors import BadLabels, UsageError
from oneclick.core.tracks import Tracks
from oneclick.storage import files

MOST_FRAMES = 20_000_000
"""A week at 30 fps is 18 million; a larger number is a typing error that would eat the memory."""

_COLUMNS = (0, 2, 3, 4, 5, 6)
"""frame, left, top, width, height, score; the identity and columns from 8 on are not used."""


def load(path: Path, fps: float, length: int | None = None) -> Detections:
    """Read detections; lines may stand in any order, a missing score counts as 1.

    `length` is the number of frames of the video; None takes the last frame with a box.

    Raises:
        BadLabels: naming the first broken line by its number: no number, NaN, negative width,
            frame 0 or beyond `length`.
        UsageError: if `fps` or `length` is not positive.
    """
    if not 0 < fps < np.inf or (length is not None and length < 1):
        raise UsageError(f"{path}: fps and length must be positive, got {fps} and {length}")
    text = _text(path)
    limit = MOST_FRAMES if length is None else length
    rows = _parse(text)
    if rows is None or not _good(rows, limit).all():
        rows = _parse_slowly(path, text, limit)
    return _detections(rows, fps, length)


def save(target: Path | TextIO, detections: Detections) -> None:
    """Write detections; the identity column is -1.

    Raises:
        NoSpace, Unavailable: if the disk refuses; nothing half-written stays.
    """
    nobody = np.full(len(detections), -1)
    _save(target, detections.frames, nobody, detections.boxes, detections.scores)


def save_tracks(target: Path | TextIO, tracks: Tracks) -> None:
    """Write labels with identities, by frame and track; column 7 is the score of the label.

    Raises:
        NoSpace, Unavailable: if the disk refuses; nothing half-written stays.
    """
    _save(target, tracks.frames, tracks.tracks, tracks.boxes, tracks.scores)


def sequence(path: Path) -> dict[str, float]:
    """Numbers of MOTChallenge's seqinfo.ini in the folder of the file, or one above."""
    for folder in (path.parent, path.parent.parent):
        parser = configparser.ConfigParser()
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        try:
            parser.read(folder / "seqinfo.ini")
            items = dict(parser.items("Sequence")) if parser.has_section("Sequence") else {}
            numbers = ("frameRate", "seqLength", "imWidth", "imHeight")
            found = {name: float(items[name]) for name in numbers if name in items}
        except (configparser.Error, ValueError, UnicodeDecodeError):
            found = {}
        if found:
            return found
    return {}


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig", errors="replace")
    except OSError as error:
        raise BadLabels(f"{path}: cannot be read ({error.strerror})") from None


def _parse(text: str) -> NDArray[np.float64] | None:
    """All lines at once, `(n, 6)`; None where a line needs a closer look."""
    if not text.strip():
        return np.zeros((0, 6))
    try:
        return np.loadtxt(
            io.StringIO(text), delimiter=",", usecols=_COLUMNS, ndmin=2, comments=None
        )
    except ValueError:
        return None


def _good(rows: NDArray[np.float64], limit: int) -> NDArray[np.bool_]:
    """True where a row is a box of some frame 1 … limit."""
    frames, sizes = rows[:, 0], rows[:, 3:5]
    # Coordinates end up in float32, where large ones turn into infinity.
    sound = (np.abs(rows[:, 1:]) < 1e9).all(1) & (sizes >= 0).all(1)
    return np.asarray(sound & (frames >= 1) & (frames <= limit) & (frames == np.floor(frames)))


def _parse_slowly(path: Path, text: str, limit: int) -> NDArray[np.float64]:
    """Line by line, to name the one that is broken."""
    rows = [
        _line(f"{path} line {number}", line, limit)
        for number, line in enumerate(text.split("\n"), 1)
        if line.strip()
    ]
    return np.array(rows, np.float64).reshape(-1, 6)


def _line(where: str, line: str, limit: int) -> list[float]:
    cells = line.strip().split(",")
    if len(cells) < 6:
        raise BadLabels(
            f"{where}: expected frame,id,left,top,width,height,score, got {len(cells)} columns"
        )
    try:
        row = [float(cell) for cell in (*cells[:1], *cells[2:6], *(cells[6:7] or ["1"]))]
    except ValueError as error:
        raise BadLabels(f"{where}: {str(error)[:80]}") from None
    if not _good(np.array([row]), limit)[0]:
        raise BadLabels(f"{where}: {_complaint(row, limit)}")
    return row


def _complaint(row: list[float], limit: int) -> str:
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


def _detections(rows: NDArray[np.float64], fps: float, length: int | None) -> Detections:
    frames = rows[:, 0].astype(np.int64) - 1
    if length is None:
        length = int(frames.max(initial=-1)) + 1
    corners = np.concatenate([rows[:, 1:3], rows[:, 1:3] + rows[:, 3:5]], 1)
    classes = np.zeros(len(rows), np.int16)
    return Detections(
        frames.astype(np.int32),
        corners.astype(np.float32),
        rows[:, 5].astype(np.float32),
        classes,
        length,
        fps,
    )


def _save(
    target: Path | TextIO,
    frames: NDArray[np.int32],
    ids: NDArray[np.integer],
    boxes: NDArray[np.float32],
    scores: NDArray[np.float32],
) -> None:
    text = "".join(_lines(frames, ids, boxes.astype(np.float64), scores))
    if isinstance(target, Path):
        files.write_atomic(target, text)
    else:
        target.write(text)


def _lines(
    frames: NDArray[np.int32],
    ids: NDArray[np.integer],
    boxes: NDArray[np.float64],
    scores: NDArray[np.float32],
) -> Iterable[str]:
    sizes = boxes[:, 2:] - boxes[:, :2]
    columns = (frames + 1, ids, *boxes[:, :2].T, *sizes.T, scores)
    for f, i, x, y, w, h, s in zip(*(column.tolist() for column in columns), strict=True):
        yield f"{f},{i},{x:.3f},{y:.3f},{w:.3f},{h:.3f},{s:.6g},-1,-1,-1\n"

"""Hindsight labels beside online trackers: `python -m tests.bench.trackers [SEQUENCE…|--sweep]`.

The peers are ByteTrack and OC-SORT of the package `trackers`, followed by the interpolation of
ByteTrack's own tool, over the rows and thresholds of `tests.bench.hindsight`. Each runs

- as documented: defaults, the sequence's frame rate, scores as they stand in the file;
- as tuned: at our operating thresholds, lost tracks kept for 30 frames, IoU of at least 0.2.

ByteTrack gets its doubtful boxes as well, for its second pass: those above 0.1 as documented,
those above half of the threshold as tuned. A tracker names a box -1 before its track is confirmed
and where no track wants it. It did not answer for such boxes, so the plain lines leave them out;
the lines "+ strays" give it back those at or above the threshold, outside of any track.

The parameters of hindsight were chosen on sequences of this table, those of the trackers were not.
`--sweep` gives OC-SORT the same advantage: the best of 27 settings for this very table.
"""

from __future__ import annotations

import itertools
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oneclick import hindsight
from oneclick.core.detections import Detections, concat
from oneclick.core.tracks import DETECTED, INTERPOLATED, Tracks
from oneclick.formats import mot_text
from tests.bench import hindsight as bench

try:
    # Its dependencies warn on import.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import supervision
        from trackers import ByteTrackTracker, OCSORTTracker
except ImportError:
    sys.exit("the peers are absent; run: uv sync --group bench")

LONGEST_HOLE = 20
"""ByteTrack's tools/interpolation.py fills holes of fewer frames (n_dti) …"""
FEWEST_BOXES = 5
"""… in tracks of more boxes than this (n_min)."""
LOWEST = 0.1
"""Weaker boxes never reach ByteTrack's second pass (its byte_tracker.py)."""
TUNED: dict[str, Any] = {
    "lost_track_buffer": 30,
    "frame_rate": 30.0,  # the buffer counts frames of 30 a second; so it is 30 frames everywhere
    "minimum_iou_threshold": 0.2,
}

SWEPT = ("minimum_iou_threshold", "minimum_consecutive_frames", "lost_track_buffer")

Method = Callable[[Detections, float], Detections]


@dataclass(frozen=True)
class Row:
    """F1 of one method on one sequence and detector."""

    name: str
    static: bool
    loose: float
    """F1 at IoU 0.5."""
    tight: float
    """F1 at IoU 0.75."""


def bytetrack(detections: Detections, threshold: float, tuned: bool) -> Tracks:
    """What ByteTrack made of a file; strays are tracks of one box."""
    if not tuned:
        return follow(ByteTrackTracker(frame_rate=detections.fps), detections.above(LOWEST))
    levels: dict[str, Any] = {
        "track_activation_threshold": threshold,
        "high_conf_det_threshold": threshold,
    }
    return follow(ByteTrackTracker(**TUNED, **levels), detections.above(threshold / 2))


def ocsort(detections: Detections, threshold: float, tuned: bool) -> Tracks:
    """What OC-SORT made of a file; strays are tracks of one box."""
    if not tuned:
        return follow(OCSORTTracker(frame_rate=detections.fps), detections)
    tracker = OCSORTTracker(**TUNED, high_conf_det_threshold=threshold)
    return follow(tracker, detections.above(threshold))


def follow(tracker: Any, detections: Detections) -> Tracks:
    """All boxes given, with the tracker's identities; each one named -1 gets a number of its own.

    Confirmed tracks count from 0; strays from the number of boxes on.
    """
    names = np.full(len(detections), -1)
    for frame in range(detections.length):
        rows = detections.rows(frame)
        frame_detections = supervision.Detections(
            detections.boxes[rows],
            confidence=detections.scores[rows],
            data={"row": np.arange(rows.start, rows.stop)},
        )
        update = tracker.update(frame_detections)
        if len(update):
            names[update.data["row"]] = update.tracker_id
    stray = names < 0
    names[stray] = len(detections) + np.arange(stray.sum())
    return _tracks(detections, names)


def _tracks(detections: Detections, names: NDArray[np.intp]) -> Tracks:
    origins = np.full(len(detections), DETECTED)
    return Tracks(
        frames=detections.frames,
        tracks=names.astype(np.int32),
        boxes=detections.boxes,
        scores=detections.scores,
        classes=detections.classes,
        origins=origins,
        length=detections.length,
        fps=detections.fps,
    )


def interpolated(tracks: Tracks) -> Detections:
    """The boxes and straight lines through short holes, as ByteTrack's own tool draws them."""
    rows = tracks.by_track
    frames, names, corners = tracks.frames[rows], tracks.tracks[rows], tracks.boxes[rows]
    _, which, size = np.unique(names, return_inverse=True, return_counts=True)
    step = np.diff(frames)
    hole = (np.diff(names) == 0) & (step > 1) & (step < LONGEST_HOLE)
    holes = np.flatnonzero(hole & (size[which[:-1]] > FEWEST_BOXES))
    hole_sizes = step[holes] - 1
    row = np.repeat(holes, hole_sizes)
    after = np.arange(len(row)) - np.repeat(np.cumsum(hole_sizes) - hole_sizes, hole_sizes) + 1
    share = (after / step[row])[:, None] if len(row) else np.zeros((0, 1))
    filled = Tracks(
        frames=frames[row] + after.astype(np.int32),
        tracks=names[row],
        boxes=corners[row] * (1 - share) + corners[row + 1] * share,
        scores=tracks.scores[rows][row],
        classes=tracks.classes[rows][row],
        origins=np.full(len(row), INTERPOLATED),
        length=tracks.length,
        fps=tracks.fps,
    )
    return concat([tracks.detections, filled.detections])


def online(track: Callable[[Detections, float, bool], Tracks], tuned: bool, strays: bool) -> Method:
    """A tracker and its interpolation as a method."""

    def label(detections: Detections, threshold: float) -> Detections:
        tracks = track(detections, threshold, tuned)
        alone = tracks.tracks >= len(tracks)
        retained = ~alone | ((tracks.scores >= threshold) if strays else False)
        return interpolated(tracks.where(retained))

    return label


def methods() -> dict[str, Method]:
    """Name and function of every line of the table."""
    by_name: dict[str, Method] = {"raw": lambda detections, threshold: detections.above(threshold)}
    for name, track in (("ByteTrack", bytetrack), ("OC-SORT", ocsort)):
        for tuned, kind in ((False, "documented"), (True, "tuned")):
            by_name[f"{name}, {kind}"] = online(track, tuned, strays=False)
            by_name[f"{name}, {kind} + strays"] = online(track, tuned, strays=True)
    by_name["hindsight"] = lambda detections, threshold: (
        hindsight.label([detections], [threshold]).detections
    )
    return by_name


def measure(sequence: Path, detector: str, lines: dict[str, Method]) -> Iterator[tuple[str, Row]]:
    """Every method on one sequence and detector."""
    fps, length = bench.info(sequence)
    real = bench.truth(sequence)
    detections = mot_text.load(
        sequence / "det" / f"{detector}.txt", fps, real.people.length or length
    )
    for name, method in lines.items():
        tracks = method(detections, bench.THRESHOLDS[detector])
        loose, tight = (bench.score(real, tracks, at)[2] for at in (0.5, 0.75))
        row = f"{sequence.name} {detector}"
        yield name, Row(row, sequence.name in bench.STATIC, loose, tight)


def line(name: str, rows: list[Row], raw: list[Row]) -> str:
    """Means of a method, and where it is worse than the raw detections."""
    sides = [[row for row in rows if row.static], [row for row in rows if not row.static], rows]
    loose = [np.mean([row.loose for row in side]) for side in sides if side]
    tight = [np.mean([row.tight for row in side]) for side in sides if side]
    change = {row.name: 100 * (row.loose - old.loose) for row, old in zip(rows, raw, strict=True)}
    worst = min(change, key=lambda row: change[row])
    lost = sum(value < -0.05 for value in change.values())
    end = f"{lost:6d}  {change[worst]:+6.1f}  {worst if change[worst] < -0.05 else ''}"
    return f"{name:32}" + "".join(f"{value:8.3f}" for value in [*loose, *tight]) + end


def sweep() -> None:
    """Print the five best settings of OC-SORT, strays given back, by mean F1 over all rows."""
    table = []
    for values in itertools.product((0.1, 0.2, 0.3), (1, 2, 3), (10, 30, 60)):
        options = dict(zip(SWEPT, values, strict=True))
        track = partial(_ocsort_with, options)
        rows = _rows([], {"": online(track, tuned=True, strays=True)})
        f1 = np.mean([(row.loose, row.tight) for _, row in rows], 0)
        table.append((*f1.tolist(), options))
    for loose, tight, options in sorted(table, key=lambda line: -line[0])[:5]:
        print(f"F1 {loose:.3f}   F1@.75 {tight:.3f}   {options}")


def _ocsort_with(
    options: dict[str, Any], detections: Detections, threshold: float, _: bool
) -> Tracks:
    tracker = OCSORTTracker(**options, high_conf_det_threshold=threshold)
    return follow(tracker, detections.above(threshold))


def _rows(only: list[str], lines: dict[str, Method]) -> Iterator[tuple[str, Row]]:
    """Every method on all sequences × detections, or those of the sequences named."""
    for sequence in sorted(bench.DATA.iterdir()):
        if sequence.is_dir() and (not only or sequence.name in only):
            for file in sorted((sequence / "det").glob("*.txt")):
                yield from measure(sequence, file.stem, lines)


def main(only: list[str]) -> None:
    """Print the table."""
    table: dict[str, list[Row]] = {}
    for name, row in _rows(only, methods()):
        table.setdefault(name, []).append(row)
    print(f"{'':32}{'F1@.5: static, moving, all':24}{'F1@.75':>8}{'':16}  lost   worst (points)")
    for name, rows in table.items():
        print(line(name, rows, table["raw"]))


if __name__ == "__main__":
    if not bench.DATA.is_dir():
        sys.exit(f"skipped: {bench.DATA} is absent")
    if "--sweep" in sys.argv:
        sweep()
    else:
        main(sys.argv[1:])

"""The truth about a recording, kept as a label file beside the video: `<name>.truth.json`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from oneclick import video
from oneclick.core.labels import LabelSet, LabelTrack, Ranges, from_tracks, to_tracks
from oneclick.core.tracks import HUMAN, Tracks
from oneclick.storage import files, labels
from oneclick.ward.render import Seen

MADE_BY = "ward"


@dataclass(frozen=True, eq=False)
class Truth:
    """Everybody in every frame of one recording, frames counted in the video."""

    tracks: Tracks
    """One track a visit, class person, every score 1, every origin human."""
    postures: NDArray[np.str_]
    """(n,) posture of each row: one of people.POSTURES."""
    width: int
    height: int


def truth_path(video_path: Path) -> Path:
    """Where the truth about a video lies."""
    return video_path.with_suffix(".truth.json")


def gather(seen: Sequence[Sequence[Seen]], fps: float, width: int, height: int) -> Truth:
    """What was seen, frame by frame, as columns."""
    rows = [(frame, one) for frame, people in enumerate(seen) for one in people]
    # Tracks sorts by (frame, track): the postures must come in the same order.
    rows.sort(key=lambda row: (row[0], row[1].visit))
    n = len(rows)
    tracks = Tracks(
        np.array([frame for frame, _ in rows], np.int32),
        np.array([one.visit for _, one in rows], np.int32),
        np.array([one.box for _, one in rows], np.float32).reshape(-1, 4),
        np.ones(n, np.float32),
        np.zeros(n, np.int16),
        np.full(n, HUMAN),
        len(seen),
        fps,
    )
    return Truth(tracks, np.array([one.posture for _, one in rows], np.str_), width, height)


def save(video_path: Path, truth: Truth, made_at: datetime) -> Path:
    """Write the truth beside its video.

    Raises:
        NoSpace, Unavailable: if the disk refuses.
    """
    path = truth_path(video_path)
    files.write_atomic(path, labels.encode(as_labels(truth, video_path.stem, made_at)))
    return path


def load_truth(path: Path) -> Tracks:
    """The truth about the video at `path` (the truth's own path does as well).

    Raises:
        BadLabels: if it is missing or broken. BadVideo: if the video is.
    """
    video_path = path.with_name(path.name.replace(".truth.json", ".mp4"))
    return to_tracks(labels.load(truth_path(video_path)), video.probe(video_path).fps)


def as_labels(truth: Truth, name: str, made_at: datetime) -> LabelSet:
    """The truth as if a reviewer had labelled it perfectly, postures as attributes."""
    tracks = []
    for rows, track in zip(truth.tracks.each(), from_tracks(truth.tracks), strict=True):
        ranges = _ranges(track, truth.postures[rows])
        tracks.append(replace(track, attributes={"posture": ranges}))
    return LabelSet(
        name,
        1,
        "human",
        None,
        MADE_BY,
        made_at,
        truth.tracks.length,
        truth.width,
        truth.height,
        truth.tracks.names,
        tuple(tracks),
    )


def _ranges(track: LabelTrack, postures: NDArray[np.str_]) -> Ranges:
    """Runs of one posture as half-open ranges of frames."""
    changed = (np.diff(track.frames) != 1) | (postures[1:] != postures[:-1])
    starts = np.concatenate([[0], np.flatnonzero(changed) + 1])
    stops = np.concatenate([starts[1:], [len(postures)]]) - 1
    return tuple(
        (int(track.frames[a]), int(track.frames[b]) + 1, str(postures[a]))
        for a, b in zip(starts, stops, strict=True)
    )

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
from oneclick.ward.render import VisiblePerson

MADE_BY = "ward"


@dataclass(frozen=True, eq=False)
class GroundTruth:
    """All people in every frame of one recording, frames counted in the video."""

    tracks: Tracks
    """One track a visit, class person, every score 1, every origin human."""
    postures: NDArray[np.str_]
    """(n,) posture of each row: one of people.POSTURES."""
    width: int
    height: int


def truth_path(video_path: Path) -> Path:
    """Return the path of the truth about a video."""
    return video_path.with_suffix(".truth.json")


def from_frames(
    people_by_frame: Sequence[Sequence[VisiblePerson]], fps: float, width: int, height: int
) -> GroundTruth:
    """Convert the people visible in each frame to columns."""
    rows = [(frame, person) for frame, people in enumerate(people_by_frame) for person in people]
    # Tracks sorts by (frame, track): the postures must come in the same order.
    rows.sort(key=lambda row: (row[0], row[1].visit))
    n = len(rows)
    tracks = Tracks(
        frames=np.array([frame for frame, _ in rows], np.int32),
        tracks=np.array([person.visit for _, person in rows], np.int32),
        boxes=np.array([person.box for _, person in rows], np.float32).reshape(-1, 4),
        scores=np.ones(n, np.float32),
        classes=np.zeros(n, np.int16),
        origins=np.full(n, HUMAN),
        length=len(people_by_frame),
        fps=fps,
    )
    postures = np.array([person.posture for _, person in rows], np.str_)
    return GroundTruth(tracks, postures, width, height)


def save(video_path: Path, truth: GroundTruth, made_at: datetime) -> Path:
    """Write the truth beside its video and return its path.

    Raises:
        NoSpace, Unavailable: if the disk refuses.
    """
    path = truth_path(video_path)
    files.write_atomic(path, labels.encode(as_labels(truth, video_path.stem, made_at)))
    return path


def load_truth(path: Path) -> Tracks:
    """Load the truth about the video at `path`, which may also be the truth's own path.

    Raises:
        BadLabels: if it is missing or broken. BadVideo: if the video is.
    """
    video_path = path.with_name(path.name.replace(".truth.json", ".mp4"))
    return to_tracks(labels.load(truth_path(video_path)), video.probe(video_path).fps)


def as_labels(truth: GroundTruth, name: str, made_at: datetime) -> LabelSet:
    """Return the truth as perfect labels by a reviewer, with postures as attributes."""
    tracks = []
    rows_by_track = truth.tracks.rows_by_track()
    for rows, track in zip(rows_by_track, from_tracks(truth.tracks), strict=True):
        ranges = posture_ranges(track, truth.postures[rows])
        tracks.append(replace(track, attributes={"posture": ranges}))
    return LabelSet(
        clip=name,
        revision=1,
        kind="human",
        parent=None,
        made_by=MADE_BY,
        made_at=made_at,
        frames=truth.tracks.length,
        width=truth.width,
        height=truth.height,
        classes=truth.tracks.names,
        tracks=tuple(tracks),
    )


def posture_ranges(track: LabelTrack, postures: NDArray[np.str_]) -> Ranges:
    """Return the runs of one posture as half-open ranges of frames.

    Args:
        track: n boxes of one person.
        postures: (n,) posture of each.
    """
    changed = (np.diff(track.frames) != 1) | (postures[1:] != postures[:-1])
    starts = np.concatenate([[0], np.flatnonzero(changed) + 1])
    stops = np.concatenate([starts[1:], [len(postures)]]) - 1
    return tuple(
        (int(track.frames[a]), int(track.frames[b]) + 1, str(postures[a]))
        for a, b in zip(starts, stops, strict=True)
    )

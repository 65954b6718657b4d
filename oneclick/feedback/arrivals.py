"""What edge cameras sent as Videos without a recording: whole segments, and those that grow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from oneclick.core import edge_messages, ids, timing
from oneclick.core.clips import Video
from oneclick.core.detections import Detections
from oneclick.core.edge_messages import EdgeFrame, EdgeSource
from oneclick.core.errors import BadInput
from oneclick.storage import intake_log
from oneclick.storage.cards import ModelPair, ModelRef
from oneclick.triggers.streaming import PredictionChunk
from oneclick.video.stamps import LONGEST_PAUSE, PAUSE_STEPS

NOTE = "predictions of an edge camera, without a recording"
GROWING = "not complete yet"
"""Note of a Video whose segment grows."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ArrivedVideo:
    """One segment as a Video without a recording."""

    video: Video
    detections: Detections
    signals: Mapping[str, NDArray[np.float32]]
    times: NDArray[np.float64]
    """(frames,) unix seconds."""
    models: ModelPair


def read_segment(path: Path) -> ArrivedVideo | None:
    """Return the Video of a segment; None where it has no picture that can be used.

    Raises:
        BadInput: it is broken.
    """
    source: EdgeSource | None = None
    frames: list[EdgeFrame] = []
    reasons: dict[int, str] = {}
    lost, stop = 0, 0
    for record in intake_log.records(path):
        batch, stop = record.batch, record.stop
        source = batch.source or source
        frames += batch.frames
        lost += batch.lost
        reasons |= {frame.seq: reason for frame, reason in batch.quarantined}
    if stop != path.stat().st_size:
        raise BadInput(f"{path} is damaged after byte {stop}")
    if source is None or not frames:
        return None
    notes = [
        f"{count} pictures not used: {reason}"
        for reason, count in sorted(edge_messages.count_reasons(reasons).items())
    ]
    if lost:
        notes.append(f"{lost} pictures before these were lost on the device")
    return build_video(source, frames, notes)


def build_video(
    source: EdgeSource, frames: Sequence[EdgeFrame], notes: Sequence[str] = ()
) -> ArrivedVideo:
    """Return the Video of consecutive pictures of one camera and model, in order of time."""
    times = np.array([frame.time for frame in frames])
    digest = sha256(msgspec.msgpack.encode([source, frames])).hexdigest()
    video = describe_video(source, frames[0], times, digest, notes)
    names = set.intersection(*(set(frame.signals) for frame in frames))
    chunk = chunk_of(source, frames, video.fps, sorted(names))
    return ArrivedVideo(
        video=video,
        detections=chunk.parts[0],
        signals=chunk.signals,
        times=times,
        models=ModelPair(ModelRef(source.model, source.threshold)),
    )


def describe_video(
    source: EdgeSource,
    first: EdgeFrame,
    times: NDArray[np.float64],
    digest: str,
    notes: Sequence[str] = (),
) -> Video:
    """Return the Video of pictures; its id follows from the first and stays while others arrive.

    Args:
        source: camera and model.
        first: the first picture.
        times: (n,) unix seconds of all pictures.
        digest: of their content.
        notes: what is remarkable about them.
    """
    start = datetime.fromtimestamp(first.time, UTC)
    identity = sha256(msgspec.msgpack.encode([source, first])).hexdigest()
    fps = frame_rate(times, source.fps)
    return Video(
        id=ids.video_id_beside(ids.video_id(source.camera, start, identity), identity),
        camera=source.camera,
        started_at=start,
        fps=fps,
        frames=len(times),
        width=source.width,
        height=source.height,
        digest=digest,
        suffix="",
        timing=timing.describe_times(times, breaks_of(times, source.fps), fps),
        notes=(NOTE, *notes),
    )


def breaks_of(times: NDArray[np.float64], fps: float) -> NDArray[np.intp]:
    """Return the pictures before which time jumps, for a device that aims at `fps` a second."""
    return np.flatnonzero(np.diff(times) > max(LONGEST_PAUSE, PAUSE_STEPS / fps)) + 1


def frame_rate(times: NDArray[np.float64], fps: float) -> float:
    """Return the pictures per second between breaks; `fps` where it is within 1% of them."""
    steps = np.diff(times)
    within = np.delete(steps, breaks_of(times, fps) - 1)
    rate = len(within) / within.sum() if len(within) else fps
    return fps if abs(rate - fps) < 0.01 * fps else round(float(rate), 4)


def chunk_of(
    source: EdgeSource, frames: Sequence[EdgeFrame], fps: float, names: Sequence[str]
) -> PredictionChunk:
    """Return consecutive pictures as input of the triggers.

    Args:
        source: camera and model.
        frames: the pictures.
        fps: of the detections.
        names: signals, which each picture has.
    """
    rows = [(place, *box) for place, frame in enumerate(frames) for box in frame.boxes]
    table = np.array(rows, np.float64).reshape(-1, 7)
    limits = np.array([source.width, source.height] * 2)
    detections = Detections(
        frames=table[:, 0].astype(np.int32),
        boxes=np.clip(table[:, 1:5], 0, limits).astype(np.float32),
        scores=table[:, 5].astype(np.float32),
        classes=table[:, 6].astype(np.int16),
        length=len(frames),
        fps=fps,
        names=source.classes,
    )
    signals = {
        name: np.array([frame.signals[name] for frame in frames], np.float32) for name in names
    }
    return PredictionChunk((detections,), signals)

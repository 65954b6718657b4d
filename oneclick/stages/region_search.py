"""Search of stored video where nothing was detected: motion, novelty or somebody in a region."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice, pairwise
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from oneclick import video as videos_in
from oneclick.catalog import Catalog
from oneclick.core import progress
from oneclick.core.clips import Video
from oneclick.core.errors import BadInput, UnknownName, UsageError
from oneclick.core.regions import Region
from oneclick.core.spans import Span
from oneclick.detectors import novelty, novelty_nets
from oneclick.detectors.motion import MotionDetector
from oneclick.storage import failure_log, predictions
from oneclick.storage.workspace import Workspace

Evidence = Literal["somebody", "motion", "novelty"]
EVIDENCE: tuple[Evidence, ...] = get_args(Evidence)
GAP_SECONDS = 2.0
"""Moments of one kind that are this near are one."""
LOOKS_A_SECOND: dict[Evidence, float] = {"motion": 5.0, "novelty": 2.0}
"""Pictures that are looked at, where it has to be looked at all."""
LEAST_STRENGTH: dict[Evidence, float] = {"somebody": 0.3, "motion": 0.02, "novelty": 1.0}
"""What counts: of a model's threshold; of the region's pixels; of the camera's alarm level."""
LEAST_LOOKS = 2
"""A single picture with motion is a flash or an insect."""
INSIDE = 0.5
"""Share of a box that lies in the region, or of the region that the box fills."""
MOTION_ID = MotionDetector.model_id


@dataclass(frozen=True, kw_only=True)
class RegionQuery:
    """What is looked for, where and when."""

    camera: str
    region: Region
    since: datetime | None = None
    until: datetime | None = None
    evidence: Sequence[Evidence] = EVIDENCE


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A span of a recording in which something was in the region."""

    video: str
    start: int
    """First frame."""
    stop: int
    """Frame after the last."""
    at: datetime | None
    """UTC time of the strongest frame; None where the start of the recording is unknown."""
    frame: int
    """The strongest."""
    evidence: Evidence
    strength: float
    """In units of LEAST_STRENGTH: what just counts is 1."""
    why: str

    @property
    def span(self) -> Span:
        """Return the frames."""
        return Span(self.start, self.stop)


@dataclass(frozen=True, eq=False)
class EvidenceCurve:
    """Strength of one kind of evidence at some frames of a video, in order."""

    frames: NDArray[np.int64]
    strengths: NDArray[np.float64]


@dataclass(kw_only=True)
class RegionResult:
    """Moments, and what could not be searched."""

    moments: list[Moment] = field(default_factory=list)
    """Strongest first within each kind."""
    seconds: float = 0.0
    """Video that was searched."""
    failed: dict[str, str] = field(default_factory=dict)
    """One-line reason by recording and kind."""


def search_region(home: Path, query: RegionQuery) -> RegionResult:
    """Search the recordings of a camera.

    `somebody` reads the stored predictions, low scores and turned looks too, and is quick. `motion`
    and `novelty` decode the video: a thirtieth of its time or so. A recording without predictions,
    or a camera without a model of novelty, stands in `failed`; the rest goes on.

    Raises:
        UnknownName: no video is of this camera. UsageError: no kind of evidence is named.
        Unavailable: the workspace cannot be read.
    """
    if not query.evidence:
        raise UsageError(f"name what to search for: {', '.join(EVIDENCE)}")
    workspace, result = Workspace(home), RegionResult()
    with Catalog.open(home) as catalog:
        everything = catalog.videos()
    cameras = sorted({video.camera for video in everything})
    if query.camera not in cameras:
        raise UnknownName("camera", query.camera, cameras)
    parts = [
        (video, span)
        for video in everything
        if video.camera == query.camera
        for span in spans_in_window(video, query.since, query.until)
    ]
    work = [(video, span, kind) for video, span in parts for kind in query.evidence]
    for video, span, kind in progress.track("search", work, len(work)):
        with failure_log.isolate(result.failed, workspace, f"{video.id} {kind}", f"search {kind}"):
            curve = evaluate(workspace, video, span, kind, query.region)
            result.moments += moments_of(video, kind, curve)
    result.seconds = sum(seconds_of(video, span) for video, span in parts)
    result.moments.sort(key=lambda moment: (EVIDENCE.index(moment.evidence), -moment.strength))
    return result


def parse_evidence(names: Sequence[str]) -> tuple[Evidence, ...]:
    """Return the kinds of evidence of these names, each once, in the usual order.

    Raises:
        UsageError: naming those that are none.
    """
    if unknown := sorted(set(names) - set(EVIDENCE)):
        raise UsageError(f"cannot search for {', '.join(unknown)}: choose of {', '.join(EVIDENCE)}")
    return tuple(kind for kind in EVIDENCE if kind in names)


def strongest(moments: Sequence[Moment], limit: int) -> list[Moment]:
    """Return the first moments of each kind, at most `limit`."""
    return [
        moment
        for kind in EVIDENCE
        for moment in [each for each in moments if each.evidence == kind][:limit]
    ]


def spans_in_window(video: Video, since: datetime | None, until: datetime | None) -> Iterator[Span]:
    """Yield the frames of each stretch in `[since, until)`; all of them where a start is unknown.

    A recording of unknown start is left out where the window has an end.
    """
    is_bounded = since is not None or until is not None
    if video.started_at is None and is_bounded:
        return
    for stretch in video.stretches():
        times = np.array([video.seconds_at(frame) for frame in (stretch.start, stretch.stop - 1)])
        start, stop = stretch.start, stretch.stop
        if video.started_at is not None:
            rate = (len(stretch) - 1) / max(float(times[1] - times[0]), 1e-9)
            if since is not None:
                early = (since - video.started_at).total_seconds() - times[0]
                start += max(0, int(np.ceil(early * rate)))
            if until is not None:
                late = (until - video.started_at).total_seconds() - times[0]
                stop = min(stop, stretch.start + max(0, int(np.ceil(late * rate))))
        if start < stop:
            yield Span(start, stop)


def seconds_of(video: Video, span: Span) -> float:
    """Return the length of frames within a stretch, in seconds."""
    return video.seconds_at(span.stop - 1) - video.seconds_at(span.start) + 1 / video.fps


def evaluate(
    workspace: Workspace, video: Video, span: Span, kind: Evidence, region: Region
) -> EvidenceCurve:
    """Return how strong one kind of evidence is in a region, over frames of one stretch.

    Raises:
        BadInput: there are no predictions of the recording, or no model of novelty of its camera.
        BadVideo: it does not decode.
    """
    if kind == "somebody":
        return look_up_somebody(workspace, video, span, region)
    step = max(1, round(video.fps / LOOKS_A_SECOND[kind]))
    numbers = np.arange(span.start, span.stop, step)
    pictures = (
        picture
        for number, picture in enumerate(
            videos_in.frames(workspace.video_file(video), span), span.start
        )
        if (number - span.start) % step == 0
    )
    strengths: list[float] = []
    if kind == "motion":
        detector = MotionDetector()
        for picture in pictures:
            mask = detector.next_mask(picture)
            strengths.append(0.0 if mask is None else float(region.crop(mask).mean()))
    else:
        paths = [workspace.novelty_model(video.camera, name) for name in novelty.KINDS]
        path = next((path for path in paths if path.exists()), None)
        if path is None:
            raise BadInput(f"camera {video.camera} has no model of novelty yet: run a lap first")
        model, _ = novelty.load(path)
        small = (novelty.shrink(picture) for picture in pictures)
        while batch := list(islice(small, novelty_nets.BATCH)):
            strengths += model.score_small(np.stack(batch), region).tolist()
    return EvidenceCurve(numbers[: len(strengths)], np.array(strengths))


def look_up_somebody(
    workspace: Workspace, video: Video, span: Span, region: Region
) -> EvidenceCurve:
    """Return the best score of any model in each frame, as a share of its threshold.

    Raises:
        BadInput: there are no predictions of the recording, or none that can be read.
    """
    folder = workspace.predictions(video.id, MOTION_ID).parent
    paths = [path for path in sorted(folder.glob("*.parquet")) if path.stem != MOTION_ID]
    if not paths:
        raise BadInput(f"recording {video.id} has no predictions yet: run a lap first")
    best = np.zeros(len(span))
    for path in paths:
        detections = predictions.load(path).cut(span)
        inside = region.holds(detections.boxes, video.width, video.height, INSIDE)
        threshold = predictions.load_threshold(path) or 1.0
        np.maximum.at(best, detections.frames[inside], detections.scores[inside] / threshold)
    return EvidenceCurve(np.arange(span.start, span.stop), best)


def moments_of(video: Video, kind: Evidence, curve: EvidenceCurve) -> Iterator[Moment]:
    """Yield the moments in which the evidence counts, those near each other as one."""
    least, frames = LEAST_STRENGTH[kind], curve.frames
    rows = np.flatnonzero(curve.strengths >= least)
    if not len(rows):
        return
    step = int(frames[1] - frames[0]) if len(frames) > 1 else 1
    breaks = np.flatnonzero(np.diff(frames[rows]) > GAP_SECONDS * video.fps) + 1
    edges = [0, *breaks.tolist(), len(rows)]
    for first, last in pairwise(edges):
        group = rows[first:last]
        if len(group) < (LEAST_LOOKS if kind == "motion" else 1):
            continue
        strongest = group[int(np.argmax(curve.strengths[group]))]
        frame, strength = int(frames[strongest]), float(curve.strengths[strongest])
        seconds = timedelta(seconds=video.seconds_at(frame))
        yield Moment(
            video=video.id,
            start=int(frames[group[0]]),
            stop=min(int(frames[group[-1]]) + step, video.frames),
            at=video.started_at + seconds if video.started_at else None,
            frame=frame,
            evidence=kind,
            strength=round(strength / least, 3),
            why=reason(kind, strength),
        )


def reason(kind: Evidence, strength: float) -> str:
    """Return in a few words what the evidence is."""
    if kind == "somebody":
        word = "a box" if strength >= 1 else "somebody-like, below the threshold"
        return f"{word}: {strength:.2f} of it"
    if kind == "motion":
        return f"{100 * strength:.0f}% of the region moves"
    return f"novelty {strength:.1f} of the alarm level"

"""Search of stored video where nothing was detected: motion, novelty or somebody in a region."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from oneclick import video as videos_in
from oneclick.catalog import Catalog
from oneclick.core import moments, progress
from oneclick.core.clips import Video
from oneclick.core.errors import BadInput, UnknownName, UsageError
from oneclick.core.moments import EVIDENCE, Evidence, EvidenceCurve, Moment, MomentFinder
from oneclick.core.regions import Region
from oneclick.core.spans import Span
from oneclick.detectors import novelty, novelty_nets
from oneclick.detectors.motion import MotionDetector
from oneclick.storage import failure_log, predictions
from oneclick.storage.workspace import Workspace

LOOKS_A_SECOND: dict[Evidence, float] = {"motion": 5.0, "novelty": 2.0}
"""Pictures that are looked at, where it has to be looked at all."""
LOOKS_AT_ONCE = 25
"""After as many there is news of a search."""
COSTS: dict[Evidence, float] = {"somebody": 0.02, "motion": 1.0, "novelty": 1.5}
"""Work by second of video, relative to each other: what progress is counted in."""
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


@dataclass(kw_only=True)
class RegionResult:
    """Moments, and what could not be searched."""

    moments: list[Moment] = field(default_factory=list)
    """Strongest first within each kind."""
    seconds: float = 0.0
    """Video that was searched."""
    failed: dict[str, str] = field(default_factory=dict)
    """One-line reason by recording and kind."""


@dataclass(frozen=True, kw_only=True)
class SearchNews:
    """What a search knows after a few seconds of work."""

    moments: Sequence[Moment]
    """Those that are new."""
    share: float
    """Of the work that is done, 0 to 1."""
    seconds: float
    """Video that is searched in all."""
    failed: dict[str, str]
    """One-line reason by recording and kind, of all that failed until now."""


def search_region(home: Path, query: RegionQuery) -> RegionResult:
    """Search the recordings of a camera to the end. Raises as `follow_search`."""
    result = RegionResult()
    for news in follow_search(home, query):
        result.moments += news.moments
        result.seconds, result.failed = news.seconds, news.failed
        progress.report("search", int(100 * news.share), 100)
    result.moments = moments.strongest(result.moments, len(result.moments))
    return result


def follow_search(home: Path, query: RegionQuery) -> Generator[SearchNews]:
    """Search the recordings of a camera, and yield what is known every few seconds of work.

    `somebody` reads the stored predictions, low scores and turned looks too, and is quick: it comes
    first. `motion` and `novelty` decode the video: a thirtieth of its time or so. A recording
    without predictions, or a camera without a model of novelty, stands in `failed`; the rest goes
    on. Whoever stops iterating stops the search.

    Raises:
        UnknownName: no video is of this camera. UsageError: no kind of evidence is named.
        Unavailable: the workspace cannot be read.
    """
    if not query.evidence:
        raise UsageError(f"name what to search for: {', '.join(EVIDENCE)}")
    workspace, failed = Workspace(home), dict[str, str]()
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
    quick = [(video, span, "somebody") for video, span in parts if "somebody" in query.evidence]
    slow = [(*part, kind) for part in parts for kind in query.evidence if kind != "somebody"]
    seconds = sum(seconds_of(video, span) for video, span in parts)
    total = max(seconds * sum(COSTS[kind] for kind in set(query.evidence)), 1e-9)
    done = 0.0

    def news(new: Sequence[Moment], share: float) -> SearchNews:
        return SearchNews(moments=new, share=share, seconds=seconds, failed=failed)

    yield news((), 0.0)
    work: list[tuple[Video, Span, Evidence]] = [*quick, *slow]  # type: ignore[list-item]
    for video, span, kind in work:
        cost, before = COSTS[kind] * seconds_of(video, span), done
        with failure_log.isolate(failed, workspace, f"{video.id} {kind}", f"search {kind}"):
            finder = MomentFinder(video, kind, looks_step(video, kind))
            for curve in evaluate(workspace, video, span, kind, query.region):
                new = tuple(finder.add(curve))
                looked = (int(curve.frames[-1]) + 1 - span.start) / len(span)
                yield news(new, min(1.0, (before + looked * cost) / total))
            yield news(tuple(finder.close()), min(1.0, (before + cost) / total))
        done = before + cost
    yield news((), 1.0)


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


def looks_step(video: Video, kind: Evidence) -> int:
    """Return the frames between two looks."""
    return max(1, round(video.fps / LOOKS_A_SECOND[kind])) if kind in LOOKS_A_SECOND else 1


def evaluate(
    workspace: Workspace, video: Video, span: Span, kind: Evidence, region: Region
) -> Generator[EvidenceCurve]:
    """Yield how strong one kind of evidence is in a region, over frames of one stretch, in parts.

    Raises:
        BadInput: there are no predictions of the recording, or no model of novelty of its camera.
        BadVideo: it does not decode.
    """
    if kind == "somebody":
        yield look_up_somebody(workspace, video, span, region)
        return
    if not workspace.video_file(video).is_file():
        place = "its camera keeps its pictures" if not video.suffix else "only its clips were kept"
        raise BadInput(f"there are no pictures of recording {video.id} here: {place}")
    numbers = iter(range(span.start, span.stop, looks_step(video, kind)))
    pictures = videos_in.frames(workspace.video_file(video), span, looks_step(video, kind))
    if kind == "motion":
        shares = _moving_shares(pictures, region)
        while batch := list(islice(shares, LOOKS_AT_ONCE)):
            yield EvidenceCurve(_next_of(numbers, len(batch)), np.array(batch))
        return
    paths = [workspace.novelty_model(video.camera, name) for name in novelty.KINDS]
    path = next((path for path in paths if path.exists()), None)
    if path is None:
        raise BadInput(f"camera {video.camera} has no model of novelty yet: run a lap first")
    model, _ = novelty.load(path)
    small = (novelty.shrink(picture) for picture in pictures)
    while images := list(islice(small, novelty_nets.BATCH)):
        scores = model.score_small(np.stack(images), region).astype(np.float64)
        yield EvidenceCurve(_next_of(numbers, len(images)), scores)


def _next_of(numbers: Iterator[int], count: int) -> NDArray[np.int64]:
    return np.fromiter(islice(numbers, count), np.int64, count)


def _moving_shares(pictures: Iterator[NDArray[np.uint8]], region: Region) -> Iterator[float]:
    """Yield the share of the region that moves in each picture."""
    detector = MotionDetector()
    for picture in pictures:
        mask = detector.next_mask(picture)
        yield 0.0 if mask is None else float(region.crop(mask).mean())


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

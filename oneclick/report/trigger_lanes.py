"""Lanes of a time window: a lane a trigger, with its hits or their density, beside the video."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import ceil, floor

from oneclick.catalog import Catalog, counters
from oneclick.core.clips import ClipStage, Video
from oneclick.core.errors import UsageError
from oneclick.report import timeline, windows
from oneclick.report.lane_records import (
    CameraLanes,
    ClipSpan,
    LaneHit,
    TriggerLane,
    TriggerLanes,
    VideoSpan,
)
from oneclick.report.windows import DAY, TimeWindow

MOST_HITS = 4000
"""Hits of a window that are shown one by one."""
MOST_COUNTED = 60_000
"""Hits that are counted in buckets shorter than those of the counters."""
MOST_CLIPS = 2000
"""Clips that are shown one by one; of more, those of a bucket are joined."""
MOST_VIDEOS = 1000
"""Recordings that are shown one by one."""
FEW_VIDEOS = 30
"""Recordings of which each is asked for the hits of the window; of more, all hits are read."""
WHOLE = 0.999
"""Share of a span that counts as all of it: counters are sums of rounded seconds."""
COLUMNS = 200
"""Buckets of a window, at most."""
SHORT = (1, 2, 5, 10, 30, 60, 120, 300)
"""Seconds of buckets that the catalog has no counters for."""
LONG = (*counters.COARSE, DAY, 7 * DAY, 28 * DAY, 364 * DAY)
LEAST_SECONDS, MOST_SECONDS = 1, 40 * 364 * DAY

STATES = {
    ClipStage.IN_REVIEW: "review",
    ClipStage.ACCEPTED: "reviewed",
    ClipStage.REJECTED: "reviewed",
    ClipStage.PUBLISHED: "published",
}
"""What a clip shows on the timeline; others are `selected`."""


def trigger_lanes(
    catalog: Catalog, start: float, stop: float, cameras: Iterable[str] | None = None
) -> TriggerLanes:
    """Return the lanes of cameras in `[start, stop)`, in as much detail as the window has room for.

    Args:
        catalog: an open catalog.
        start: seconds since 1970.
        stop: seconds since 1970.
        cameras: None is all of them.

    Raises:
        UsageError: the window is empty, or longer than MOST_SECONDS.
        UnknownName: no video is of one of the cameras.
    """
    if not LEAST_SECONDS <= stop - start <= MOST_SECONDS or start < 0:
        raise UsageError(f"a window of {stop - start:g} s from {start:g} on cannot be shown")
    with catalog.reading():
        names = catalog.cameras() if cameras is None else sorted(set(cameras))
        for name in names if cameras is not None else ():
            windows.check_names(catalog, name, None)
        return _LaneReader(catalog, start, stop, names).read()


class _LaneReader:
    """Reads the lanes of one window."""

    def __init__(self, catalog: Catalog, start: float, stop: float, cameras: list[str]) -> None:
        self.catalog, self.start, self.stop, self.cameras = catalog, start, stop, cameras
        self.only = cameras[0] if len(cameras) == 1 else None
        self.size = next(size for size in LONG if ceil((stop - start) / size) <= COLUMNS)
        self.window = TimeWindow(windows.utc_time(start), windows.utc_time(stop), self.size)
        self.bounds = self.window.bounds()

    def read(self) -> TriggerLanes:
        """Return the lanes."""
        lanes = self.counted_lanes()
        total = sum(lane.total for of_camera in lanes.values() for lane in of_camera)
        bucket, origin = self.size, self.bounds[0]
        videos: dict[str, list[Video]] | None = None
        if total <= MOST_COUNTED and self.size == counters.QUARTER:
            videos = self.videos()
        if videos is not None and total <= MOST_HITS:
            bucket, lanes = 0, self.hit_lanes(videos)
        elif videos is not None:
            length = self.stop - self.start
            bucket = next((size for size in SHORT if length / size <= COLUMNS), self.size)
            if bucket < self.size:
                origin = floor(self.start / bucket) * bucket
                lanes = self.short_lanes(videos, bucket, origin)
        coverage = self.coverage() if videos is None else self.exact_coverage(videos)
        clips = self.clips()
        undated = defaultdict(list)
        for video in timeline.undated_videos(self.catalog, self.only):
            undated[video.camera].append(video)
        return TriggerLanes(
            start=self.start,
            stop=self.stop,
            bucket=bucket,
            origin=origin,
            cameras=tuple(
                CameraLanes(
                    camera=name,
                    triggers=tuple(
                        sorted(lanes[name], key=lambda lane: (-lane.total, lane.trigger))
                    ),
                    video=tuple(coverage[name]),
                    clips=tuple(clips[name]),
                    undated=tuple(undated[name]),
                )
                for name in self.cameras
            ),
        )

    def counted_lanes(self) -> dict[str, list[TriggerLane]]:
        """Return lanes of the counters of the catalog."""
        (low, high), size = self.bounds, min(self.size, counters.SHIFT)
        lanes = defaultdict(list)
        for (camera, trigger), cells in self.catalog.hit_lanes(low, high, size, self.only).items():
            if camera in self.cameras:
                lane = TriggerLane(
                    trigger=trigger,
                    total=sum(cells[1::2]),
                    cells=cells if size == self.size else self._grouped(cells, size),
                )
                lanes[camera].append(lane)
        return lanes

    def _grouped(self, cells: Sequence[int], size: int) -> list[int]:
        """Return cells of `size` in the longer ones of the window."""
        numbers: Counter[int] = Counter()
        for place, number in zip(cells[::2], cells[1::2], strict=True):
            numbers[place * size // self.size] += number
        return [value for cell in sorted(numbers.items()) for value in cell]

    def videos(self) -> dict[str, list[Video]] | None:
        """Return the videos of the window by camera; None where there are too many."""
        extent = self.catalog.extent_between(self.window.since, self.window.until, self.only)
        if extent[0] > MOST_VIDEOS:
            return None
        videos = defaultdict(list)
        for video in self.catalog.videos_between(self.window.since, self.window.until, self.only):
            videos[video.camera].append(video)
        return videos

    def hits(self, videos: Mapping[str, list[Video]]) -> Iterator[tuple[str, str, LaneHit]]:
        """Yield camera, trigger and Hit for all Hits that begin in the window."""
        shown = [video for camera in self.cameras for video in videos.get(camera, ())]
        if len(shown) <= FEW_VIDEOS:
            outlines = {
                video.id: self.catalog.hits_within(video.id, *self.window.frames_of(video))
                for video in shown
            }
        else:
            since, until = windows.utc_time(self.start), windows.utc_time(self.stop)
            outlines = self.catalog.hits_between(since, until, self.only)
        for camera in self.cameras:
            for video in videos.get(camera, ()):
                for trigger, start, stop, score, why in outlines.get(video.id, ()):
                    first = windows.recorded_timestamp(video, start)
                    if self.start <= first < self.stop:
                        hit = LaneHit(
                            start=first,
                            stop=windows.recorded_timestamp(video, stop),
                            score=score,
                            why=why,
                            video=video.id,
                            frame=start,
                        )
                        yield camera, trigger, hit

    def hit_lanes(self, videos: Mapping[str, list[Video]]) -> dict[str, list[TriggerLane]]:
        """Return lanes of single hits."""
        hits = defaultdict(list)
        for camera, trigger, hit in self.hits(videos):
            hits[camera, trigger].append(hit)
        lanes = defaultdict(list)
        for (camera, trigger), of_lane in hits.items():
            lane = TriggerLane(trigger=trigger, total=len(of_lane), hits=tuple(of_lane))
            lanes[camera].append(lane)
        return lanes

    def short_lanes(
        self, videos: Mapping[str, list[Video]], bucket: int, origin: int
    ) -> dict[str, list[TriggerLane]]:
        """Return lanes of numbers by buckets that are shorter than those of the counters."""
        numbers: defaultdict[tuple[str, str], Counter[int]] = defaultdict(Counter)
        for camera, trigger, hit in self.hits(videos):
            numbers[camera, trigger][floor((hit.start - origin) / bucket)] += 1
        lanes = defaultdict(list)
        for (camera, trigger), of_lane in numbers.items():
            cells = [value for cell in sorted(of_lane.items()) for value in cell]
            lane = TriggerLane(trigger=trigger, total=of_lane.total(), cells=cells)
            lanes[camera].append(lane)
        return lanes

    def coverage(self) -> dict[str, list[VideoSpan]]:
        """Return how much video each bucket has, runs of alike buckets joined."""
        recorded, scanned = map(self.covered, (counters.RECORDED, counters.SCANNED))
        return {
            camera: _joined(
                (at, at + self.size, cells[at], scanned[camera].get(at, 0.0))
                for at in sorted(cells)
            )
            for camera, cells in recorded.items()
        }

    def covered(self, kind: str) -> dict[str, dict[int, float]]:
        """Return the seconds of RECORDED or SCANNED video by camera and bucket of the window."""
        (low, high), size = self.bounds, min(self.size, counters.SHIFT)
        seconds: dict[str, dict[int, float]] = {
            camera: defaultdict(float) for camera in self.cameras
        }
        for camera, cells in self.catalog.coverage(kind, low, high, size, self.only).items():
            if camera in seconds:
                for at, amount in cells.items():
                    seconds[camera][self.window.bucket(at)] += amount
        return seconds

    def exact_coverage(self, videos: Mapping[str, list[Video]]) -> dict[str, list[VideoSpan]]:
        """Return the stretches of video, those that follow on each other joined."""
        scanned = self.catalog.scanned_videos(
            [video.id for of_camera in videos.values() for video in of_camera]
        )
        spans = defaultdict(list)
        for camera, of_camera in videos.items():
            stretches = []
            for video, stretch in [(each, part) for each in of_camera for part in each.stretches()]:
                start = max(windows.recorded_timestamp(video, stretch.start), self.start)
                end = windows.recorded_timestamp(video, stretch.stop - 1) + 1 / video.fps
                if start < (stop := min(end, self.stop)):
                    length = stop - start
                    is_scanned = video.id in scanned
                    stretches.append((start, stop, length, length * is_scanned))
            spans[camera] = _joined(sorted(stretches))
        return spans

    def clips(self) -> dict[str, list[ClipSpan]]:
        """Return the clips of the window, joined by bucket where there are many."""
        outlines = [
            outline
            for outline in self.catalog.clip_outlines(
                windows.utc_time(self.start), windows.utc_time(self.stop), self.only
            )
            if outline.start < self.stop and outline.stop > self.start
        ]
        spans = defaultdict(list)
        if len(outlines) <= MOST_CLIPS:
            for clip in sorted(outlines, key=lambda outline: outline.start):
                spans[clip.camera].append(
                    ClipSpan(clip.start, clip.stop, state_of(clip.stage), clip.id)
                )
            return spans
        buckets = {
            (clip.camera, state_of(clip.stage), floor(clip.start / self.size) * self.size)
            for clip in outlines
        }
        for camera, state, at in sorted(buckets):
            spans[camera].append(ClipSpan(at, at + self.size, state, ""))
        return spans


def state_of(stage: str) -> str:
    """Return what a clip at a stage shows; an empty stage is that of one not cut yet."""
    return STATES.get(ClipStage(stage), "selected") if stage else "selected"


def _joined(parts: Iterable[tuple[float, float, float, float]]) -> list[VideoSpan]:
    """Join neighbours that are equally full of video, and equally looked at.

    Args:
        parts: start, stop, seconds and scanned seconds of each, in order of time.
    """
    runs: list[list[float]] = []
    last = None
    for start, stop, seconds, scanned in parts:
        kind = (seconds >= WHOLE * (stop - start), scanned >= WHOLE * seconds, scanned > 0)
        if kind == last and start - runs[-1][1] <= 1:
            run = runs[-1]
            run[1] = max(run[1], stop)
            run[2] += seconds
            run[3] += scanned
        else:
            runs.append([start, stop, seconds, scanned])
        last = kind
    return [VideoSpan(*run) for run in runs]

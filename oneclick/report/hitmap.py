"""Trigger hits of every camera over time, from the catalog's counters."""

from __future__ import annotations

from collections.abc import Container, Sequence
from datetime import datetime, timedelta

from oneclick.catalog import Catalog, counters
from oneclick.report import buckets
from oneclick.report.snapshot import HeatmapRow, HitHeatmap, Zoom


def hit_heatmap(catalog: Catalog, zoom: Zoom, at: datetime) -> HitHeatmap:
    """Count hits by camera and column; the last column contains `at`.

    If nothing was recorded in that window, it ends with the last recording instead.
    """
    end = buckets.bucket_end(at, zoom.bucket)
    last_recording = catalog.last_activity(counters.RECORDED, end)
    behind = last_recording is not None and last_recording <= end - zoom.length
    stop = buckets.bucket_end(last_recording, zoom.bucket) if behind and last_recording else end
    start = stop - zoom.length
    return HitHeatmap(
        start=start,
        stop=stop,
        bucket_seconds=zoom.bucket,
        cameras=heatmap_rows(catalog, zoom, start, stop),
        triggers=hits_by_trigger(catalog, start, stop),
        undated=int(catalog.totals(counters.HIT_TRIGGER).get(("", counters.UNDATED), 0)),
        behind=behind,
    )


def heatmap_rows(
    catalog: Catalog, zoom: Zoom, start: datetime, stop: datetime
) -> tuple[HeatmapRow, ...]:
    """Count the hits in `[start, stop)` by column, one row for each camera, by name."""
    bucket = zoom.bucket
    size = max(size for size in counters.FIVE if bucket % size == 0)
    series = catalog.series(counters.HIT_CAMERA, "", start, stop, bucket, size)
    coverage = VideoCoverage.read(catalog, start, stop, bucket)
    columns = [int(start.timestamp()) + k * bucket for k in range(zoom.columns)]
    rows = []
    for camera, _ in sorted(catalog.totals(counters.RECORDED)):
        hits = series.get(camera, {})
        recorded = coverage.has_video(camera, columns)
        cells = [
            hits.get(column, 0 if has_video else None)
            for column, has_video in zip(columns, recorded, strict=True)
        ]
        rows.append(HeatmapRow(camera, tuple(cells), sum(hits.values())))
    return tuple(rows)


class VideoCoverage:
    """Buckets with video by camera; a range of starts for a camera without gaps."""

    def __init__(
        self,
        size: int,
        extents: dict[str, tuple[int, int, int]],
        cells: dict[str, dict[int, int]],
    ) -> None:
        self._size = size
        self._starts: dict[str, Container[int]] = {
            camera: cells.get(camera, range(first, last + 1, size))
            for camera, (first, last, _) in extents.items()
        }

    @classmethod
    def read(cls, catalog: Catalog, start: datetime, stop: datetime, bucket: int) -> VideoCoverage:
        """Read which quarters of an hour, or longer buckets, have video in `[start, stop)`."""
        size = max([s for s in counters.COARSE if bucket % s == 0], default=counters.QUARTER)
        low = start - timedelta(seconds=start.timestamp() % size)
        extents = catalog.extents(counters.RECORDED, low, stop, size)
        gaps = any(last - first != (count - 1) * size for first, last, count in extents.values())
        cells = catalog.series(counters.RECORDED, "", low, stop, size, size) if gaps else {}
        return cls(size, extents, cells)

    def has_video(self, camera: str, timestamps: Sequence[int]) -> list[bool]:
        """Check for each time, in seconds since 1970, whether its bucket has video."""
        starts, size = self._starts.get(camera, ()), self._size
        return [timestamp - timestamp % size in starts for timestamp in timestamps]


def hits_by_trigger(
    catalog: Catalog, start: datetime, stop: datetime
) -> tuple[tuple[str, int], ...]:
    """Count the hits in `[start, stop)` by trigger, most first."""
    growth = catalog.growth(counters.HIT_TRIGGER, since=start, until=stop)
    counts = [(name, int(hits)) for (_, name), hits in growth.items() if hits]
    return tuple(sorted(counts, key=lambda count: (-count[1], count[0])))

"""Trigger hits of every camera through time, from the rollups."""

from __future__ import annotations

from collections.abc import Container, Sequence
from datetime import datetime, timedelta

from oneclick.catalog import Catalog, counters
from oneclick.report import buckets
from oneclick.report.snapshot import Heat, HeatRow, Zoom


def heat(catalog: Catalog, zoom: Zoom, at: datetime) -> Heat:
    """The window that ends at a moment, or with the last recording where that is older."""
    now = buckets.end(at, zoom.bucket)
    last = catalog.last(counters.RECORDED, now)
    behind = last is not None and last <= now - zoom.length
    stop = buckets.end(last, zoom.bucket) if behind and last else now
    start, bucket = stop - zoom.length, zoom.bucket
    size = max(size for size in counters.FIVE if bucket % size == 0)
    hits = catalog.series(counters.HIT_CAMERA, "", start, stop, bucket, size)
    video = _recorded(catalog, start, stop, bucket)
    begins = [int(start.timestamp()) + k * bucket for k in range(zoom.columns)]
    totals = catalog.totals(counters.RECORDED)
    fired = catalog.totals(counters.HIT_TRIGGER)
    return Heat(
        start,
        stop,
        bucket,
        tuple(_row(camera, begins, hits.get(camera, {}), video) for camera, _ in sorted(totals)),
        _fired(catalog, start, stop),
        int(fired.get(("", counters.UNDATED), 0)),
        behind,
    )


def _recorded(catalog: Catalog, start: datetime, stop: datetime, bucket: int) -> _Recorded:
    """Where there is video, by the quarter of an hour or coarser."""
    size = max([s for s in counters.COARSE if bucket % s == 0], default=counters.QUARTER)
    low = start - timedelta(seconds=start.timestamp() % size)
    extents = catalog.extents(counters.RECORDED, low, stop, size)
    gaps = any(last - first != (count - 1) * size for first, last, count in extents.values())
    cells = catalog.series(counters.RECORDED, "", low, stop, size, size) if gaps else {}
    return _Recorded(size, extents, cells)


class _Recorded:
    """Starts of the stretches with video by camera: a range where there is no gap."""

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

    def of(self, camera: str, begins: Sequence[int]) -> list[bool]:
        """Whether there is video at each of these moments."""
        starts, size = self._starts.get(camera, ()), self._size
        return [begin - begin % size in starts for begin in begins]


def _row(camera: str, begins: Sequence[int], hits: dict[int, int], video: _Recorded) -> HeatRow:
    there = video.of(camera, begins)
    cells = tuple(
        hits.get(begin, 0 if seen else None) for begin, seen in zip(begins, there, strict=True)
    )
    return HeatRow(camera, cells, sum(hits.values()))


def _fired(catalog: Catalog, start: datetime, stop: datetime) -> tuple[tuple[str, int], ...]:
    found = catalog.grown(counters.HIT_TRIGGER, since=start, until=stop)
    counted = [(name, int(hits)) for (_, name), hits in found.items() if hits]
    return tuple(sorted(counted, key=lambda item: (-item[1], item[0])))

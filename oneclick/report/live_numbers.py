"""Numbers of a live camera today, beside the same hours a week ago."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo

from oneclick.catalog import Catalog, counters
from oneclick.report import buckets


@dataclass(frozen=True)
class DayNumbers:
    """What the catalog holds of a camera for the hours of one day so far."""

    recorded_seconds: float
    hits: int
    """Found by triggers in that video."""


@dataclass(frozen=True)
class LiveNumbers:
    """Numbers of one camera; None where nothing was recorded, which is not the same as no hits."""

    stop: datetime
    """End of today's hours."""
    today: DayNumbers | None
    last_week: DayNumbers | None


def live_numbers(
    catalog: Catalog, camera: str, at: datetime, zone: tzinfo | None = None
) -> LiveNumbers:
    """Count what was recorded and found from midnight on, and in the same hours a week before.

    Both end with the quarter of an hour that contains `at`: video is counted by quarters.

    Args:
        catalog: with its counters.
        camera: its name.
        at: end of the time, timezone-aware.
        zone: of the midnight; None is that of this machine.
    """
    stop = buckets.bucket_end(at, counters.QUARTER)
    midnight, earlier = (buckets.day_start(at, zone, days) for days in (0, 7))
    return LiveNumbers(
        stop=stop,
        today=_numbers(catalog, camera, midnight, stop),
        last_week=_numbers(catalog, camera, earlier, earlier + (stop - midnight)),
    )


def _numbers(catalog: Catalog, camera: str, since: datetime, stop: datetime) -> DayNumbers | None:
    recorded = catalog.growth(counters.RECORDED, since=since, until=stop).get((camera, ""), 0.0)
    if not recorded:
        return None
    hits = catalog.growth(counters.HIT_CAMERA, since=since, until=stop).get((camera, ""), 0.0)
    return DayNumbers(recorded, int(hits))

"""Work of the annotators against the daily target, from the catalog's counters."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta, tzinfo

from oneclick.catalog import Catalog, counters
from oneclick.core.review import POLICY_PREFIX
from oneclick.report import buckets
from oneclick.report.buckets import HOUR
from oneclick.report.snapshot import Reviewer, ReviewProgress

HOURS = 12
"""Number of hours shown for each annotator."""


def review_progress(
    catalog: Catalog, at: datetime, goal: tuple[int, int], zone: tzinfo | None
) -> ReviewProgress:
    """Count the images that each annotator reviewed until a time.

    Args:
        catalog: open catalog.
        at: end of the period, rounded up to a full minute.
        goal: lower and upper target, in images a day of all annotators together.
        zone: where a day begins at midnight; None is the zone of this machine.
    """
    end = buckets.bucket_end(at, 60)
    midnight = at.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    images_today = _images(catalog, midnight, end)
    hourly = hourly_images(catalog, buckets.bucket_end(at, 3600) - HOURS * HOUR, end)
    people = tuple(
        Reviewer(name, tuple(hourly.get(name, [0] * HOURS)), images_today[name])
        for name in sorted({*hourly, *images_today})
    )
    total, pace = sum(images_today.values()), sum(_images(catalog, end - HOUR, end).values())
    remaining = goal[0] - total
    return ReviewProgress(
        people=people,
        today=total,
        pace=pace,
        reached=at + HOUR * (remaining / pace) if pace and remaining > 0 else None,
        goal=goal,
        at=at,
    )


def hourly_images(catalog: Catalog, first: datetime, end: datetime) -> dict[str, list[int]]:
    """Count the images of each annotator in the HOURS hours from `first` on, until `end`.

    Full quarters of an hour come from the large buckets, the minutes after the last full quarter
    from the small ones.
    """
    size = counters.QUARTER
    last_quarter = end - timedelta(seconds=end.timestamp() % size)
    hourly: dict[str, list[int]] = {}
    series = catalog.series(counters.REVIEWED, "images", first, last_quarter, 3600, size)
    for reviewer, images in series.items():
        if not reviewer.startswith(POLICY_PREFIX):
            counts = hourly.setdefault(reviewer, [0] * HOURS)
            for start, number in images.items():
                counts[int(start - first.timestamp()) // 3600] += number
    for reviewer, number in _images(catalog, last_quarter, end).items():
        hourly.setdefault(reviewer, [0] * HOURS)[-1] += number
    return hourly


def _images(catalog: Catalog, since: datetime, until: datetime) -> Counter[str]:
    """Count images by annotator."""
    growth = catalog.growth(counters.REVIEWED, since=since, until=until)
    images: Counter[str] = Counter()
    for (reviewer, unit), number in growth.items():
        if unit == "images" and number and not reviewer.startswith(POLICY_PREFIX):
            images[reviewer] += int(number)
    return images

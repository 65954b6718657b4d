"""Annotators against the goal of the day, from the rollups."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta, tzinfo

from oneclick.catalog import Catalog, counters
from oneclick.core.review import POLICY
from oneclick.report import buckets
from oneclick.report.buckets import HOUR
from oneclick.report.snapshot import Reviewer, Reviewing

HOURS = 12
"""Of an annotator's work."""


def reviewing(
    catalog: Catalog, at: datetime, goal: tuple[int, int], zone: tzinfo | None
) -> Reviewing:
    """Who reviewed what until a moment; a day begins at midnight in `zone`, by default here."""
    end = buckets.end(at, 60)
    midnight = at.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    today = _images(catalog, midnight, end)
    first = buckets.end(at, 3600) - HOURS * HOUR
    hours = _hours(catalog, first, end)
    people = tuple(
        Reviewer(name, tuple(hours.get(name, [0] * HOURS)), today[name])
        for name in sorted({*hours, *today})
    )
    total, pace = sum(today.values()), sum(_images(catalog, end - HOUR, end).values())
    missing = goal[0] - total
    reached = at + HOUR * (missing / pace) if pace and missing > 0 else None
    return Reviewing(people, total, pace, reached, goal, at)


def _hours(catalog: Catalog, first: datetime, end: datetime) -> dict[str, list[int]]:
    """Images of each annotator by the hour: whole quarters, and the minutes since the last one."""
    quarter = end - timedelta(seconds=end.timestamp() % counters.QUARTER)
    hours: dict[str, list[int]] = {}
    size = counters.QUARTER
    found = catalog.series(counters.REVIEWED, "images", first, quarter, 3600, size)
    for who, images in found.items():
        if not who.startswith(POLICY):
            line = hours.setdefault(who, [0] * HOURS)
            for begin, number in images.items():
                line[int(begin - first.timestamp()) // 3600] += number
    for who, number in _images(catalog, quarter, end).items():
        hours.setdefault(who, [0] * HOURS)[-1] += number
    return hours


def _images(catalog: Catalog, since: datetime, until: datetime) -> Counter[str]:
    """Images by annotator."""
    found: Counter[str] = Counter()
    for (who, what), value in catalog.grown(counters.REVIEWED, since=since, until=until).items():
        if what == "images" and value and not who.startswith(POLICY):
            found[who] += int(value)
    return found

"""Work of the annotators: against the daily target, and how fast and how well it goes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Set
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

from oneclick.catalog import Catalog, counters
from oneclick.core.review import POLICY_PREFIX
from oneclick.report import buckets, review_work
from oneclick.report.buckets import HOUR
from oneclick.report.review_work import ReviewWork
from oneclick.report.snapshot import Reviewer, ReviewProgress
from oneclick.storage import reopenings

HOURS = 12
"""Number of hours shown for each annotator."""
PACE_DAYS = 7
"""Days that the backlog and the longer figures of an annotator refer to."""


@dataclass(frozen=True, kw_only=True)
class WorkTotals:
    """What was reviewed in a period; rates are None where nothing was measured."""

    clips: int
    images: int
    edits: int
    """Boxes added, deleted, moved or renamed."""
    boxes: int
    """Boxes in the labels of accepted clips."""
    active_seconds: float
    """Time in which people worked, without breaks; 0 for verdicts from the command line."""
    clips_per_hour: float | None
    """Of active time, as are the two below."""
    images_per_hour: float | None
    seconds_per_image: float | None
    edits_per_100_boxes: float | None
    first_pass: float | None
    """Share of the accepted clips that nobody reopened."""


@dataclass(frozen=True, kw_only=True)
class PersonThroughput:
    """Work of one annotator."""

    name: str
    today: WorkTotals
    """Since local midnight."""
    week: WorkTotals
    """In the last PACE_DAYS days."""


@dataclass(frozen=True, kw_only=True)
class Throughput:
    """Work of the team, what waits for it, and the day's goal."""

    at: datetime
    """UTC."""
    people: tuple[PersonThroughput, ...]
    """By name."""
    today: WorkTotals
    week: WorkTotals
    waiting_clips: int
    waiting_images: int
    backlog_days: float | None
    """Days until nothing waits, at the mean of the days with work; None without any."""
    goal: tuple[int, int]
    """Lower and upper target, in images a day of all annotators together."""

    def of(self, name: str) -> Throughput:
        """Return what this annotator may see: the team as a whole, and themselves."""
        return replace(self, people=tuple(person for person in self.people if person.name == name))


def review_throughput(home: Path, goal: tuple[int, int], at: datetime | None = None) -> Throughput:
    """Return the throughput of all annotators, with days of this machine's time zone.

    Args:
        home: the workspace folder.
        goal: as in `throughput`.
        at: end of the period; None is now.
    """
    with Catalog.open(home) as catalog:
        return throughput(catalog, at or catalog.now(), goal, zone=None)


def throughput(
    catalog: Catalog, at: datetime, goal: tuple[int, int], zone: tzinfo | None
) -> Throughput:
    """Return the throughput of all annotators at a time.

    Args:
        catalog: open catalog.
        at: end of the period.
        goal: lower and upper target, in images a day of all annotators together.
        zone: where a day begins at midnight; None is the zone of this machine.
    """
    work = review_work.read(catalog, buckets.day_start(at, zone, PACE_DAYS - 1), at)
    reopened = reopenings.clip_ids(catalog.workspace.review_dir())
    today = work.since(buckets.day_start(at, zone))
    names = sorted({verdict.by for verdict in work.all})
    waiting_clips, waiting_images = catalog.waiting_images()
    days = {verdict.at.astimezone(zone).date() for verdict, _ in work.verdicts}
    # What waits are first reviews: only those make it less.
    first_images = sum(verdict.images for verdict, _ in work.verdicts)
    daily = first_images / len(days) if days else 0.0
    return Throughput(
        at=at,
        people=tuple(
            PersonThroughput(
                name=name,
                today=work_totals(today.of(name), reopened),
                week=work_totals(work.of(name), reopened),
            )
            for name in names
        ),
        today=work_totals(today, reopened),
        week=work_totals(work, reopened),
        waiting_clips=waiting_clips,
        waiting_images=waiting_images,
        backlog_days=waiting_images / daily if daily else None,
        goal=goal,
    )


def work_totals(work: ReviewWork, reopened: Set[str]) -> WorkTotals:
    """Sum up work; a second look counts as a clip with its images and its time.

    Args:
        work: of one period.
        reopened: clips that were reviewed again.
    """
    accepted = [
        (verdict, boxes) for verdict, boxes in work.verdicts if verdict.decision == "accept"
    ]
    reviews = work.all
    timed = [verdict for verdict in reviews if verdict.seconds > 0]
    seconds = sum((verdict.seconds for verdict in timed), 0.0)
    timed_images = sum(verdict.images for verdict in timed)
    edits = sum(verdict.edits for verdict in reviews)
    boxes = sum(boxes for _, boxes in accepted)
    stood = sum(verdict.clip not in reopened for verdict, _ in accepted)
    return WorkTotals(
        clips=len(reviews),
        images=sum(verdict.images for verdict in reviews),
        edits=edits,
        boxes=boxes,
        active_seconds=seconds,
        clips_per_hour=3600 * len(timed) / seconds if seconds else None,
        images_per_hour=3600 * timed_images / seconds if seconds else None,
        seconds_per_image=seconds / timed_images if timed_images else None,
        edits_per_100_boxes=100 * edits / boxes if boxes else None,
        first_pass=stood / len(accepted) if accepted else None,
    )


def throughput_columns(throughput: Throughput, *, people: bool) -> list[dict[str, object]]:
    """Return the last days as rows of a table, heading to value.

    Args:
        throughput: work of the team.
        people: a row for each annotator too, and not only for all together.
    """
    rows = [("all", throughput.week)]
    rows += [(each.name, each.week) for each in throughput.people] if people else []
    return [
        {
            f"last {PACE_DAYS} days": name,
            "clips": work.clips,
            "images": work.images,
            "active h": round(work.active_seconds / 3600, 2),
            "images/h": _rounded(work.images_per_hour),
            "s/image": _rounded(work.seconds_per_image),
            "edits/100": _rounded(work.edits_per_100_boxes),
            "stood": _rounded(work.first_pass),
        }
        for name, work in rows
    ]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def backlog_text(throughput: Throughput) -> str:
    """Return what waits, and for how many days that is work."""
    text = f"{throughput.waiting_clips:,} clips, {throughput.waiting_images:,} images wait"
    days = throughput.backlog_days
    return text if days is None else f"{text}: {days:.1f} days"


def images_today(catalog: Catalog, at: datetime, zone: tzinfo | None) -> int:
    """Count the images that all annotators reviewed since midnight."""
    return sum(_images(catalog, buckets.day_start(at, zone), buckets.bucket_end(at, 60)).values())


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
    today = _images(catalog, buckets.day_start(at, zone), end)
    hourly = hourly_images(catalog, buckets.bucket_end(at, 3600) - HOURS * HOUR, end)
    people = tuple(
        Reviewer(name, tuple(hourly.get(name, [0] * HOURS)), today[name])
        for name in sorted({*hourly, *today})
    )
    total, pace = sum(today.values()), sum(_images(catalog, end - HOUR, end).values())
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
    for look in review_work.second_looks(catalog, first):
        if look.at < last_quarter:
            counts = hourly.setdefault(look.by, [0] * HOURS)
            counts[(look.at - first) // HOUR] += look.images
    for reviewer, number in _images(catalog, last_quarter, end).items():
        hourly.setdefault(reviewer, [0] * HOURS)[-1] += number
    return hourly


def _images(catalog: Catalog, since: datetime, until: datetime) -> Counter[str]:
    """Count images by annotator, those of second looks too."""
    growth = catalog.growth(counters.REVIEWED, since=since, until=until)
    images: Counter[str] = Counter()
    for (reviewer, unit), number in growth.items():
        if unit == "images" and number and not reviewer.startswith(POLICY_PREFIX):
            images[reviewer] += int(number)
    for look in review_work.second_looks(catalog, since):
        if look.at < until:
            images[look.by] += look.images
    return images

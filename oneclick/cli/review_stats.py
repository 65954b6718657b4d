"""`oneclick review stats`: what reviewing cost, how fast it goes, and how good it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oneclick.cli import output
from oneclick.cli import watch as watching

if TYPE_CHECKING:
    from oneclick.report import CatchRate, ReviewQuality
    from oneclick.report.people import Throughput
    from oneclick.settings import Settings


def stats(
    home: output.Home = None, json: output.Json = False, watch: watching.Watch = None
) -> None:
    """Show what reviewing cost so far, and the annotators' day against its goal."""
    settings = output.load_settings(home)
    watching.repeat(lambda: print_stats(settings, json), watch)


def print_stats(settings: Settings, json: bool) -> None:
    """Print annotators against the goal of the day and the cost of all reviews."""
    from oneclick import report
    from oneclick.report import snapshot_reader

    effort = report.review_effort(settings.home)
    day = snapshot_reader.read_snapshot(settings.home, goals=output.goals(settings)).reviewing
    throughput = report.review_throughput(settings.home, settings.review.goal, day.at)
    quality = report.review_quality_report(settings.home)
    if json:
        figures = {"day": day, "throughput": throughput, "quality": quality}
        output.print_json({**output.jsonable(effort), **figures})
        return
    output.print_table(
        ["annotator", "images today", "this hour"],
        [[person.name, person.today, person.hours[-1]] for person in day.people],
        f"today      {day.today:,} of {day.goal[0]:,} to {day.goal[1]:,} images",
    )
    print_throughput(throughput)
    print_quality(quality)
    output.print_table(
        ["reviewed clips", "images", "edits", "edits per 100 boxes", "s per image", "unseen"],
        [
            [
                effort.clips,
                effort.images,
                effort.edits,
                effort.edits_per_100_boxes,
                effort.seconds_per_image,
                effort.by_policy,
            ]
        ],
    )


def print_throughput(throughput: Throughput) -> None:
    """Print how fast and how well reviewing goes, and what waits."""
    names = ("images_per_hour", "seconds_per_image", "edits_per_100_boxes", "first_pass")
    rows = [("all", throughput.week), *((each.name, each.week) for each in throughput.people)]
    output.print_table(
        ["last 7 days", "clips", "images", "active h", "images/h", "s/image", "edits/100", "stood"],
        [
            [
                name,
                work.clips,
                work.images,
                round(work.active_seconds / 3600, 2),
                *(
                    None if (rate := getattr(work, key)) is None else round(rate, 2)
                    for key in names
                ),
            ]
            for name, work in rows
        ],
    )
    days = throughput.backlog_days
    output.message(
        f"{throughput.waiting_clips:,} clips with {throughput.waiting_images:,} images wait"
        + (f": {days:.1f} days of work" if days is not None else "")
    )


def print_quality(quality: ReviewQuality) -> None:
    """Print what seeded errors and second looks say about the reviews."""
    rates = [
        *([("all", quality.team)] if quality.team else []),
        *((each.name, each) for each in (*quality.people, *quality.by_kind)),
    ]
    if rates:
        output.print_table(
            ["seeded errors", "seen", "found", "share", "95%"],
            [
                [name, rate.seeded, rate.caught, round(rate.rate, 2), _interval(rate)]
                for name, rate in rates
            ],
        )
    if quality.agreement:
        agreement = quality.agreement
        output.message(
            f"{quality.looks:,} clips were reviewed twice: the boxes agree to "
            f"{agreement.boxes:.1%}, identities to {agreement.identities:.1%}, classes to "
            f"{agreement.classes:.1%}"
        )
    if remaining := quality.remaining:
        output.message(
            f"{remaining.per_clip:.2f} errors remain in an accepted clip "
            f"(95%: {remaining.low:.2f} to {remaining.high:.2f})"
        )
    if quality.unsettled:
        output.message(f"{quality.unsettled:,} of them wait for a lead: oneclick review looks")


def _interval(rate: CatchRate) -> str:
    return f"{rate.low:.2f}-{rate.high:.2f}"

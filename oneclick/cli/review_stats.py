"""`oneclick review stats`: what reviewing cost, how fast it goes, and how good it is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from oneclick.cli import output
from oneclick.cli import watch as watching

if TYPE_CHECKING:
    from oneclick.report import ReviewQuality
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
    from oneclick.report import people

    rows = people.throughput_columns(throughput, people=True)
    output.print_table(list(rows[0]), [list(row.values()) for row in rows])
    output.message(people.backlog_text(throughput))


def print_quality(quality: ReviewQuality) -> None:
    """Print what seeded errors and second looks say about the reviews."""
    from oneclick.report import quality as qualities

    if quality.team:
        rates = [replace(quality.team, name="all"), *quality.people, *quality.by_kind]
        output.print_table(
            ["seeded errors", "seen", "found", "share", "95%"],
            [
                [
                    rate.name,
                    rate.seeded,
                    rate.caught,
                    round(rate.rate, 2),
                    f"{rate.low:.2f}-{rate.high:.2f}",
                ]
                for rate in rates
            ],
        )
    for line in qualities.quality_lines(quality):
        output.message(line)

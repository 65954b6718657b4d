"""`oneclick triggers timeline` and `oneclick triggers hits`: when triggers fired, and on what."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oneclick.cli import output, time_arguments, timeline_text
from oneclick.cli import watch as watching

if TYPE_CHECKING:
    from oneclick.report import Timeline

Since = Annotated[
    str | None, typer.Option(help="From when: 7d, 24h, 2026-01-05 or 2026-01-05T08:00 (UTC).")
]
Until = Annotated[str | None, typer.Option(help="Up to when, as --since.")]
Camera = Annotated[str | None, typer.Option(help="Only this camera.")]
Trigger = Annotated[str | None, typer.Option(help="Only this trigger.")]


def timeline(
    home: output.Home = None,
    since: Since = None,
    until: Until = None,
    camera: Camera = None,
    trigger: Trigger = None,
    bucket: Annotated[str, typer.Option(help="Time of one column: 10m, 1h, 1d.")] = "1h",
    rows: Annotated[
        bool | None,
        typer.Option(
            "--trigger-rows/--camera-rows",
            help="A row for each trigger too; default: if there is one camera.",
            show_default=False,
        ),
    ] = None,
    png: Annotated[Path | None, typer.Option(help="Draw it into this PNG file.")] = None,
    json: output.Json = False,
    watch: watching.Watch = None,
) -> None:
    """Show when triggers fired, as a strip per camera."""
    from oneclick import report

    workspace = output.load_settings(home).home
    bucket_seconds = time_arguments.parse_duration(bucket)

    def draw() -> None:
        start, stop = time_arguments.time_window(since, until, datetime.now(UTC))
        timeline = report.hit_timeline(workspace, start, stop, camera, trigger, bucket_seconds)
        if json:
            output.print_json(timeline)
        else:
            print_timeline(timeline, len(timeline.cameras) == 1 if rows is None else rows)
        if png:
            from oneclick.report.plots import timeline as plot

            plot.draw(timeline, rows is not False).save(png)
            output.message(f"drawn: {png}")

    watching.repeat(draw, watch)


def print_timeline(timeline: Timeline, by_trigger: bool) -> None:
    """Print the strips of the cameras as wide as the terminal, with notes on what is not in them.

    Columns are widened until they fit; `by_trigger` adds a row for each trigger.
    """
    width = shutil.get_terminal_size().columns
    fitted = timeline.fit_columns(timeline_text.column_count(timeline, width, by_trigger))
    if fitted.cameras:
        for line in timeline_text.lines(fitted, by_trigger):
            output.echo(line)
    else:
        output.message("no video in this window: oneclick video list shows what there is")
    if fitted.bucket_seconds != timeline.bucket_seconds:
        requested = time_arguments.format_duration(timeline.bucket_seconds)
        actual = time_arguments.format_duration(fitted.bucket_seconds)
        output.message(
            f"one column is {actual}: columns of {requested} do not fit {width} characters"
        )
    for video in timeline.undated:
        counts = ", ".join(f"{name} {count:,}" for name, count in video.hits.items()) or "no hits"
        output.message(f"nobody knows when {video.video} began: {counts}")
    if timeline.waiting:
        output.message(
            f"videos no trigger has looked at yet: {timeline.waiting}; oneclick run does"
        )


def hits(
    home: output.Home = None,
    since: Since = None,
    until: Until = None,
    camera: Camera = None,
    trigger: Trigger = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 50,
    json: output.Json = False,
) -> None:
    """List hits, newest first, each with the clip that shows it and its link on the web pages."""
    from oneclick import report

    start, stop = time_arguments.time_window(since, until, datetime.now(UTC))
    home = output.load_settings(home).home
    hits = report.hits(home, start, stop, camera, trigger, limit + 1)
    if json:
        output.print_json(hits[:limit])
    else:
        output.print_table(
            ["time (UTC)", "camera", "trigger", "score", "why", "clip", "link"],
            [
                [format_time(m.at), m.camera, m.trigger, m.score, m.why, m.clip or "-", m.link]
                for m in hits[:limit]
            ],
        )
    if len(hits) > limit:
        output.message(f"the {limit} newest; --limit shows more, --since and --until other days")


def format_time(moment: datetime | None) -> str:
    """Format a time to the tenth of a second; `-` where it is unknown."""
    return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 100_000}" if moment else "-"

"""`oneclick triggers timeline` and `oneclick triggers hits`: when triggers fired, and on what."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oneclick.cli import output, strip, when
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
    """When triggers fired: a strip of hits through time for every camera."""
    from oneclick import report

    where, size = output.settings(home).home, when.length(bucket)

    def draw() -> None:
        low, high = when.window(since, until, datetime.now(UTC))
        whole = report.timeline(where, low, high, camera, trigger, size)
        if json:
            output.show_json(whole)
        else:
            _show(whole, len(whole.cameras) == 1 if rows is None else rows)
        if png:
            _draw(whole, png, rows is not False)

    watching.watched(draw, watch)


def hits(
    home: output.Home = None,
    since: Since = None,
    until: Until = None,
    camera: Camera = None,
    trigger: Trigger = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 50,
    json: output.Json = False,
) -> None:
    """Hits, newest first, each with the clip that shows it."""
    from oneclick import report

    low, high = when.window(since, until, datetime.now(UTC))
    home = output.settings(home).home
    found = report.moments(home, low, high, camera, trigger, limit + 1)
    if json:
        output.show_json(found[:limit])
    else:
        output.table(
            ["time (UTC)", "camera", "trigger", "score", "why", "clip"],
            [
                [clock(m.at), m.camera, m.trigger, m.score, m.why, m.clip or "-"]
                for m in found[:limit]
            ],
        )
    if len(found) > limit:
        output.say(f"the {limit} newest; --limit shows more, --since and --until other days")


def clock(moment: datetime | None) -> str:
    """A time to the tenth of a second; `-` where nobody knows it."""
    return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 100_000}" if moment else "-"


def _show(whole: Timeline, by_trigger: bool) -> None:
    width = shutil.get_terminal_size().columns
    shown = whole.fitting(strip.columns(whole, width, by_trigger))
    if shown.cameras:
        for line in strip.lines(shown, by_trigger):
            typer.echo(line)
    else:
        output.say("no video in this window: oneclick video list shows what there is")
    if shown.bucket_seconds != whole.bucket_seconds:
        wanted, got = when.short(whole.bucket_seconds), when.short(shown.bucket_seconds)
        output.say(f"one column is {got}: columns of {wanted} do not fit {width} characters")
    for video in whole.undated:
        counts = ", ".join(f"{name} {count:,}" for name, count in video.hits.items()) or "no hits"
        output.say(f"nobody knows when {video.video} began: {counts}")
    if whole.waiting:
        output.say(f"videos no trigger has looked at yet: {whole.waiting}; oneclick run does")


def _draw(whole: Timeline, path: Path, by_trigger: bool) -> None:
    from oneclick.report.plots import timeline

    timeline.draw(whole, by_trigger).save(path)
    output.say(f"drawn: {path}")

"""`oneclick video`: the raw recordings."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from oneclick.cli import camera_names, output

app = typer.Typer(no_args_is_help=True, help="Raw recordings: add them, list them, show one.")


@app.command()
def add(
    sources: Annotated[list[str], typer.Argument(help="Files, folders or URLs (s3://, sftp://).")],
    home: output.Home = None,
    camera: Annotated[
        str | None, typer.Option(help="Name of the camera; else the folder or file name.")
    ] = None,
    started: Annotated[
        datetime | None, typer.Option(help="Start of the recording, UTC; else read from the file.")
    ] = None,
    json: output.Json = False,
) -> None:
    """Copy recordings into the workspace; a recording whose content is there is skipped."""
    from oneclick.stages import fetch

    settings = output.load_settings(home)
    with camera_names.notices(settings.home), output.progress_bars():
        result = fetch.fetch(
            settings.home,
            sources,
            camera=camera,
            started_at=output.as_utc(started),
            codes=settings.cameras.codes,
            max_gb=settings.max_source_gb,
            options=settings.sources.options(),
        )
    if json:
        output.print_json(result)
    output.finish_batch(result, "videos")


@app.command("list")
def list_(home: output.Home = None, json: output.Json = False) -> None:
    """List the recordings in the workspace."""
    from oneclick import report

    workspace = output.load_settings(home).home
    rows = report.videos(workspace)
    if json:
        output.print_json(rows)
        return
    label = camera_names.labels(workspace)
    output.print_table(
        ["video", "camera", "start (UTC)", "frames", "fps", "size", "clips", "notes"],
        [
            [
                r.id,
                label.get(r.camera, r.camera),
                r.started_at,
                r.frames,
                r.fps,
                f"{r.width}×{r.height}",
                r.clips,
                "; ".join(r.notes),
            ]
            for r in rows
        ],
    )
    if not rows:
        output.message("no videos yet; add one with: oneclick video add FILE")


@app.command()
def show(
    video: Annotated[str, typer.Argument(help="Video id (`oneclick video list` prints them).")],
    home: output.Home = None,
    json: output.Json = False,
) -> None:
    """Show one recording: its stretches with their true times, and what was done to it."""
    from oneclick import report

    workspace = output.load_settings(home).home
    detail = report.video(workspace, video)
    if json:
        output.print_json(detail)
        return
    row, label = detail.row, camera_names.labels(workspace)
    output.print_table(
        ["video", "camera", "start (UTC)", "frames", "fps", "size", "clips", "sha256"],
        [
            [
                row.id,
                label.get(row.camera, row.camera),
                row.started_at,
                row.frames,
                row.fps,
                f"{row.width}×{row.height}",
                row.clips,
                detail.digest,
            ]
        ],
    )
    output.print_table(
        ["frames", "from the start (s)", "length (s)", "start (UTC)"],
        [
            [f"{part.start}–{part.stop}", part.seconds, part.length, part.started_at]
            for part in detail.stretches
        ],
    )
    for note in row.notes:
        output.echo(note)


@app.command()
def search(
    camera: Annotated[str, typer.Argument(help="Camera whose recordings are searched.")],
    region: Annotated[
        str, typer.Option(help="left,top,right,bottom in shares of the picture: 0.2,0.5,0.6,1.")
    ] = "0,0,1,1",
    evidence: Annotated[
        list[str] | None,
        typer.Option("--for", help="somebody, motion or novelty; may be given again."),
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="From here on: 7d, 24h, 2026-01-05, 2026-01-05T08:00 (UTC).")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Until here, written as --since.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Moments to print of each kind.")] = 20,
    home: output.Home = None,
    json: output.Json = False,
) -> None:
    """Search recordings where nothing was detected: who may have been in a region, and when.

    `somebody` looks up what the models saw with low scores, and is quick; `motion` and `novelty`
    look at the pictures again. By default the first two.
    """
    from oneclick.catalog import utc_now
    from oneclick.cli import time_arguments
    from oneclick.core import moments
    from oneclick.core.regions import Region
    from oneclick.stages import region_search

    workspace = output.load_settings(home).home
    start, stop = time_arguments.time_window(since, until, utc_now())
    query = region_search.RegionQuery(
        camera=camera,
        region=Region.parse(region),
        since=start,
        until=stop,
        evidence=moments.parse_evidence(evidence or ["somebody", "motion"]),
    )
    with output.progress_bars():
        result = region_search.search_region(workspace, query)
    result.moments = moments.strongest(result.moments, limit)
    if json:
        output.print_json(result)
    else:
        output.print_table(
            ["time (UTC)", "video", "frames", "evidence", "strength", "why"],
            [
                [m.at, m.video, f"{m.start}–{m.stop}", m.evidence, m.strength, m.why]
                for m in result.moments
            ],
        )
        output.message(f"{len(result.moments)} moments in {result.seconds / 60:,.1f} min of video")
    for item, why in result.failed.items():
        output.message(f"  {item}: {why}")
    if result.failed:
        raise typer.Exit(3)

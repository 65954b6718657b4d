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

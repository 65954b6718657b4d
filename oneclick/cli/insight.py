"""`oneclick insight`: how each model does on each camera, and whether that has changed."""

from __future__ import annotations

from typing import Annotated

import typer

from oneclick.cli import output


def insight(
    days: Annotated[
        float, typer.Option(help="Length of the period; it is compared with the one before.", min=1)
    ] = 7.0,
    camera: Annotated[
        str | None, typer.Option(help="Only this camera.", show_default=False)
    ] = None,
    home: output.Home = None,
    json: output.Json = False,
) -> None:
    """Show people, detections, flicker, agreement, drift, uptime and quality by camera and model.

    Precision and recall are estimated from reviewed clips that were drawn at random, with 95%
    intervals. Videos are counted once; the next call reads what was counted. Below it stands what
    the newest candidate did in shadow beside the champion, on all cameras.
    """
    from datetime import timedelta

    from oneclick import report
    from oneclick.cli import summary

    settings = output.load_settings(home)
    result = report.measure_insight(settings.home, period=timedelta(days=days), camera=camera)
    training = report.training_report(settings.home)
    shadow = training.shadow if training else None
    if json:
        candidate = training.model if training and shadow else None
        output.print_json(vars(result) | {"candidate": candidate, "shadow": shadow})
    else:
        columns = report.insight_columns(result)
        if columns:
            output.print_table(list(columns[0]), [list(row.values()) for row in columns])
        else:
            output.message("no model has looked at video of this time")
        output.message(f"{result.start:%Y-%m-%d %H:%M} to {result.stop:%Y-%m-%d %H:%M} UTC")
        if training and shadow:
            output.echo(f"{training.model} beside {shadow.champion}: {', '.join(shadow.reasons)}")
            summary.print_shadow(training)
    for reason in result.failed.values():
        output.message(f"left out: {reason}")
    if result.failed:
        raise typer.Exit(3)

"""`oneclick insight`: how each model does on each camera, and whether that has changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from oneclick.cli import output

if TYPE_CHECKING:
    from oneclick.core.statistics import RatioEstimate


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
    intervals. Videos are counted once; the next call reads what was counted.
    """
    from datetime import timedelta

    from oneclick import report

    settings = output.load_settings(home)
    result = report.measure_insight(settings.home, period=timedelta(days=days), camera=camera)
    if json:
        output.print_json(result)
    else:
        heads = ["camera", "model", "hours", "up", "in view", "new per h", "boxes per min"]
        heads += ["flicker per min", "unseen", "agreement", "drift", "precision", "recall"]
        output.print_table(
            heads,
            [
                [
                    row.camera,
                    row.model,
                    row.hours,
                    f"{row.uptime:.0%}",
                    row.people_in_view,
                    row.appearances_per_hour,
                    row.detections_per_minute,
                    row.flickers_per_minute,
                    f"{row.unseen_share:.1%}",
                    ", ".join(f"{part.rival} {part.share:.0%}" for part in row.agreements) or None,
                    row.drift.text if row.drift else None,
                    _ratio(row.precision),
                    _ratio(row.recall),
                ]
                for row in result.rows
            ],
        )
        output.message(f"{result.start:%Y-%m-%d %H:%M} to {result.stop:%Y-%m-%d %H:%M} UTC")
    for reason in result.failed.values():
        output.message(f"left out: {reason}")
    if result.failed:
        raise typer.Exit(3)


def _ratio(estimate: RatioEstimate | None) -> str | None:
    if estimate is None:
        return None
    return f"{estimate.value:.0%} ({estimate.low:.0%}–{estimate.high:.0%})"

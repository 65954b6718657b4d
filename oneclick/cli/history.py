"""`oneclick models history` and `lineage`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oneclick.cli import output

if TYPE_CHECKING:
    from oneclick.report import WeekRow


def history(
    home: output.Home = None,
    png: Annotated[Path | None, typer.Option(help="Draw it into this PNG file.")] = None,
    json: output.Json = False,
) -> None:
    """Show the learning curve week by week: mAP, labelled images, edits per 100 boxes."""
    from oneclick import report

    weeks = report.weekly_history(output.load_settings(home).home)
    if png:
        from oneclick.report.plots import learning_curve

        learning_curve.draw(weeks).save(png)
        output.message(f"drawn: {png}")
    if json:
        output.print_json(weeks)
    elif weeks:
        print_weeks(weeks)
    else:
        output.message("nothing was published, reviewed or trained yet")


def print_weeks(weeks: list[WeekRow]) -> None:
    """Print a table of the weeks, and a sparkline of each learning curve below it."""
    from oneclick.report.formatting import number
    from oneclick.report.history import CURVES
    from oneclick.report.plots.learning_curve import spark

    output.print_table(
        ["week", "trained", "champion", "mAP", "clips", "images", "edits/100", "s/image"],
        [
            [
                w.week,
                w.trained,
                w.champion or "",
                w.map,
                w.clips,
                w.images,
                w.edits_per_100_boxes,
                w.seconds_per_image,
            ]
            for w in weeks
        ],
    )
    for name, title in CURVES.items():
        values = [getattr(week, name) for week in weeks]
        measured = [value for value in values if value is not None]
        if measured:
            ends = f"{number(measured[0])} → {number(measured[-1])}"
            output.echo(f"{title:22} {spark(values)}  {ends}")


def lineage(
    model: Annotated[str, typer.Argument(help="Model id; `oneclick models list` prints them.")],
    home: output.Home = None,
    json: output.Json = False,
) -> None:
    """Show what a model was trained on: dataset, clips, label revisions, hits, videos."""
    from oneclick import report

    ancestry = report.model_lineage(output.load_settings(home).home, model)
    if json:
        output.print_json(ancestry)
        return
    sides = Counter(clip.split for clip in ancestry.clips)
    output.print_table(
        ["model", "tuned from", "dataset", "grown from", "clips", "videos", "code"],
        [
            [
                ancestry.model,
                " ← ".join(ancestry.parents) or "nothing",
                ancestry.dataset,
                " ← ".join(ancestry.dataset_parents) or "nothing",
                f"{sides['train']} train, {sides['test']} test",
                ancestry.videos,
                ancestry.code,
            ]
        ],
    )
    output.print_table(
        ["clip", "split", "labels", "made by", "triggers", "video", "frames of the video"],
        [
            [
                c.clip,
                c.split,
                c.revision,
                c.made_by,
                ", ".join(c.triggers) or c.chosen_by,
                c.video,
                f"{c.start}–{c.stop}",
            ]
            for c in ancestry.clips
        ],
    )

"""`oneclick models history` and `lineage`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oneclick.cli import output

if TYPE_CHECKING:
    from oneclick.report import Week


def history(
    home: output.Home = None,
    png: Annotated[Path | None, typer.Option(help="Draw it into this PNG file.")] = None,
    json: output.Json = False,
) -> None:
    """What every week brought: mAP, labelled images, edits per 100 boxes."""
    from oneclick import report

    weeks = report.history(output.settings(home).home)
    if png:
        from oneclick.report.plots import learning_curve

        learning_curve.draw(weeks).save(png)
        output.say(f"drawn: {png}")
    if json:
        output.show_json(weeks)
    elif weeks:
        _show(weeks)
    else:
        output.say("nothing was published, reviewed or trained yet")


def _show(weeks: list[Week]) -> None:
    from oneclick.report.formatting import number
    from oneclick.report.history import CURVES
    from oneclick.report.plots.learning_curve import spark

    output.table(
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
        known = [value for value in values if value is not None]
        if known:
            ends = f"{number(known[0])} → {number(known[-1])}"
            typer.echo(f"{title:22} {spark(values)}  {ends}")


def lineage(
    model: Annotated[str, typer.Argument(help="Model id; `oneclick models list` prints them.")],
    home: output.Home = None,
    json: output.Json = False,
) -> None:
    """Everything behind a model: dataset, clips, label revisions, hits, videos."""
    from oneclick import report

    found = report.lineage(output.settings(home).home, model)
    if json:
        output.show_json(found)
        return
    sides = Counter(clip.split for clip in found.clips)
    output.table(
        ["model", "tuned from", "dataset", "grown from", "clips", "videos", "code"],
        [
            [
                found.model,
                " ← ".join(found.parents) or "nothing",
                found.dataset,
                " ← ".join(found.dataset_parents) or "nothing",
                f"{sides['train']} train, {sides['test']} test",
                found.videos,
                found.code,
            ]
        ],
    )
    output.table(
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
            for c in found.clips
        ],
    )

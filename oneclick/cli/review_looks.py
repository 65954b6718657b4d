"""`oneclick review looks|settle`: clips whose two reviews differ, for leads."""

from __future__ import annotations

import getpass
from typing import Annotated, get_args

import typer

from oneclick.cli import output


def looks(home: output.Home = None, json: output.Json = False) -> None:
    """List the clips whose two reviews differ; the page of each shows them side by side."""
    from oneclick.storage.second_looks import SecondLooks
    from oneclick.storage.workspace import Workspace

    results = SecondLooks(Workspace(output.load_settings(home).home)).unsettled()
    if json:
        output.print_json(
            [{**output.jsonable(each), "tracks": len(each.tracks)} for each in results]
        )
        return
    output.print_table(
        ["clip", "first", "second", "boxes agree", "only first", "only second"],
        [
            [
                each.clip,
                each.first,
                f"{each.second}, who rejects it" if each.decision == "reject" else each.second,
                round(each.agreement.boxes, 3),
                sum(counts.first - counts.both for counts in each.corrections.values()),
                sum(counts.second - counts.both for counts in each.corrections.values()),
            ]
            for each in results
        ],
    )
    if not results:
        output.message("no clip has two reviews that differ")


def settle(
    clip: Annotated[str, typer.Argument(help="Clip id; `oneclick review looks`.")],
    keep: Annotated[
        str,
        typer.Option(
            help="first: its labels stand. second: they take the place of the first. again: the "
            "clip goes back into review."
        ),
    ],
    reason: Annotated[str, typer.Option(help="Why the clip is reopened.")] = "",
    by: Annotated[
        str | None, typer.Option(help="Who decides; default: your login.", show_default=False)
    ] = None,
    home: output.Home = None,
) -> None:
    """Decide which of two reviews of a clip stands."""
    from oneclick.core.errors import UsageError
    from oneclick.stages import review, second_looks
    from oneclick.storage.second_looks import Choice

    choice = next((each for each in get_args(Choice) if each == keep), None)
    if choice is None:
        raise UsageError(f"--keep {keep}: give first, second or again")
    settings = output.load_settings(home)
    second_looks.settle(settings.home, clip, choice, by or getpass.getuser(), reason)
    batch = review.collect_own(settings.home)
    output.message(f"{clip} is settled: {keep}")
    if batch.failed:
        output.finish_batch(batch, "verdicts taken in")

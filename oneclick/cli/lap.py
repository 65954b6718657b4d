"""`oneclick run` and `oneclick demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from oneclick.cli import output


def run(
    sources: Annotated[
        list[str] | None,
        typer.Argument(help="Videos, folders or URLs; none means the sources of the settings."),
    ] = None,
    home: output.Home = None,
    accept_auto: Annotated[
        bool,
        typer.Option(
            "--accept-auto",
            help="Accept automatic labels unseen; recorded as such, never as human.",
        ),
    ] = False,
    predictor: Annotated[
        str | None, typer.Option(help="Deployed model; default: the champion, else opencv:hog.")
    ] = None,
    json: output.Json = False,
) -> None:
    """One lap over your video: from raw recordings to a model in service.

    Stops politely at review unless told otherwise; the same command again goes on from there.
    """
    from oneclick import report
    from oneclick.cli import summary

    settings = output.settings(home, review={"accept_auto": True} if accept_auto else None)
    with output.progress_bars():
        from flows import environment

        environment.prepare(settings.home)
        from flows.one_click import one_click

        outcome = one_click(
            sources=list(sources or []),
            home=settings.home,
            accept_auto=accept_auto or None,
            predictor=predictor,
        )
    state = report.lap(settings.home)
    if json:
        output.show_json({"lap": outcome, "workspace": state})
    else:
        summary.show(state)
    for name, reason in outcome["failed"].items():
        output.say(f"skipped {name}: {reason}")
    if outcome["nothing_new"]:
        output.say("nothing new: every step of this lap was done before")
    if outcome["failed"]:
        raise typer.Exit(3)


def demo(
    home: Annotated[
        Path | None,
        typer.Option("--home", help="Workspace folder of the demo.", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option(help="Another seed, another ward, other numbers.")] = 0,
    json: output.Json = False,
) -> None:
    """Two laps on the synthetic ward with simulated annotators, measured on unseen cameras."""
    import tempfile

    where = home or Path(tempfile.mkdtemp(prefix="oneclick-demo-"))
    with output.progress_bars():
        from flows import environment

        environment.prepare(where)
        from flows import demo as ward_demo

        result = ward_demo.demo(where, seed)
    if json:
        output.show_json(result)
        return
    from oneclick.cli import summary

    summary.show_demo(result)

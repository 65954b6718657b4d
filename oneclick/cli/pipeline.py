"""`oneclick run` and `oneclick demo`: the whole pipeline, once over."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from oneclick.cli import camera_names, output
from oneclick.core.errors import BadVideo


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
        str | None,
        typer.Option(
            help="Deployed model; default: the champion, else the first onnx:, model: or labeller: "
            "among the labellers, else opencv:hog."
        ),
    ] = None,
    json: output.Json = False,
) -> None:
    """Run one lap over your video: from raw recordings to a model in service.

    It stops at review unless told otherwise; the same command continues from there.
    """
    from oneclick import detectors, report
    from oneclick.cli import summary
    from oneclick.flows import models
    from oneclick.storage import cameras
    from oneclick.storage.workspace import Workspace
    from oneclick.video import search

    settings = output.load_settings(home, review={"accept_auto": True} if accept_auto else None)
    if predictor and predictor != models.AUTO and detectors.is_own(predictor):
        detectors.check_name(predictor)  # before the seconds that Prefect takes to start
    if sources and all(search.is_missing(source) for source in sources):
        paths = ", ".join(dict.fromkeys(sources))
        raise BadVideo(f"there is no file or folder {paths}: check the path")
    workspace, codes = Workspace(settings.home), settings.cameras.codes
    with camera_names.notices(settings.home), output.progress_bars():
        from oneclick.flows import environment, local_server

        if notice := environment.prepare(settings.home):
            output.message(notice)
        from oneclick.flows.one_click import one_click

        with local_server.failures():
            outcome = one_click(
                sources=cameras.hide_sources(workspace, sources or (), codes),
                home=settings.home,
                accept_auto=accept_auto or None,
                predictor=predictor,
            )
    state = report.lap_summary(settings.home)
    if json:
        output.print_json({"lap": outcome, "workspace": state})
    else:
        summary.print_lap(state)
    collected = outcome["steps"]["collect"]
    for line in [*collected["notes"], *collected["unsettled"].values()]:
        output.message(line)
    output.print_left_out(collected["left_out"])
    for name, reason in outcome["failed"].items():
        output.message(f"skipped {name}: {reason}")
        output.debug_log(reason)
    if outcome["nothing_new"] and not outcome["failed"]:
        output.message("nothing new: every step of this lap was done before")
    if outcome["failed"]:
        raise typer.Exit(3)


def demo(
    home: Annotated[
        Path | None,
        typer.Option("--home", help="Workspace folder of the demo.", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option(help="Another seed, another ward, other numbers.")] = 0,
    review: Annotated[
        bool,
        typer.Option("--review", help="Only label clips of the ward, for you to correct by hand."),
    ] = False,
    json: output.Json = False,
) -> None:
    """Run two laps on a synthetic ward with simulated annotators; test on unseen cameras.

    A third lap follows where the gate lets fewer than two models through.
    """
    import tempfile

    workspace = home or Path(tempfile.mkdtemp(prefix="oneclick-demo-"))
    with output.progress_bars():
        from oneclick.flows import environment, local_server

        if notice := environment.prepare(workspace):
            output.message(notice)
        from oneclick.flows import demo as ward_demo

        with local_server.failures():
            result = (ward_demo.review_demo if review else ward_demo.demo)(workspace, seed)
    if json:
        output.print_json(result)
        return
    from oneclick.cli import summary

    if isinstance(result, ward_demo.ReviewDemo):
        summary.print_review_demo(result)
    else:
        summary.print_demo(result)

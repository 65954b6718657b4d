"""`oneclick train` and `oneclick models`."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Annotated

import typer

from oneclick.cli import history, output
from oneclick.cli import watch as watching

app = typer.Typer(no_args_is_help=True, help="Models: list, show, promote, roll back.")
app.command()(history.history)
app.command()(history.lineage)


def train(
    home: output.Home = None,
    data: Annotated[str | None, typer.Option(help="Dataset version; default: the latest.")] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="Network, for example fcos-tiny; or, for each camera, a model of what is new on "
            "it: novelty-autoencoder, novelty-gan."
        ),
    ] = None,
    labeller: Annotated[
        bool, typer.Option("--labeller", help="It labels clips and serves no camera.")
    ] = False,
    effort: Annotated[
        float | None, typer.Option(help="Quality against time: 2 is twice the steps.", min=0.01)
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Training steps.", min=1)] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of everything random.")] = None,
    camera: Annotated[
        list[str] | None, typer.Option(help="Camera for a novelty model; default: all.")
    ] = None,
    json: output.Json = False,
) -> None:
    """Train a candidate on a dataset version; the gate promotes or refuses it.

    A novelty model learns from the raw video of its camera and serves at once.
    """
    if model and model.startswith("novelty-"):
        _train_novelty(home, model, camera or [], steps, seed, json)
        return
    from oneclick import report
    from oneclick.cli import summary
    from oneclick.stages import train as stage

    settings = output.settings(home)
    with output.progress_bars():
        changes = {"model": model, "steps": steps, "seed": seed, "effort": effort}
        options = stage.options(settings, labeller=labeller, **changes)
        outcome = stage.train(settings.home, data, options)
    if outcome.model is None:
        output.say(outcome.reasons[0])
        return
    training = report.training(settings.home, outcome.model)
    if json:
        output.show_json(training)
    elif training:
        summary.show_training(training)
    if not outcome.trained:
        output.say("nothing new: this model was trained on this data before")


def _train_novelty(
    home: Path | None,
    kind: str,
    cameras: list[str],
    steps: int | None,
    seed: int | None,
    json: bool,
) -> None:
    from oneclick.stages import novelty

    with output.progress_bars():
        done = novelty.train(output.settings(home).home, kind, cameras, steps, seed)
    if not (done.trained or done.skipped or done.failed):
        output.say("no camera has raw video: oneclick video add brings some")
    elif json:
        output.show_json(done)
    else:
        rows = [[camera, kind, frames] for camera, frames in done.trained.items()]
        output.table(["camera", "model", "frames"], rows)
    for camera in done.skipped:
        output.say(f"{camera}: nothing new, its model has learned from these videos before")
    for camera, reason in done.failed.items():
        output.say(f"{camera}: {reason}")
    if done.failed:
        raise typer.Exit(3)


@app.command()
def sync(home: output.Home = None) -> None:
    """Send the logs of finished trainings to Weights & Biases; WANDB_API_KEY must be set."""
    from oneclick.stages import sync_wandb

    settings = output.settings(home)
    with output.progress_bars():
        result = sync_wandb.mirror(settings.home)
    if not (result.done or result.failed):
        left = len(sync_wandb.waiting(settings.home))
        output.say(
            f"nothing sent: {left} runs wait, set {sync_wandb.KEY}" if left else "nothing waits"
        )
    output.finish(result, "runs sent")


@app.command("list")
def list_(
    home: output.Home = None, json: output.Json = False, watch: watching.Watch = None
) -> None:
    """Models, oldest first; * is the champion, L labels clips."""
    where = output.settings(home).home
    watching.watched(lambda: _list(where, json), watch)


def _list(home: Path, json: bool) -> None:
    from oneclick import report

    rows = report.models(home)
    if json:
        output.show_json(rows)
        return
    output.table(
        ["", "model", "dataset", "mAP", "AP50", "made (UTC)"],
        [
            [
                "*" if r.champion else "L" if r.labels else "",
                r.id,
                r.dataset,
                r.map,
                r.ap50,
                r.made_at,
            ]
            for r in rows
        ],
    )


@app.command()
def show(
    model: Annotated[str, typer.Argument(help="Model id; `oneclick models list` prints them.")],
    home: output.Home = None,
) -> None:
    """The card of one model: what it was trained on and what it is worth.

    The card is JSON on stdout; its slices, worst first, are a table on stderr.
    """
    from oneclick import report
    from oneclick.cli import summary

    home = output.settings(home).home
    output.show_json(report.model_card(home, model))
    if training := report.training(home, model):
        with contextlib.redirect_stdout(sys.stderr):
            summary.show_slices(training)


@app.command()
def worst(
    model: Annotated[str | None, typer.Argument(help="Model id; default: the champion.")] = None,
    home: output.Home = None,
    most: Annotated[int, typer.Option(help="How many clips.", min=1)] = 10,
    pictures: Annotated[
        Path | None,
        typer.Option(help="Folder for pictures: truth in blue, what the model says in orange."),
    ] = None,
    json: output.Json = False,
) -> None:
    """The test clips that a model does worst on, each with its worst image."""
    from oneclick.stages import worst as stage

    settings = output.settings(home)
    with output.progress_bars():
        found = stage.worst(settings.home, model, settings.train.server, most, pictures)
    if json:
        output.show_json(found)
        return
    output.table(
        ["clip", "camera", "worst frame", "F1", "missed", "false"],
        [[c.clip, c.camera, c.frame, c.f1, c.missed, c.alarms] for c in found.clips],
    )
    output.say(f"{found.model} on the test clips of {found.dataset}, score {found.threshold:.2f}")
    if pictures and found.clips:
        output.say(f"pictures: {pictures}")


Labeller = Annotated[
    str,
    typer.Option("--labeller", help="Architecture whose labeller is meant, not the champion."),
]


@app.command()
def promote(
    model: Annotated[str, typer.Argument(help="Model id to put into service.")],
    home: output.Home = None,
    reason: Annotated[str, typer.Option(help="Why; kept in the history.")] = "by hand",
    labeller: Labeller = "",
) -> None:
    """Put a model into service without asking the gate."""
    from oneclick.storage import model_registry
    from oneclick.storage.workspace import Workspace

    model_registry.promote(Workspace(output.settings(home).home), model, reason, labeller)
    output.say(f"{_role(labeller)} is now {model}")


@app.command()
def rollback(home: output.Home = None, labeller: Labeller = "") -> None:
    """Put the champion before this one back into service."""
    from oneclick.storage import model_registry
    from oneclick.storage.workspace import Workspace

    model = model_registry.rollback(Workspace(output.settings(home).home), labeller)
    output.say(f"{_role(labeller)} is now {model}")


def _role(labeller: str) -> str:
    return f"labeller {labeller}" if labeller else "champion"

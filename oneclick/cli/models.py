"""`oneclick train` and `oneclick models`."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oneclick.cli import history, model_export, output
from oneclick.cli import watch as watching

if TYPE_CHECKING:
    from oneclick.stages.train import TrainingResult

app = typer.Typer(no_args_is_help=True, help="Models: list, show, promote, roll back.")
app.command()(history.history)
app.command()(history.lineage)
app.command()(model_export.export)


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
    alone: Annotated[
        bool,
        typer.Option(
            "--alone", help="Compare it with no champion; oneclick models promote takes it."
        ),
    ] = False,
    json: output.Json = False,
) -> None:
    """Train a candidate on a dataset version; the gate promotes or refuses it.

    A novelty model learns from the raw video of its camera and serves at once.
    """
    if model and model.startswith("novelty-"):
        train_novelty(home, model, camera or [], steps, seed, json)
        return
    from oneclick import report
    from oneclick.cli import summary
    from oneclick.stages import train as stage

    settings = output.load_settings(home)
    with output.progress_bars():
        options = settings.train_options(
            model=model, steps=steps, seed=seed, effort=effort, labeller=labeller
        )
        outcome = stage.train(settings.home, data, replace(options, alone=alone))
    if outcome.model is None:
        output.message(outcome.reasons[0])
        return
    training = report.training_report(settings.home, outcome.model)
    if json:
        output.print_json(training)
    elif training:
        summary.print_training(training)
    print_left_out(outcome)
    for sentence in outcome.settled:
        output.message(sentence)
    if not outcome.trained:
        output.message("nothing new: this model was trained on this data before")


def print_left_out(outcome: TrainingResult) -> None:
    """Print on stderr which pictures a training left out, and how many excluded clips."""
    for line in outcome.broken:
        output.message(f"left out, broken: {line}")
    if outcome.excluded:
        output.message(f"left out, excluded: {len(outcome.excluded)} clips")


def train_novelty(
    home: Path | None,
    kind: str,
    cameras: list[str],
    steps: int | None,
    seed: int | None,
    json: bool,
) -> None:
    """Train novelty models of cameras, of all that have raw video if none is named.

    Exits with 3 if a camera fails.
    """
    from oneclick.stages import novelty

    with output.progress_bars():
        result = novelty.train(output.load_settings(home).home, kind, cameras, steps, seed)
    if not (result.trained or result.skipped or result.failed):
        output.message("no camera has raw video: oneclick video add brings some")
    elif json:
        output.print_json(result)
    else:
        rows = [[camera, kind, frames] for camera, frames in result.trained.items()]
        output.print_table(["camera", "model", "frames"], rows)
    for camera in result.skipped:
        output.message(f"{camera}: nothing new, its model has learned from these videos before")
    for camera, reason in result.failed.items():
        output.message(f"{camera}: {reason}")
    if result.failed:
        raise typer.Exit(3)


@app.command()
def sync(home: output.Home = None) -> None:
    """Send the logs of finished trainings to Weights & Biases; WANDB_API_KEY must be set."""
    from oneclick.stages import sync_wandb

    settings = output.load_settings(home)
    with output.progress_bars():
        result = sync_wandb.mirror(settings.home)
    if not (result.done or result.failed):
        waiting = len(sync_wandb.unsent_runs(settings.home))
        output.message(
            f"nothing sent: {waiting} runs wait, set {sync_wandb.KEY}"
            if waiting
            else "nothing waits"
        )
    output.finish_batch(result, "runs sent")


@app.command("list")
def list_(
    home: output.Home = None, json: output.Json = False, watch: watching.Watch = None
) -> None:
    """List models, oldest first; * is the champion, L labels clips."""
    from oneclick import report
    from oneclick.report import scores

    workspace = output.load_settings(home).home

    def draw() -> None:
        rows = report.models(workspace)
        for line in scores.broken_cards(workspace):
            output.message(line)
        if json:
            output.print_json(rows)
            return
        roles = ["*" if r.champion else "L" if r.labels else "" for r in rows]
        output.print_table(
            ["", "model", "dataset", "mAP", "AP50", "made (UTC)", "gate"],
            [
                [role, r.id, r.dataset, r.map, r.ap50, r.made_at, r.shadow or r.verdict]
                for role, r in zip(roles, rows, strict=True)
            ],
        )

    watching.repeat(draw, watch)


@app.command()
def show(
    model: Annotated[str, typer.Argument(help="Model id; `oneclick models list` prints them.")],
    home: output.Home = None,
) -> None:
    """Show the card of a model: what it was trained on and how good it is.

    The card is JSON on stdout; its slices, worst first, are a table on stderr, and another one is
    what it did in shadow beside the champion.
    """
    from oneclick import report
    from oneclick.cli import summary

    home = output.load_settings(home).home
    output.print_json(report.model_card(home, model))
    if training := report.training_report(home, model):
        with contextlib.redirect_stdout(sys.stderr):
            summary.print_slices(training)
            summary.print_shadow(training)


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
    """List the test clips that a model does worst on, each with its worst image."""
    from oneclick.stages import worst as stage

    settings = output.load_settings(home)
    with output.progress_bars():
        result = stage.worst(settings.home, model, settings.train.server, most, pictures)
    if json:
        output.print_json(result)
        return
    output.print_table(
        ["clip", "camera", "worst frame", "F1", "missed", "false"],
        [[c.clip, c.camera, c.frame, c.f1, c.missed, c.alarms] for c in result.clips],
    )
    output.message(
        f"{result.model} on the test clips of {result.dataset}, score {result.threshold:.2f}"
    )
    if pictures and result.clips:
        output.message(f"pictures: {pictures}")


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

    model_registry.promote(Workspace(output.load_settings(home).home), model, reason, labeller)
    output.message(f"{_role(labeller)} is now {model}")


@app.command()
def rollback(
    home: output.Home = None,
    labeller: Labeller = "",
    instead_of: Annotated[
        str | None,
        typer.Option("--from", help="Model to take out of service; safe to say twice."),
    ] = None,
) -> None:
    """Put the champion before this one back into service."""
    from oneclick.storage import model_registry
    from oneclick.storage.workspace import Workspace

    workspace = Workspace(output.load_settings(home).home)
    if instead_of is not None:
        model = model_registry.rollback(workspace, labeller, instead_of)
        output.message(f"{_role(labeller)} is now {model}")
        return
    with model_registry.rollback_until_told(workspace, labeller) as model:
        output.message(f"{_role(labeller)} is now {model}")


def _role(labeller: str) -> str:
    return f"labeller {labeller}" if labeller else "champion"

"""`oneclick data`: dataset versions."""

from __future__ import annotations

from typing import Annotated

import typer

from oneclick.cli import output

app = typer.Typer(no_args_is_help=True, help="Dataset versions: publish one, list, verify.")


@app.command()
def publish(home: output.Home = None) -> None:
    """Freeze the accepted clips into a dataset version and upload what is missing."""
    from oneclick.core.clips import ClipStage
    from oneclick.io.catalog import Catalog
    from oneclick.stages import publish as stage

    settings = output.settings(home)
    with Catalog.open(settings.home) as catalog:
        accepted = [row.clip.id for row in catalog.clips(stage=ClipStage.ACCEPTED)]
    with output.progress_bars():
        outcome = stage.publish(settings.home, accepted, settings.train.server, settings.classes)
    if outcome.version is None:
        output.say("nothing to publish: no clip is accepted yet (oneclick review list)")
        return
    state = "new" if outcome.new else "nothing changed"
    output.say(
        f"{outcome.version} ({state}): {outcome.clips} clips, {outcome.images} images, "
        f"{outcome.uploaded} files uploaded"
    )
    output.finish(outcome.result, "clips published")


@app.command("list")
def list_(home: output.Home = None, json: output.Json = False) -> None:
    """Dataset versions, oldest first."""
    from oneclick import report

    rows = report.datasets(output.settings(home).home)
    if json:
        output.show_json(rows)
        return
    output.table(
        ["version", "clips", "images", "parent", "made (UTC)"],
        [[r.name, r.clips, r.images, r.parent or "", r.made_at] for r in rows],
    )


@app.command()
def verify(
    version: Annotated[str | None, typer.Argument(help="Version; default: the latest.")] = None,
    home: output.Home = None,
) -> None:
    """Compare every file of a version on the training server with its checksum."""
    from oneclick.stages import publish as stage

    settings = output.settings(home)
    with output.progress_bars():
        problems = stage.verify(settings.home, version, settings.train.server)
    for problem in problems:
        typer.echo(problem)
    if problems:
        raise typer.Exit(1)
    output.say("every file is what it was when it was published")

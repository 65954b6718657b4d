"""`oneclick data`: dataset versions, and the way from and to other tools."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from oneclick.cli import camera_names, incidents, output
from oneclick.core import assumptions
from oneclick.core.assumptions import Assumptions

app = typer.Typer(
    no_args_is_help=True,
    help="Dataset versions: publish one, list, verify, exclude clips, export, import.",
)
app.command("incidents")(incidents.incidents)
app.command("case")(incidents.case)
app.command("verify-case")(incidents.verify_case)
app.command("release")(incidents.release)

FORMATS = "coco, yolo, mot, cvat, datumaro, labelstudio, fiftyone, or a plug-in's"


class SplitName(StrEnum):
    """The two splits of a dataset."""

    train = "train"
    test = "test"


@app.command()
def publish(home: output.Home = None) -> None:
    """Freeze the accepted clips into a dataset version and upload what is missing."""
    from oneclick.catalog import Catalog
    from oneclick.core.clips import ClipStage
    from oneclick.stages import publish as stage

    settings = output.load_settings(home)
    with Catalog.open(settings.home) as catalog:
        accepted = [row.clip.id for row in catalog.clips(stage=ClipStage.ACCEPTED)]
    with output.progress_bars():
        outcome = stage.publish(settings.home, accepted, settings.train.server, settings.classes)
    if outcome.version is None and not outcome.result.failed:
        output.message("nothing to publish: no clip is accepted yet (oneclick review list)")
        return
    state = "new" if outcome.new else "nothing changed"
    output.message(
        f"{outcome.version or 'no version'} ({state}): {outcome.clips} clips, "
        f"{outcome.images} images, {outcome.uploaded} files uploaded"
    )
    output.finish_batch(outcome.result, "clips published")


@app.command("list")
def list_(home: output.Home = None, json: output.Json = False) -> None:
    """List dataset versions, oldest first."""
    from oneclick import report

    rows = report.datasets(output.load_settings(home).home)
    if json:
        output.print_json(rows)
        return
    output.print_table(
        ["version", "clips", "images", "excluded", "parent", "made (UTC)"],
        [[r.name, r.clips, r.images, r.excluded, r.parent or "", r.made_at] for r in rows],
    )


@app.command()
def verify(
    version: Annotated[str | None, typer.Argument(help="Version; default: the latest.")] = None,
    home: output.Home = None,
) -> None:
    """Compare every file of a version on the training server with its checksum."""
    from oneclick.stages import publish as stage

    settings = output.load_settings(home)
    with output.progress_bars():
        problems = stage.verify(settings.home, version, settings.train.server)
    withdrawn = stage.withdrawn_clips(settings.home, version)
    if withdrawn:
        text = f"{len(withdrawn)} clips of it are excluded, rejected or quarantined"
        output.message(f"{text}: {', '.join(withdrawn)}")
    for problem in problems:
        output.echo(problem)
    if problems:
        raise typer.Exit(1)
    output.message("every file is what it was when it was published, and every picture decodes")


@app.command()
def exclude(
    clips: Annotated[list[str], typer.Argument(help="Published clips.")],
    reason: Annotated[str, typer.Option(help="Why; it is kept with the exclusion.")],
    home: output.Home = None,
) -> None:
    """Take published clips out: of the next version, of every training and of every export."""
    from oneclick.stages import exclude as stage

    result = stage.exclude(output.load_settings(home).home, clips, reason)
    output.finish_batch(result, "clips excluded")


@app.command()
def include(
    clips: Annotated[list[str], typer.Argument(help="Excluded clips.")],
    home: output.Home = None,
) -> None:
    """Take exclusions back; the next version holds these clips again."""
    from oneclick.stages import exclude as stage

    result = stage.include(output.load_settings(home).home, clips)
    output.finish_batch(result, "clips included")


@app.command()
def export(
    out: Annotated[Path, typer.Argument(help="New folder to write to.")],
    format: Annotated[str, typer.Option(help=f"Format of the files: {FORMATS}.")],
    version: Annotated[str | None, typer.Option(help="Version; default: the latest.")] = None,
    split: Annotated[SplitName | None, typer.Option(help="Only this side; default: both.")] = None,
    images: Annotated[bool, typer.Option(help="Pictures too, as copies of their own.")] = True,
    per_clip: Annotated[
        bool, typer.Option("--per-clip", help="coco: also one small annotations file a clip.")
    ] = False,
    flat: Annotated[
        bool, typer.Option("--flat", help="yolo: the pictures of a split in one folder.")
    ] = False,
    home: output.Home = None,
) -> None:
    """Write a published version as files that other tools read."""
    from oneclick import formats
    from oneclick.stages import export as stage

    settings = output.load_settings(home)
    options = {"per_clip": per_clip, "flat": flat}
    with output.progress_bars():
        outcome = stage.export(
            settings.home,
            out,
            format,
            version=version,
            split=split.value if split else None,
            server=settings.train.server,
            images=images,
            options=[option for option, is_asked in options.items() if is_asked],
        )
    if lost := formats.get(format).lost:
        output.message(f"{format} cannot hold {lost}: they stay behind")
    for note, count in sorted(outcome.notes.items()):
        output.message(f"{count} {note}")
    if outcome.without_video:
        output.message(
            f"{outcome.without_video} clips without clip.mp4, which is gone: only labels"
        )
    if outcome.excluded:
        output.message(
            f"{outcome.excluded} clips are excluded, rejected or quarantined: they stay behind"
        )
    output.message(f"{outcome.version} in {out}: {outcome.images} images, {outcome.boxes} boxes")
    output.finish_batch(outcome.result, "clips exported")


@app.command("import")
def import_(
    path: Annotated[
        Path,
        typer.Argument(
            help="Dataset: its folder, its annotation file, or a zip of it.",
            parser=output.parse_path,
        ),
    ],
    format: Annotated[str, typer.Option(help=f"Format of the dataset: {FORMATS}.")],
    camera: Annotated[str, typer.Option(help="Camera that its clips count as.")],
    fps: Annotated[
        float | None, typer.Option(help="Frames per second; else as the dataset says, or 25.")
    ] = None,
    test: Annotated[
        bool, typer.Option("--test", help="All for testing; else what lies in test/ or val/.")
    ] = False,
    accept: Annotated[
        bool, typer.Option("--accept", help="Accept the labels unseen; else they go to review.")
    ] = False,
    auto: Annotated[
        bool, typer.Option("--auto", help="The labels are predictions that nobody drew.")
    ] = False,
    assume: Annotated[
        list[str] | None,
        typer.Option(
            help="Answer to a question of an import; may be repeated: " + assumptions.usage(),
            metavar="KEY=VALUE",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what was understood; import nothing.")
    ] = False,
    json: output.Json = False,
    home: output.Home = None,
) -> None:
    """Import a dataset of another tool as clips with labels; clips it has already are skipped.

    What was understood is printed before anything is written, and three pictures are drawn with
    their boxes. What could be read in two ways is refused with a question; --assume answers it.
    """
    from oneclick.cli import import_summary
    from oneclick.stages import import_ as stage

    settings = output.load_settings(home)
    options = stage.ImportOptions(
        camera=camera,
        fps=fps,
        test=test,
        accept=accept,
        auto=auto,
        codes=settings.cameras.codes,
        answers=Assumptions.parse(assume or []),
        dry_run=dry_run,
    )
    announce = (lambda _: None) if json else import_summary.print_summary
    with camera_names.notices(settings.home), output.progress_bars():
        outcome = stage.import_(
            settings.home, path, format, settings.classes, options, announce=announce
        )
    if json:
        output.print_json(import_summary.as_json(outcome, dry_run))
    if dry_run:
        output.message("nothing was imported: --dry-run")
        raise typer.Exit(3 if outcome.result.failed else 0)
    output.message(f"{outcome.images} images, {outcome.boxes} boxes")
    output.finish_batch(outcome.result, "clips imported")

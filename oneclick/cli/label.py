"""`oneclick label`: automatic labels, of clips or of any detections."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from oneclick.cli import output

app = typer.Typer(no_args_is_help=True, help="Automatic labels: of clips, or of detections files.")
DEFAULT_FPS = 25.0


@app.command()
def clips(
    clips: Annotated[
        list[str] | None, typer.Argument(help="Clip ids; default: all that are extracted.")
    ] = None,
    home: output.Home = None,
    labeller: Annotated[
        list[str] | None, typer.Option(help="Detector, best first; may be repeated.")
    ] = None,
) -> None:
    """Label extracted clips with several models, using past and future frames."""
    from oneclick.catalog import Catalog
    from oneclick.core.clips import ClipStage
    from oneclick.flows import models
    from oneclick.stages import autolabel

    settings = output.load_settings(home)
    with Catalog.open(settings.home) as catalog:
        ready = [row.clip.id for row in catalog.clips(stage=ClipStage.EXTRACTED)]
    with output.progress_bars():
        result = autolabel.autolabel(
            settings.home,
            clips or ready,
            models.labellers(settings, labeller or ()),
            settings.classes,
            settings.detect.device,
            looks=autolabel.LabellerLooks(
                closer=settings.detect.closer, turned=settings.detect.turned
            ),
        )
    output.finish_batch(result, "clips labelled")


@app.command()
def report(home: output.Home = None, json: output.Json = False) -> None:
    """Show what automatic labels cost to correct, by week and maker, and how good labellers are."""
    from oneclick import report as numbers

    labelling = numbers.labelling_report(output.load_settings(home).home)
    if json:
        output.print_json(labelling)
        return
    for rows in (numbers.cost_columns(labelling), numbers.skill_columns(labelling)):
        if rows:
            output.print_table(list(rows[0]), [list(row.values()) for row in rows])
    if not labelling.costs:
        output.message("no clip has been reviewed yet: oneclick review list")
    elif not labelling.skills:
        output.message(
            "what labellers are worth is learned by oneclick train, from people's reviews"
        )


@app.command()
def hindsight(
    detections: Annotated[
        list[Path],
        typer.Argument(help="MOTChallenge detections, one file a model; the best first."),
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="File to write the labels to.")],
    fps: Annotated[
        float | None, typer.Option(help="Frames a second; default: seqinfo.ini, else 25.", min=0.01)
    ] = None,
    min_score: Annotated[
        float | None,
        typer.Option(help="Score from which a box counts as seen; weaker ones fill holes."),
    ] = None,
) -> None:
    """Turn detections into dense labels with track ids, in the same text format.

    Needs no workspace. Column 7 is the confidence of the label. Of several files, one that cannot
    be read is named, and the others are labelled. The output is never a file that is read.
    """
    from dataclasses import replace

    from oneclick import hindsight
    from oneclick.core.errors import BadInput
    from oneclick.formats import mot_text
    from oneclick.storage import files

    descriptions = [file for path in detections for file in mot_text.seqinfo_files(path)]
    files.check_output(out, [*detections, *descriptions])
    sequence = mot_text.read_seqinfo(detections[0])
    rate = fps or sequence.get("frameRate", DEFAULT_FPS)
    size = int(sequence.get("seqLength", 0)) or None
    parts, failed = [], []
    for path in detections:
        try:
            parts.append(mot_text.load(path, rate, size))
        except BadInput as error:
            if len(detections) == 1:
                raise
            failed.append(str(error))
    if not parts:
        raise BadInput(f"no detections can be read: {'; '.join(failed)}")
    length = max(part.length for part in parts)
    parts = [replace(part, length=length) for part in parts]
    threshold = -float("inf") if min_score is None else min_score
    tracks = hindsight.label(parts, [threshold] * len(parts))
    mot_text.save_tracks(out, tracks)
    count = len(tracks.rows_by_track())
    is_rate_known = fps is not None or "frameRate" in sequence
    said_by = "" if is_rate_known else f" at {rate:g} a second, nothing says it: give --fps"
    output.message(f"{out}: {len(tracks)} boxes on {count} tracks in {length} frames{said_by}")
    for reason in failed:
        output.message(f"  left out: {reason}")
    if failed:
        raise typer.Exit(3)

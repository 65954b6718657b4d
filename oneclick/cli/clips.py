"""`oneclick clips`: where every clip stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from oneclick.cli import output
from oneclick.cli import watch as watching

if TYPE_CHECKING:
    from oneclick.report import ClipRow

app = typer.Typer(no_args_is_help=True, help="Clips: list, look into one, quarantine, retry.")


@app.command("list")
def list_(
    filter: Annotated[
        list[str] | None,
        typer.Argument(
            help='For example "stage:auto cam:hall why:flicker age>2h -split:test sort:age"; '
            'a filter that begins with "-" stands after "--".',
            show_default=False,
        ),
    ] = None,
    home: output.Home = None,
    stage: Annotated[
        str | None, typer.Option(help="Only this stage, for example IN_REVIEW.")
    ] = None,
    camera: Annotated[str | None, typer.Option(help="Only this camera.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 100,
    offset: Annotated[int, typer.Option(help="Skip so many.", min=0)] = 0,
    json: output.Json = False,
    watch: watching.Watch = None,
) -> None:
    """List clips, oldest first; with a filter newest first."""
    from oneclick import report

    workspace = output.load_settings(home).home
    terms = [*(filter or ()), *([f"stage:{stage}"] if stage else [])]
    terms += [f"cam:{camera}"] if camera else []

    def draw() -> None:
        if not filter:
            print_clips(report.clips(workspace, stage, camera, limit, offset), json)
            return
        page = report.search_clips(workspace, " ".join(terms), limit, offset)
        print_clips(page.rows, json)
        more = "more than " if page.more else ""
        output.message(f"{len(page.rows)} of {more}{page.total:,} clips")

    watching.repeat(draw, watch)


def print_clips(rows: list[ClipRow], json: bool) -> None:
    """Print clips as a table or as JSON."""
    if json:
        output.print_json(rows)
        return
    output.print_table(
        ["clip", "stage", "frames", "split", "chosen by", "why", "label", "error"],
        [[r.id, r.stage, r.frames, r.split, r.chosen_by, r.why, r.revision, r.error] for r in rows],
    )


@app.command()
def show(
    clip: Annotated[
        str,
        typer.Argument(
            help="Clip id (`oneclick clips list` prints them), or its title on a review platform."
        ),
    ],
    home: output.Home = None,
    json: output.Json = False,
) -> None:
    """Show all about one clip: its source, why it was chosen, its labels, use and history."""
    from oneclick import report

    settings = output.load_settings(home)
    detail = report.clip(settings.home, clip)
    use = report.clip_use(settings.home, detail.row.id)
    if json:
        output.print_json({**output.jsonable(detail), "use": use})
        return
    row = detail.row
    output.print_table(
        ["clip", "stage", "video", "frames of the video", "split", "chosen by", "error"],
        [
            [
                row.id,
                row.stage,
                detail.video,
                f"{detail.start}–{detail.stop}",
                row.split,
                row.chosen_by,
                row.error,
            ]
        ],
    )
    output.print_table(["trigger", "why"], [[h.trigger, h.why] for h in detail.hits], "hits")
    output.print_table(
        ["revision", "kind", "made by", "boxes", "by origin"],
        [[r.revision, r.kind, r.made_by, r.boxes, r.origins] for r in detail.revisions],
        "labels",
    )
    output.print_table(
        ["datasets", "models that learned from it", "models measured on it"],
        [[", ".join(names) for names in (use.datasets, use.learned, use.measured)]],
        "use",
    )
    if detail.known_as:
        output.print_table(
            ["platform", "title there"], [[*pair] for pair in detail.known_as.items()]
        )
    output.print_table(
        ["at (UTC)", "from", "to", "by", "detail"],
        [[e.at, e.old or "", e.new, e.by, e.detail] for e in detail.events],
        "history",
    )


@app.command()
def quarantine(
    clips: Annotated[list[str], typer.Argument(help="Clips that no dataset version holds yet.")],
    reason: Annotated[str, typer.Option(help="Why; it stands beside the clip.")],
    home: output.Home = None,
) -> None:
    """Take clips out of the pipeline; `oneclick clips retry` puts them back."""
    from oneclick.stages import quarantine as stage

    result = stage.quarantine(output.load_settings(home).home, clips, reason)
    output.finish_batch(result, "clips quarantined")


@app.command()
def retry(
    clips: Annotated[list[str] | None, typer.Argument(help="Quarantined clips.")] = None,
    home: output.Home = None,
    every: Annotated[bool, typer.Option("--all", help="All quarantined clips.")] = False,
) -> None:
    """Put quarantined clips back to the stage where they failed."""
    from oneclick.core.errors import UsageError
    from oneclick.stages import maintain

    if bool(clips) == every:
        raise UsageError("name the clips to retry, or give --all")
    output.finish_batch(
        maintain.retry(output.load_settings(home).home, clips or None), "clips put back"
    )

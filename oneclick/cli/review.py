"""`oneclick review`: the queue, and verdicts from the command line."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Annotated

import typer

from oneclick.cli import output, review_looks, review_serve, review_stats, review_users
from oneclick.cli.platform_commands import ReviewGroup
from oneclick.core import visible

if TYPE_CHECKING:
    from oneclick.core.review import Decision
    from oneclick.settings import Settings

app = typer.Typer(
    cls=ReviewGroup,
    no_args_is_help=True,
    help="Review: the queue, verdicts, what reviewing cost.",
)

app.command("serve")(review_serve.serve)
app.command("stats")(review_stats.stats)
app.command("looks")(review_looks.looks)
app.command("settle")(review_looks.settle)
app.add_typer(review_users.app, name="users")
app.add_typer(review_users.audit_app, name="audit")

Clips = Annotated[list[str] | None, typer.Argument(help="Clip ids; `oneclick review list`.")]
Every = Annotated[bool, typer.Option("--all", help="Every clip that waits.")]
By = Annotated[
    str | None, typer.Option(help="Who decides; default: your login.", show_default=False)
]


@app.command("list")
def list_(home: output.Home = None, json: output.Json = False) -> None:
    """List the clips that wait for a verdict."""
    from oneclick import report

    rows = report.clips(output.load_settings(home).home, stage="IN_REVIEW")
    if json:
        output.print_json(rows)
        return
    output.print_table(
        ["clip", "frames", "chosen by", "why", "label"],
        [[r.id, r.frames, r.chosen_by, r.why, r.revision] for r in rows],
    )
    if not rows:
        output.message("no clip waits for review")


@app.command()
def questions(
    clips: Clips = None,
    limit: Annotated[int, typer.Option(help="Questions to show.", min=1)] = 20,
    home: output.Home = None,
    json: output.Json = False,
) -> None:
    """List what to look at, most expected corrections first; the rest is accepted as labelled.

    Without a track it asks whether anybody is at a place where nobody is labelled.
    """
    from oneclick import report

    settings = output.load_settings(home)
    queue = report.review_questions(settings.home, clips or (), settings.review.places)
    if json:
        output.print_json(queue)
        return
    output.print_table(
        ["clip", "frames", "at s", "track", "expected", "why"],
        [
            [
                r.clip,
                f"{r.start}–{r.stop - 1}",
                r.seconds,
                "place" if r.track is None else r.track,
                round(r.expected, 1),
                r.why,
            ]
            for r in queue.rows[:limit]
        ],
    )
    for reason in queue.unreadable.values():
        output.message(reason)
    if not queue.clips:
        output.message("no clip waits for review")
        return
    output.message(
        f"{len(queue.rows)} questions about {queue.clips} clips; "
        f"{queue.asked:,} of their {queue.boxes:,} boxes are asked about"
    )


@app.command()
def accept(
    clips: Clips = None, every: Every = False, by: By = None, home: output.Home = None
) -> None:
    """Accept clips as they are labelled."""
    _decide(output.load_settings(home), clips, every, "accept", by)


@app.command()
def reject(
    clips: Clips = None,
    every: Every = False,
    reason: Annotated[str, typer.Option(help="Why; kept with the clip.")] = "",
    by: By = None,
    home: output.Home = None,
) -> None:
    """Reject clips; they are never trained on."""
    _decide(output.load_settings(home), clips, every, "reject", by, reason)


@app.command()
def reopen(
    clips: Annotated[list[str], typer.Argument(help="Clip ids; accepted or published ones.")],
    reason: Annotated[str, typer.Option(help="What is wrong; kept with the clip.")],
    by: By = None,
    home: output.Home = None,
) -> None:
    """Put decided clips back into review; the next dataset version takes the correction."""
    from oneclick.core.results import BatchResult
    from oneclick.stages import reopen as reopening
    from oneclick.storage import failure_log
    from oneclick.storage.workspace import Workspace

    settings, batch = output.load_settings(home), BatchResult()
    for clip in clips:
        with failure_log.isolate(batch.failed, Workspace(settings.home), clip, f"reopen {clip}"):
            reopening.reopen(settings.home, clip, by or getpass.getuser(), reason)
            batch.done.append(clip)
    output.finish_batch(batch, "clips reopened")


@app.command()
def setup(home: output.Home = None) -> None:
    """Create what clips need on the review platform: project, dataset, ontology, folder."""
    from oneclick.stages import review

    settings = output.load_settings(home)
    for line in review.setup(settings.home, settings.review_platform()):
        output.message(line)


@app.command()
def send(clips: Clips = None, home: output.Home = None) -> None:
    """Send labelled clips to the review platform; clips named here are sent again if lost."""
    from oneclick.stages import review

    settings = output.load_settings(home)
    if clips:
        batch = review.send(settings.home, clips, settings.review_platform(), again=True)
    else:
        batch = review.send_all(settings.home, settings.review_platform(), settings.lease_seconds)
    output.finish_batch(batch, "clips sent")


@app.command()
def collect(home: output.Home = None) -> None:
    """Collect the verdicts of the reviewers from the review platform."""
    from oneclick.stages import review

    settings = output.load_settings(home)
    batch = review.collect(settings.home, settings.review_platform())
    output.finish_batch(batch, "verdicts taken in")


@app.command()
def listen(
    at: Annotated[
        str | None,
        typer.Option(
            help="host:port; default: that of the platform's settings.", show_default=False
        ),
    ] = None,
    home: output.Home = None,
) -> None:
    """Listen for the platform's webhooks and collect verdicts as soon as a clip is finished.

    Without it verdicts are collected every quarter of an hour.
    """
    from oneclick.core.errors import UsageError
    from oneclick.platforms import registry
    from oneclick.web import webhook as web

    settings = output.load_settings(home)
    platform = settings.review.platform
    webhook = registry.open_webhook(settings.review_platform())
    if webhook is None:
        raise UsageError(
            f"webhooks need a review platform that sends them; review.platform is {platform!r}"
        )
    address = at or webhook.address
    if not address:
        raise UsageError(
            f"webhooks need an address: give --at host:port, or set it in section review.{platform}"
        )
    check = webhook.open_check()
    job = web.DebouncedJob(lambda: collect_finished(settings))
    job.request()  # verdicts that came in before anything listened
    web.serve(
        web.create_app(webhook.path, check, job),
        address,
        lambda bound: output.message(f"webhooks    http://{bound}{webhook.path}"),
    )


def collect_finished(settings: Settings) -> None:
    """Collect verdicts after a webhook; print any error, so that the listener goes on."""
    from oneclick.core.errors import reason
    from oneclick.stages import review

    try:
        batch = review.collect(settings.home, settings.review_platform(), thorough=False)
        if batch.done or batch.failed:
            output.print_batch(batch, "verdicts taken in")
    except Exception as error:
        output.message(reason(error, "take in verdicts"))


@app.command()
def erase(
    clips: Annotated[list[str], typer.Argument(help="Clip ids.")],
    everywhere: Annotated[
        bool,
        typer.Option(
            "--everywhere",
            help="Video, pictures and labels here and on the training server too.",
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
    by: By = None,
    home: output.Home = None,
) -> None:
    """Delete what the review platform holds of clips, and keep a receipt of each."""
    from oneclick.stages import erase as erasing

    settings = output.load_settings(home)
    platform = settings.review.platform
    if not yes:
        which = clips[0] if len(clips) == 1 else f"{len(clips)} clips"
        where = "everywhere" if everywhere else f"on {platform}"
        typer.confirm(f"delete video and labels of {which} {where}?", abort=True)
    batch = erasing.erase(
        settings.home,
        clips,
        settings.review_platform(),
        visible.line(by or getpass.getuser()),
        everywhere=everywhere,
        server=settings.train.server,
    )
    output.finish_batch(batch, f"clips erased {'everywhere' if everywhere else f'on {platform}'}")


def _decide(
    settings: Settings,
    clips: list[str] | None,
    every: bool,
    decision: Decision,
    by: str | None,
    reason: str = "",
) -> None:
    """Record the same verdict on the named clips, or on every clip in review."""
    from oneclick.catalog import Catalog
    from oneclick.core.clips import ClipStage
    from oneclick.core.errors import UsageError
    from oneclick.stages import review

    if bool(clips) == every:
        raise UsageError(f"name the clips to {decision}, or give --all")
    if not clips:
        with Catalog.open(settings.home) as catalog:
            clips = [row.clip.id for row in catalog.clips(stage=ClipStage.IN_REVIEW)]
    platform = settings.review.platform
    if platform != "local" and not {*clips} & {*review.pending_clips(settings.home)}:
        raise UsageError(f"clips are reviewed on {platform}: decide there")
    verdicts = review.give_verdict(settings.home, clips, decision, by or getpass.getuser(), reason)
    batch = review.collect(settings.home)
    batch.failed |= verdicts.failed
    output.finish_batch(batch, f"clips {decision}ed")

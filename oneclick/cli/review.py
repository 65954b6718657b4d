"""`oneclick review`: the queue, and verdicts from the command line."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oneclick.cli import output
from oneclick.cli import watch as watching

if TYPE_CHECKING:
    from oneclick.core.review import Decision
    from oneclick.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Review: the queue, verdicts, what reviewing cost.")

Clips = Annotated[list[str] | None, typer.Argument(help="Clip ids; `oneclick review list`.")]
Every = Annotated[bool, typer.Option("--all", help="Every clip that waits.")]
By = Annotated[
    str | None, typer.Option(help="Who decides; default: your login.", show_default=False)
]


@app.command("list")
def list_(home: output.Home = None, json: output.Json = False) -> None:
    """Clips that wait for a verdict."""
    from oneclick import report

    rows = report.clips(output.settings(home).home, stage="IN_REVIEW")
    if json:
        output.show_json(rows)
        return
    output.table(
        ["clip", "frames", "chosen by", "why", "label"],
        [[r.id, r.frames, r.chosen_by, r.why, r.revision] for r in rows],
    )
    if not rows:
        output.say("no clip waits for review")


@app.command()
def questions(
    clips: Clips = None,
    limit: Annotated[int, typer.Option(help="Questions to show.", min=1)] = 20,
    home: output.Home = None,
    json: output.Json = False,
) -> None:
    """What to look at, by the corrections expected; all else is accepted as it stands."""
    from oneclick import report

    found = report.questions(output.settings(home).home, clips or ())
    if json:
        output.show_json(found)
        return
    output.table(
        ["clip", "frames", "at s", "track", "expected", "why"],
        [
            [r.clip, f"{r.start}–{r.stop - 1}", r.seconds, r.track, round(r.expected, 1), r.why]
            for r in found.rows[:limit]
        ],
    )
    for reason in found.unreadable.values():
        output.say(reason)
    if not found.clips:
        output.say("no clip waits for review")
        return
    output.say(
        f"{len(found.rows)} questions about {found.clips} clips; "
        f"{found.asked:,} of their {found.boxes:,} boxes are asked about"
    )


@app.command()
def accept(
    clips: Clips = None, every: Every = False, by: By = None, home: output.Home = None
) -> None:
    """Accept clips as they are labelled."""
    _decide(output.settings(home), clips, every, "accept", by)


@app.command()
def reject(
    clips: Clips = None,
    every: Every = False,
    reason: Annotated[str, typer.Option(help="Why; kept with the clip.")] = "",
    by: By = None,
    home: output.Home = None,
) -> None:
    """Reject clips; they are never trained on."""
    _decide(output.settings(home), clips, every, "reject", by, reason)


@app.command()
def setup(home: output.Home = None) -> None:
    """Make on the review platform what clips need there: project, dataset, ontology, folder."""
    from oneclick.stages import review

    settings = output.settings(home)
    for line in review.setup(settings.home, settings.reviewers()):
        output.say(line)


@app.command()
def send(clips: Clips = None, home: output.Home = None) -> None:
    """Send labelled clips to the review platform; those named are sent again if they were lost."""
    from oneclick.stages import review

    conf = output.settings(home)
    if clips:
        sent = review.send(conf.home, clips, conf.reviewers(), again=True)
    else:
        sent = review.send_all(conf.home, conf.reviewers(), conf.lease_seconds)
    output.finish(sent, "clips sent")


@app.command()
def collect(home: output.Home = None) -> None:
    """Take in the verdicts that reviewers gave."""
    from oneclick.stages import review

    settings = output.settings(home)
    output.finish(review.collect(settings.home, settings.reviewers()), "verdicts taken in")


@app.command()
def listen(
    at: Annotated[
        str | None,
        typer.Option(help="host:port; default: review.encord.listen.", show_default=False),
    ] = None,
    home: output.Home = None,
) -> None:
    """Wait for Encord's webhooks, and collect when they tell that a clip is finished.

    Without it verdicts come in every quarter of an hour.
    """
    from oneclick.core.errors import UsageError
    from oneclick.platforms.encord import webhook
    from oneclick.web import app as web

    conf = output.settings(home)
    where = at or conf.review.encord.listen
    if conf.review.platform != "encord" or not where:
        raise UsageError(
            'webhooks need review.platform = "encord", and review.encord.listen or --at host:port'
        )
    secret = webhook.secret(conf.review.encord)
    errand = web.Errand(lambda: _collect_hinted(conf))
    errand.ask()  # whatever was told while nobody listened
    web.serve(
        web.create(secret, errand),
        where,
        lambda there: output.say(f"webhooks    http://{there}{web.ENCORD}"),
    )


def _collect_hinted(conf: Settings) -> None:
    """Whatever happens, the next hint is heard."""
    from oneclick.core.errors import reason
    from oneclick.stages import review

    try:
        taken = review.collect(conf.home, conf.reviewers(), thorough=False)
        if taken.done or taken.failed:
            output.tell(taken, "verdicts taken in")
    except Exception as error:
        output.say(reason(error, "take in verdicts"))


@app.command()
def erase(
    clips: Annotated[list[str], typer.Argument(help="Clip ids.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
    by: By = None,
    home: output.Home = None,
) -> None:
    """Delete what the review platform holds of clips, and keep a receipt of each."""
    from oneclick.stages import review

    settings = output.settings(home)
    where = settings.review.platform
    if not yes:
        which = clips[0] if len(clips) == 1 else f"{len(clips)} clips"
        typer.confirm(f"delete video and labels of {which} on {where}?", abort=True)
    done = review.erase(settings.home, clips, settings.reviewers(), by or getpass.getuser())
    output.finish(done, f"clips erased on {where}")


@app.command()
def stats(
    home: output.Home = None, json: output.Json = False, watch: watching.Watch = None
) -> None:
    """What reviewing cost, and annotators against the goal of the day."""
    conf = output.settings(home)
    watching.watched(lambda: _stats(conf, json), watch)


def _stats(conf: Settings, json: bool) -> None:
    from oneclick import report
    from oneclick.report import snapshot_reader

    found = report.effort(conf.home)
    day = snapshot_reader.read(conf.home, goals=output.goals(conf)).reviewing
    if json:
        output.show_json({**output.plain(found), "day": day})
        return
    output.table(
        ["annotator", "images today", "this hour"],
        [[one.name, one.today, one.hours[-1]] for one in day.people],
        f"today      {day.today:,} of {day.goal[0]:,} to {day.goal[1]:,} images",
    )
    output.table(
        ["reviewed clips", "images", "edits", "edits per 100 boxes", "s per image", "unseen"],
        [
            [
                found.clips,
                found.images,
                found.edits,
                found.edits_per_100_boxes,
                found.seconds_per_image,
                found.by_policy,
            ]
        ],
    )


def _decide(
    conf: Settings,
    clips: list[str] | None,
    every: bool,
    decision: Decision,
    by: str | None,
    reason: str = "",
) -> None:
    from oneclick.core.clips import ClipStage
    from oneclick.core.errors import UsageError
    from oneclick.stages import review

    if bool(clips) == every:
        raise UsageError(f"name the clips to {decision}, or give --all")
    chosen = clips or _standing(conf.home, ClipStage.IN_REVIEW)
    where = conf.review.platform
    if where != "local" and not {*chosen} & {*review.queue(conf.home)}:
        raise UsageError(f"clips are reviewed on {where}: decide there")
    given = review.give(conf.home, chosen, decision, by or getpass.getuser(), reason)
    taken = review.collect(conf.home)
    taken.failed |= given.failed
    output.finish(taken, f"clips {decision}ed")


def _standing(home: Path, stage: object) -> list[str]:
    from oneclick.catalog import Catalog
    from oneclick.core.clips import ClipStage

    with Catalog.open(home) as catalog:
        return [row.clip.id for row in catalog.clips(stage=ClipStage(str(stage)))]

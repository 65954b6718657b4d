"""`oneclick triggers try` and `set`: what a trigger would find with other parameters."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from oneclick.cli import output, time_arguments, timeline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oneclick.report import HitRow, TriggerReplay

EXAMPLES = 5


def try_(
    trigger: Annotated[str, typer.Argument(help="Trigger; `oneclick triggers list`.")],
    changes: Annotated[
        list[str],
        typer.Option("--set", help="Parameter to try, for example hole=0.8; may be repeated."),
    ],
    home: output.Home = None,
    since: timeline.Since = None,
    until: timeline.Until = None,
    camera: timeline.Camera = None,
    json: output.Json = False,
) -> None:
    """Replay a trigger over stored predictions with other parameters; nothing is changed."""
    from oneclick import report
    from oneclick.flows import models
    from oneclick.report import axis

    settings = output.load_settings(home)
    start, stop = time_arguments.time_window(since, until, datetime.now(UTC))
    with output.progress_bars():
        replay = report.replay_trigger(
            settings.home,
            trigger,
            parse_numbers(changes),
            models.predictor(settings),
            models.rival(settings),
            settings.triggers.params.get(trigger),
            start,
            stop,
            camera,
        )
    if json:
        output.print_json(replay)
    else:
        print_comparison(replay)
    length = axis.duration(replay.seconds)
    output.message(f"videos replayed: {replay.videos}, {length}; nothing was changed")
    if replay.waiting:
        output.message(
            f"videos without predictions left out: {replay.waiting}; oneclick run makes them"
        )
    for reason in replay.failed.values():
        output.message(f"  {reason}")
    if replay.failed:
        raise typer.Exit(3)


def set_(
    trigger: Annotated[str, typer.Argument(help="Trigger; `oneclick triggers list`.")],
    changes: Annotated[
        list[str],
        typer.Option("--set", help="Parameter to keep, for example hole=0.8; may be repeated."),
    ],
    home: output.Home = None,
) -> None:
    """Write parameters of a trigger into oneclick.toml; the next `run` uses them."""
    from oneclick import settings

    file = settings.keep_params(trigger, parse_numbers(changes))
    output.message(f"{file}: triggers.params.{trigger} {' '.join(changes)}")


def parse_numbers(changes: Sequence[str]) -> dict[str, float]:
    """Parse `name=number` texts into parameters by name.

    Raises:
        UsageError: in one line that quotes the text, if it is none.
    """
    from oneclick.core.errors import UsageError

    parameters = {}
    for text in changes:
        name, _, number = text.partition("=")
        try:
            parameters[name.strip()] = float(number)
        except ValueError:
            raise UsageError(f"--set {text!r}: expected NAME=NUMBER, such as hole=0.8") from None
    return parameters


def print_comparison(replay: TriggerReplay) -> None:
    """Print hits before and after the change, and examples of new and lost hits."""
    hours = replay.seconds / 3600
    parameters = [
        " ".join(f"{name}={value:g}" for name, value in values.items())
        for values in (replay.set, replay.tried)
    ]
    counts = (replay.before, replay.after)
    output.print_table(
        [replay.trigger, "parameters", "hits", "per hour"],
        [
            [name, text, hits, hits / hours if hours else None]
            for name, text, hits in zip(("as set", "as tried"), parameters, counts, strict=True)
        ],
    )
    output.echo(f"{len(replay.new):,} new, {len(replay.gone):,} gone")
    rows = [*_examples("new", replay.new), *_examples("gone", replay.gone)]
    if rows:
        output.print_table(["", "time (UTC)", "camera", "video", "frame", "score", "why"], rows)
    if max(len(replay.new), len(replay.gone)) > EXAMPLES:
        output.message(f"{EXAMPLES} examples of each; --json has all")


def _examples(label: str, hits: Sequence[HitRow]) -> list[list[object]]:
    """Return table rows of a few hits, spread evenly over time."""
    count = min(EXAMPLES, len(hits))
    sample = [hits[k * len(hits) // count] for k in range(count)]
    return [
        [label, timeline.format_time(m.at), m.camera, m.video, m.start, m.score, m.why]
        for m in sample
    ]

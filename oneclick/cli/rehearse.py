"""`oneclick triggers try`: what a trigger would find with other parameters."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from oneclick.cli import output, timeline, when

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oneclick.report import Moment, Rehearsal

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
    """Replay a trigger over stored predictions with other parameters; changes nothing."""
    from flows import models
    from oneclick import report

    settings = output.settings(home)
    low, high = when.window(since, until, datetime.now(UTC))
    with output.progress_bars():
        found = report.rehearse(
            settings.home,
            trigger,
            _values(changes),
            models.predictor(settings),
            models.rival(settings),
            settings.triggers.params.get(trigger),
            low,
            high,
            camera,
        )
    if json:
        output.show_json(found)
    else:
        _show(found)
    _left_out(found)


def set_(
    trigger: Annotated[str, typer.Argument(help="Trigger; `oneclick triggers list`.")],
    changes: Annotated[
        list[str],
        typer.Option("--set", help="Parameter to keep, for example hole=0.8; may be repeated."),
    ],
    home: output.Home = None,
) -> None:
    """Write parameters of a trigger into oneclick.toml; the next `run` looks again with them."""
    from oneclick import settings

    written = settings.keep_params(trigger, _values(changes))
    output.say(f"{written}: triggers.params.{trigger} {' '.join(changes)}")


def _values(changes: Sequence[str]) -> dict[str, float]:
    """`name=number` texts as parameters."""
    from oneclick.core.errors import UsageError

    values = {}
    for text in changes:
        name, _, number = text.partition("=")
        try:
            values[name.strip()] = float(number)
        except ValueError:
            raise UsageError(f"--set {text!r}: expected NAME=NUMBER, such as hole=0.8") from None
    return values


def _show(found: Rehearsal) -> None:
    hours = found.seconds / 3600
    rate = [n / hours if hours else None for n in (found.before, found.after)]
    names = ("as set", "as tried")
    counts = zip(names, (found.set, found.tried), (found.before, found.after), rate, strict=True)
    output.table(
        [found.trigger, "parameters", "hits", "per hour"],
        [[name, _text(values), hits, per_hour] for name, values, hits, per_hour in counts],
    )
    typer.echo(f"{len(found.new):,} new, {len(found.gone):,} gone")
    rows = [*_examples("new", found.new), *_examples("gone", found.gone)]
    if rows:
        output.table(["", "time (UTC)", "camera", "video", "frame", "score", "why"], rows)
    if max(len(found.new), len(found.gone)) > EXAMPLES:
        output.say(f"{EXAMPLES} examples of each; --json has all")


def _examples(what: str, found: Sequence[Moment]) -> list[list[object]]:
    """A few, spread evenly over time."""
    count = min(EXAMPLES, len(found))
    picked = [found[k * len(found) // count] for k in range(count)]
    return [
        [what, timeline.clock(m.at), m.camera, m.video, m.start, m.score, m.why] for m in picked
    ]


def _text(values: dict[str, float]) -> str:
    return " ".join(f"{name}={value:g}" for name, value in values.items())


def _left_out(found: Rehearsal) -> None:
    """Say what was replayed and what not; exit 3 if a file is broken."""
    from oneclick.report import axis

    length = axis.length(found.seconds)
    output.say(f"videos replayed: {found.videos}, {length}; nothing was changed")
    if found.waiting:
        output.say(f"videos without predictions left out: {found.waiting}; oneclick run makes them")
    for reason in found.failed.values():
        output.say(f"  {reason}")
    if found.failed:
        raise typer.Exit(3)

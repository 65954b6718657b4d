"""`oneclick flows`: what Prefect runs, and starting and ending it by hand."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oneclick.cli import output
from oneclick.cli import watch as watching

if TYPE_CHECKING:
    from oneclick.report.snapshot import RunNow
    from oneclick.services.prefect_api import Orchestrator

app = typer.Typer(no_args_is_help=True, help="Flows: runs, deployments, start, cancel, logs.")
Run = Annotated[str, typer.Argument(help="Run id; `oneclick flows list` prints them.")]
GRACE = 3.0
"""Seconds after its end in which a run's last lines arrive: Prefect sends them every 2 s."""
LEVELS = {30: "warning", 40: "error", 50: "critical"}


@app.command("list")
def list_(
    home: output.Home = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 20,
    json: output.Json = False,
    watch: watching.Watch = None,
) -> None:
    """Flow runs, newest first; works without a server too."""
    where = output.settings(home).home
    watching.watched(lambda: _list(where, limit, json), watch)


def _list(home: Path, limit: int, json: bool) -> None:
    from oneclick.report import formatting

    found = _runs(home, limit)
    if json:
        output.show_json(found)
        return
    now = datetime.now(UTC)
    output.table(
        ["run", "flow", "state", "began", "done", "detail"],
        [
            [
                run.id,
                run.flow,
                run.state,
                f"{formatting.age(run.started, now)} ago" if run.started else "",
                "" if run.progress is None else f"{run.progress:.0%}",
                run.detail,
            ]
            for run in found
        ],
    )
    if not found:
        output.say("no run yet: oneclick run VIDEO, or oneclick up for the schedules")


@app.command()
def deployments(json: output.Json = False) -> None:
    """What can be started, and when each starts by itself."""
    found = _server().deployments()
    if json:
        output.show_json(found)
        return
    output.table(
        ["deployment", "schedule (UTC)", "next (UTC)", "parameters", "what it does"],
        [
            [
                one.label,
                "paused" if one.paused else ", ".join(one.schedules) or "by hand",
                one.next,
                ", ".join(sorted(one.schema.get("properties", {}))),
                one.description,
            ]
            for one in found
        ],
    )


@app.command()
def run(
    deployment: Annotated[str, typer.Argument(help="`oneclick flows deployments` prints them.")],
    home: output.Home = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="A parameter, name=value; value as JSON or plain text."),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Stay until it has ended.")] = False,
) -> None:
    """Start a deployment; prints the id of the run."""
    server = _server()
    started = server.start(deployment, dict(_parameter(text) for text in set_ or []))
    typer.echo(started)
    if wait:
        _wait(server, started)


@app.command()
def cancel(run: Run, home: output.Home = None) -> None:
    """Ask a run to end; its worker ends it."""
    output.say(f"{run}: {_server().cancel(run).lower()}")


@app.command()
def logs(
    run: Run,
    home: output.Home = None,
    follow: Annotated[bool, typer.Option("--follow", help="Stay until the run has ended.")] = False,
) -> None:
    """What a run said."""
    server, last = _server(), None
    over = server.run(run).over
    while True:
        for line in server.logs(run, last):
            level = f"{LEVELS[line.level]}: " if line.level in LEVELS else ""
            typer.echo(f"{line.at:%Y-%m-%d %H:%M:%S}  {level}{line.text}")
            last = line.at
        if over or not follow:
            return
        time.sleep(1.0)
        over = server.run(run).over
        time.sleep(GRACE if over else 0.0)


def _runs(home: Path, limit: int) -> list[RunNow]:
    """Also where the server is away: what the catalog knows then, and a line that says so."""
    from oneclick.core.errors import Unavailable
    from oneclick.report import flows
    from oneclick.services import prefect_api

    try:
        return flows.runs(home, prefect_api.connect(), limit)
    except Unavailable as error:
        found = flows.runs(home, None, limit)  # the same error again if it was the catalog's
        output.say(f"oneclick: {error}")
        return found


def _server() -> Orchestrator:
    from oneclick.core.errors import Unavailable
    from oneclick.services import prefect_api

    found = prefect_api.connect()
    if found is None:
        raise Unavailable(
            "no Prefect server is set: oneclick up starts one and says its address, "
            "then set PREFECT_API_URL"
        )
    return found


def _parameter(text: str) -> tuple[str, Any]:
    import msgspec

    from oneclick.core.errors import UsageError

    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UsageError(f"--set {text!r}: expected name=value")
    try:
        return name, msgspec.json.decode(value)
    except msgspec.DecodeError:
        return name, value


def _wait(server: Orchestrator, run: str) -> None:
    while True:
        found = server.run(run)
        if found.over:
            output.say(f"{found.flow} {found.state.lower()}: {found.message}".rstrip(": "))
            raise typer.Exit(0 if found.state == "Completed" else 1)
        time.sleep(1.0)

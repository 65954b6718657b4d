"""`oneclick flows`: what Prefect runs, and starting and ending it by hand."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oneclick.cli import output
from oneclick.cli import watch as watching

if TYPE_CHECKING:
    from oneclick.report.snapshot import FlowRunRow
    from oneclick.services.prefect_api import PrefectServer
    from oneclick.settings import Settings

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
    """List flow runs, newest first; works without a server too."""
    workspace = output.load_settings(home).home
    watching.repeat(lambda: print_runs(load_runs(workspace, limit), json), watch)


def load_runs(home: Path, limit: int) -> list[FlowRunRow]:
    """Load the newest runs of the server, or of the catalog where the server does not answer.

    Why the server does not answer is printed on stderr.
    """
    from oneclick.core.errors import Unavailable
    from oneclick.report import flows
    from oneclick.services import prefect_api

    try:
        return flows.runs(home, prefect_api.connect(home), limit)
    except Unavailable as error:
        runs = flows.runs(home, None, limit)  # raises the same again if the catalog is unavailable
        output.message(f"oneclick: {error}")
        return runs


def print_runs(runs: list[FlowRunRow], json: bool) -> None:
    """Print flow runs as a table or as JSON."""
    from oneclick.report import formatting

    if json:
        output.print_json(runs)
        return
    current_time = datetime.now(UTC)
    output.print_table(
        ["run", "flow", "state", "began", "done", "detail"],
        [
            [
                run.id,
                run.flow,
                run.state,
                f"{formatting.age(run.started, current_time)} ago" if run.started else "",
                "" if run.progress is None else f"{run.progress:.0%}",
                run.detail,
            ]
            for run in runs
        ],
    )
    if not runs:
        output.message("no run yet: oneclick run VIDEO, or oneclick up for the schedules")


@app.command()
def deployments(home: output.Home = None, json: output.Json = False) -> None:
    """List what can be started, and when each deployment starts by itself."""
    rows = _server(home).deployments()
    if json:
        output.print_json(rows)
        return
    output.print_table(
        ["deployment", "schedule (UTC)", "next (UTC)", "parameters", "what it does"],
        [
            [
                deployment.label,
                "paused" if deployment.paused else ", ".join(deployment.schedules) or "by hand",
                deployment.next,
                ", ".join(sorted(deployment.schema.get("properties", {}))),
                deployment.description,
            ]
            for deployment in rows
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
    """Start a deployment and print the id of its run.

    With --wait, exit with 0 if the run completes and with 1 otherwise.
    """
    server = _server(home)
    run_id = server.start(deployment, parse_parameters(set_ or [], output.load_settings(home)))
    output.echo(run_id)
    if not wait:
        return
    while not (status := server.run(run_id)).over:
        time.sleep(1.0)
    output.message(f"{status.flow} {status.state.lower()}: {status.message}".rstrip(": "))
    raise typer.Exit(0 if status.state == "Completed" else 1)


def parse_parameters(texts: Sequence[str], settings: Settings) -> dict[str, Any]:
    """Parse the parameters of a run; sources that look like a person's name become codes.

    Prefect keeps the parameters. Raises as `parse_parameter`.
    """
    from oneclick.storage import cameras
    from oneclick.storage.workspace import Workspace

    parameters = dict(parse_parameter(text) for text in texts)
    sources = parameters.get("sources")
    if isinstance(sources, list) and all(isinstance(source, str) for source in sources):
        workspace = Workspace(Path(parameters.get("home") or settings.home))
        parameters["sources"] = cameras.hide_sources(workspace, sources, settings.cameras.codes)
    return parameters


def parse_parameter(text: str) -> tuple[str, Any]:
    """Parse `name=value`; the value is JSON, or plain text where it is no JSON.

    Raises:
        UsageError: if the name or the equals sign is missing.
    """
    from oneclick.core.errors import UsageError
    from oneclick.storage import bounded_documents

    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UsageError(f"--set {text!r}: expected name=value")
    try:
        return name, bounded_documents.parse_json(value)
    except bounded_documents.BrokenJson:
        return name, value


@app.command()
def cancel(run: Run, home: output.Home = None) -> None:
    """Request the cancellation of a run; its worker carries it out."""
    output.message(f"{run}: {_server(home).cancel(run).lower()}")


@app.command()
def logs(
    run: Run,
    home: output.Home = None,
    follow: Annotated[bool, typer.Option("--follow", help="Stay until the run has ended.")] = False,
) -> None:
    """Print the log of a run."""
    server, last = _server(home), None
    over = server.run(run).over
    while True:
        for line in server.logs(run, last):
            level = f"{LEVELS[line.level]}: " if line.level in LEVELS else ""
            output.echo_block(f"{line.at:%Y-%m-%d %H:%M:%S}  {level}{line.text}")
            last = line.at
        if over or not follow:
            return
        time.sleep(1.0)
        over = server.run(run).over
        time.sleep(GRACE if over else 0.0)


@app.command()
def env(home: output.Home = None) -> None:
    """Print how a shell reaches the server of `oneclick up`: eval "$(oneclick flows env)".

    Prefect's own command line then works in that shell. The key itself is not printed: it stays in
    a file that its owner alone may read.
    """
    import shlex

    from oneclick.core.errors import Unavailable, UsageError
    from oneclick.services import prefect_access, prefect_settings

    workspace = output.load_settings(home).home.resolve()
    path = prefect_access.profiles_file(workspace)
    if prefect_settings.api_url() and not prefect_access.is_workspace_profile(os.environ):
        raise UsageError("PREFECT_API_URL names a server already: unset it to use a workspace's")
    if prefect_access.find_running(workspace) is None:
        raise Unavailable(f"no oneclick up runs here for {workspace}: start it in another terminal")
    output.echo(f"export PREFECT_PROFILES_PATH={shlex.quote(str(path))}")
    output.echo(f"export PREFECT_PROFILE={prefect_access.PROFILE}")


def _server(home: Path | None) -> PrefectServer:
    """Connect to the Prefect server that is set, or to that of `oneclick up`.

    Raises:
        Unavailable: there is neither.
    """
    from oneclick.core.errors import Unavailable
    from oneclick.services import prefect_api

    server = prefect_api.connect(output.load_settings(home).home)
    if server is None:
        raise Unavailable(
            "no Prefect server runs for this workspace: start one with oneclick up, "
            "or set PREFECT_API_URL"
        )
    return server

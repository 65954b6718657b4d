"""`oneclick`: every command in one place; each imports its work when it runs."""

from __future__ import annotations

import os
import signal
import sys
from typing import Annotated, Any

import typer

from oneclick import __version__
from oneclick.cli import (
    backup,
    camera_names,
    catalog,
    clips,
    data,
    edge,
    flows,
    insight,
    label,
    live,
    models,
    output,
    pipeline,
    review,
    status,
    triggers,
    tui,
    up,
    video,
)
from oneclick.core import visible

WRONG_USAGE: Any = next(
    base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException"
)
"""What Typer raises for arguments that it cannot parse; it has no name of its own in Typer."""

app = typer.Typer(
    name="oneclick",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="A data engine for video in healthcare: it finds the moments where a model is wrong, "
    "labels them with hindsight, lets a human correct the few boxes that matter, and trains.",
    epilog=output.EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("run")(pipeline.run)
app.command("demo")(pipeline.demo)
app.command("up")(up.up)
app.command("live")(live.live)
app.command("tui")(tui.tui)
app.command("backup")(backup.backup)
app.command("restore")(backup.restore)
app.command("status")(status.status)
app.command("insight")(insight.insight)
app.command("doctor")(status.doctor)
app.add_typer(video.app, name="video")
app.add_typer(camera_names.app, name="cameras")
app.add_typer(clips.app, name="clips")
app.add_typer(catalog.app, name="catalog")
app.add_typer(triggers.app, name="triggers")
app.add_typer(label.app, name="label")
app.add_typer(review.app, name="review")
app.add_typer(data.app, name="data")
app.add_typer(edge.app, name="edge")
app.add_typer(flows.app, name="flows")
app.command("train")(models.train)
app.add_typer(models.app, name="models")


def print_version(requested: bool) -> None:
    """Print the version and exit if `--version` was passed."""
    if requested:
        output.echo(f"oneclick {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
    debug: Annotated[
        bool,
        typer.Option("--debug", envvar=output.DEBUG, help="Show tracebacks of errors, too."),
    ] = False,
) -> None:
    """Accept the options that come before a command."""
    if debug:
        os.environ[output.DEBUG] = "1"


def run() -> None:
    """Run the command line: our own errors as one line on stderr, exit codes as documented."""
    from oneclick.core.errors import OneclickError

    # OpenMP's waiting threads spin 300,000 times: on a busy machine that makes training several
    # times slower; no spinning at all makes it half as slow again on an idle one.
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    # Prefect's temporary server outlives a process that dies of SIGTERM without unwinding.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    output.escape_logs()
    try:
        sys.exit(app(standalone_mode=False))  # the exit code of typer.Exit, else None
    except WRONG_USAGE as error:
        error.message = visible.line(error.message)  # it quotes the arguments
        error.show()
        sys.exit(error.exit_code)
    except typer.Abort:
        output.message("oneclick: aborted")
        sys.exit(1)
    except OneclickError as error:
        output.message(f"oneclick: {error}")
        output.debug_traceback(error)
        sys.exit(error.exit_code)
    except SystemExit as end:
        # Typer turns Ctrl-C into this exit code and prints nothing.
        if end.code == 130:
            output.message("oneclick: interrupted; run the same command again to go on")
        raise
    except Exception as error:
        output.message(f"oneclick: {_unforeseen(error)}")
        output.debug_traceback(error)
        sys.exit(1)


def _unforeseen(error: Exception) -> str:
    """Keep the traceback of an error that nobody foresaw; return the line for the user."""
    from oneclick.core.errors import OneclickError
    from oneclick.storage import failure_log
    from oneclick.storage.workspace import Workspace

    try:
        home = output.load_settings(None).home
    except OneclickError:
        home = None
    if home is None or not home.is_dir():
        return f"internal error: {type(error).__name__}: {error}; --debug shows the traceback"
    return failure_log.record(Workspace(home), "oneclick", "finish this command", error)

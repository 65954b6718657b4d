"""What all commands share: data on stdout, messages on stderr, exit codes from errors."""

from __future__ import annotations

import json
import logging
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from oneclick.core import visible

if TYPE_CHECKING:
    from oneclick.core.results import BatchResult
    from oneclick.report.snapshot import Goals
    from oneclick.settings import Settings

DEBUG = "ONECLICK_DEBUG"
"""Environment variable that stands for `--debug`, in this process and its children."""
EXIT_CODES = """\
Exit codes: 0 done · 1 failed · 2 wrong usage or settings · 3 done, but some inputs were skipped ·
4 something outside is missing (disk space, a download, a server) · 130 interrupted"""


def parse_path(text: str) -> Path:
    """Parse a path; an empty one would mean the current folder.

    Raises:
        typer.BadParameter: it is empty.
    """
    if not text.strip():
        raise typer.BadParameter("is empty: name a file or folder (. is the current one)")
    return Path(text)


Home = Annotated[
    Path | None,
    typer.Option(
        "--home",
        help="Workspace folder.",
        envvar="ONECLICK_HOME",
        show_default=False,
        parser=parse_path,
        metavar="PATH",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def load_settings(home: Path | None, **overrides: object) -> Settings:
    """Load the settings, with `--home` and the overrides of this command on top."""
    from oneclick.settings import load

    return load(home=home, **overrides)


def goals(settings: Settings) -> Goals:
    """Return the team's targets (images a day, share of video kept) for the report."""
    from oneclick.report.snapshot import Goals

    return Goals(settings.review.goal, settings.triggers.budget)


def as_utc(moment: datetime | None) -> datetime | None:
    """Return the time with UTC as its zone if it was typed without one."""
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment


def debug_traceback(error: BaseException) -> None:
    """Print the traceback of an error on stderr if `--debug` was given."""
    if os.environ.get(DEBUG):
        message_block("".join(traceback.format_exception(error)).rstrip())


def debug_log(reason: str) -> None:
    """Print the newest traceback of a failed item on stderr if `--debug` was given."""
    path = Path(reason.rpartition("; traceback in ")[2])
    if os.environ.get(DEBUG) and reason.endswith(f"; traceback in {path}") and path.is_file():
        message_block(path.read_text("utf-8", "replace").rpartition("\n== ")[2].rstrip())


def message(text: str) -> None:
    """Print one line on stderr; hidden characters, line breaks too, are shown as escapes.

    Where stderr is on a full disk, or its reader is gone, the line is lost and the work goes on.
    """
    with suppress(OSError):
        typer.echo(visible.line(text), err=True)


def message_block(text: str) -> None:
    """Print a text of several lines on stderr; hidden characters are shown as escapes."""
    typer.echo(visible.block(text), err=True)


def echo(line: str) -> None:
    """Print one line on stdout; hidden characters, line breaks too, are shown as escapes."""
    typer.echo(visible.line(line))


def echo_block(text: str) -> None:
    """Print a text of several lines on stdout; hidden characters are shown as escapes."""
    typer.echo(visible.block(text))


class VisibleFormatter(logging.Formatter):
    """Formats records of logs with hidden characters shown as escapes."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the message, with a traceback where there is one."""
        return visible.block(super().format(record))


def escape_logs() -> None:
    """Escape what is logged where no log is set up: it goes to stderr, and quotes strangers."""
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(VisibleFormatter())


def jsonable(value: Any) -> Any:
    """Convert dataclasses, Structs, paths, dates and enums into values that JSON has."""
    if isinstance(value, msgspec.Struct):
        return jsonable(msgspec.structs.asdict(value))
    if is_dataclass(value) and not isinstance(value, type):
        return jsonable(asdict(value))
    if isinstance(value, dict):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, Enum) and not isinstance(value, str):
        return value.name
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def print_json(value: Any, indent: int | None = 2) -> None:
    """Print one JSON document on stdout, in one line without `indent`."""
    typer.echo(visible.json_text(json.dumps(jsonable(value), indent=indent, ensure_ascii=False)))


def format_cell(value: Any) -> str:
    """Format a table cell: floats with three decimals, thousands separated, `–` for None."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return value.isoformat(" ", "seconds") if hasattr(value, "isoformat") else str(value)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], title: str = "") -> None:
    """Print columns aligned with spaces on stdout; columns of numbers are right-aligned."""

    def is_number(value: Any) -> bool:
        return value is None or (isinstance(value, int | float) and not isinstance(value, bool))

    if title:
        echo(title)
    cells = [[visible.line(format_cell(value)) for value in row] for row in rows]
    widths = [max([len(name), *(len(row[k]) for row in cells)]) for k, name in enumerate(columns)]
    numeric = [bool(rows) and all(is_number(row[k]) for row in rows) for k in range(len(columns))]
    for line in [list(columns), *cells]:
        parts = [
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(line, widths, numeric, strict=True)
        ]
        echo(("  " if title else "") + "  ".join(parts).rstrip())


def finish_batch(result: BatchResult, subject: str) -> None:
    """Print what a batch did, as `print_batch`, and exit with 3 if any of its inputs failed.

    Inputs that are left for the next pass count as such.
    """
    print_batch(result, subject)
    if result.failed or result.waiting:
        raise typer.Exit(3)


def print_batch(result: BatchResult, subject: str) -> None:
    """Print on stderr how many inputs were processed and skipped, and why others were not."""
    numbers = {"already done": result.skipped, "failed": result.failed}
    numbers["left for the next pass"] = result.waiting
    others = [f", {len(items)} {word}" for word, items in numbers.items() if items]
    message(f"{subject}: {len(result.done)} done{''.join(others)}")
    for note in result.notes:
        message(f"  {note}")
    print_left_out(result.left_out)
    for name, reason in (result.failed | result.waiting).items():
        message(f"  {name}: {reason}" if name not in reason else f"  {reason}")
        debug_log(reason)


def print_left_out(numbers: Mapping[str, int]) -> None:
    """Print on stderr how many files and folders were left out, by kind."""
    kinds = sorted(numbers.items(), key=lambda kind: (-kind[1], kind[0]))
    if kinds:
        message(f"  left out: {', '.join(f'{number} {kind}' for kind, number in kinds)}")


@contextmanager
def progress_bars() -> Iterator[None]:
    """Show the progress of stages: bars on a terminal, a line per finished step elsewhere."""
    from oneclick.core import progress

    def print_finished(step: str, completed: int, total: int) -> None:
        if total and completed == total:
            message(f"{step}: {total}")

    display: AbstractContextManager[Callable[[str, int, int], None]]
    display = terminal_bars() if sys.stderr.isatty() else nullcontext(print_finished)
    with display as sink:
        progress.set_sink(sink)
        try:
            yield
        finally:
            progress.set_sink(None)


@contextmanager
def terminal_bars() -> Iterator[Callable[[str, int, int], None]]:
    """Draw a bar per step on stderr; yield the function that advances them.

    It takes the step's name, the steps completed and their total (0 if unknown). A step that starts
    again after its end gets a new bar.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    bars = Progress(
        TextColumn("{task.description:<28}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
    tasks: dict[str, Any] = {}

    def advance(step: str, completed: int, total: int) -> None:
        if step not in tasks or (completed == 0 and bars.tasks[tasks[step]].finished):
            tasks[step] = bars.add_task(step, total=total or None)
        bars.update(tasks[step], completed=completed, total=total or None)

    with bars:
        yield advance

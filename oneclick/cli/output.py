"""How the command line talks: data to stdout, talk to stderr, exit codes from errors."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

if TYPE_CHECKING:
    from oneclick.core.results import BatchResult
    from oneclick.report.snapshot import Goals
    from oneclick.settings import Settings

EXIT_CODES = """\
Exit codes: 0 done · 1 failed · 2 wrong usage or settings · 3 done, but some inputs were skipped ·
4 something outside is missing (disk space, a download, a server) · 130 interrupted"""

Home = Annotated[
    Path | None,
    typer.Option("--home", help="Workspace folder.", envvar="ONECLICK_HOME", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def settings(home: Path | None, **overrides: object) -> Settings:
    """The settings for this command."""
    from oneclick.settings import load

    return load(home=home, **overrides)


def goals(settings: Settings) -> Goals:
    """What the team wants to reach, for the numbers of the report."""
    from oneclick.report.snapshot import Goals

    return Goals(settings.review.goal, settings.triggers.budget)


def utc(moment: datetime | None) -> datetime | None:
    """A time typed without a zone is meant as UTC."""
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment


def say(text: str) -> None:
    """A line of talk on stderr."""
    typer.echo(text, err=True)


def plain(value: Any) -> Any:
    """Dataclasses, Structs, paths and dates as JSON can hold them."""
    if isinstance(value, msgspec.Struct):
        return plain(msgspec.structs.asdict(value))
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, Enum) and not isinstance(value, str):
        return value.name
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def show_json(value: Any) -> None:
    """One JSON document on stdout."""
    typer.echo(json.dumps(plain(value), indent=2, ensure_ascii=False))


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]], title: str = "") -> None:
    """Columns aligned with spaces on stdout; numbers to the right."""
    if title:
        typer.echo(title)
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max([len(name), *(len(row[k]) for row in cells)]) for k, name in enumerate(columns)]
    right = [bool(rows) and all(_number(row[k]) for row in rows) for k in range(len(columns))]
    for line in [list(columns), *cells]:
        parts = [
            text.rjust(width) if flush else text.ljust(width)
            for text, width, flush in zip(line, widths, right, strict=True)
        ]
        typer.echo(("  " if title else "") + "  ".join(parts).rstrip())


def _number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return value.isoformat(" ", "seconds") if hasattr(value, "isoformat") else str(value)


def finish(result: BatchResult, what: str) -> None:
    """As `tell`; exit 3 if anything failed."""
    tell(result, what)
    if result.failed:
        raise typer.Exit(3)


def tell(result: BatchResult, what: str) -> None:
    """Say what was done, what was done before and what failed."""
    skipped = f", {len(result.skipped)} already done" if result.skipped else ""
    say(f"{what}: {len(result.done)} done{skipped}")
    for name, reason in result.failed.items():
        say(f"  {name}: {reason}" if name not in reason else f"  {reason}")


@contextmanager
def progress_bars() -> Iterator[None]:
    """Show what stages report: bars on a terminal, a line per finished step elsewhere."""
    from oneclick.core import progress

    if not sys.stderr.isatty():
        progress.set_sink(_lines)
        try:
            yield
        finally:
            progress.set_sink(None)
        return
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
        TextColumn("{task.description:<28}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
    tasks: dict[str, Any] = {}

    def sink(what: str, done: int, total: int) -> None:
        if what not in tasks or (done == 0 and bars.tasks[tasks[what]].finished):
            tasks[what] = bars.add_task(what, total=total or None)
        bars.update(tasks[what], completed=done, total=total or None)

    with bars:
        progress.set_sink(sink)
        try:
            yield
        finally:
            progress.set_sink(None)


def _lines(what: str, done: int, total: int) -> None:
    if total and done == total:
        say(f"{what}: {total}")

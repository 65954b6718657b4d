"""What an import understood, as text and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oneclick.cli import output

if TYPE_CHECKING:
    from oneclick.formats.import_summary import ClassSummary, ImportSummary, RateSummary
    from oneclick.stages.import_ import ImportResult


def print_summary(summary: ImportSummary) -> None:
    """Print what was understood on stdout, a line for each thing."""
    for name in sorted(summary.boxed_classes()):
        output.echo(f"class {describe_class(name, summary.classes[name])}")
    if others := sorted(summary.classes.keys() - {*summary.boxed_classes()}):
        output.echo(f"classes without a box: {', '.join(others)}")
    sides = ", ".join(
        f"{side} {row.clips:,} clips with {row.pictures:,} pictures"
        for side, row in sorted(summary.splits.items())
    )
    output.echo(f"splits: {sides or 'nothing that can be read'}")
    for rate in summary.rates:
        output.echo(
            f"frames per second: {rate.fps:g}, {describe_source(rate)} ({rate.clips:,} clips)"
        )
    output.echo(
        f"in all: {summary.pictures:,} pictures, {summary.boxes:,} boxes, {summary.tracks:,} tracks"
    )
    for note, count in sorted(summary.notes.items()):
        output.echo(f"{count:,} {note}")
    for reason in summary.refused.values():
        output.echo(f"refused: {reason}")
    if summary.drawn:
        output.echo(f"look at these first: {', '.join(summary.drawn)}")


def describe_source(rate: RateSummary) -> str:
    """Return what says a frame rate."""
    from oneclick.formats.import_summary import UNKNOWN_RATE

    return rate.said_by if rate.said_by == UNKNOWN_RATE else f"from {rate.said_by}"


def describe_class(name: str, row: ClassSummary) -> str:
    """Return a class with its numbers in the dataset, what names it and its boxes."""
    numbers = f" is {', '.join(row.numbers)}" if row.numbers else ""
    sources = f", from {', '.join(row.named_by)}" if row.named_by else ""
    return f"{name}{numbers}{sources}: {row.boxes:,} boxes"


def as_json(outcome: ImportResult, is_dry_run: bool) -> dict[str, Any]:
    """Return what was understood and imported as an object for JSON."""
    summary = output.jsonable(outcome.summary)
    return {
        "dry_run": is_dry_run,
        **summary,
        "refused": outcome.result.failed or summary["refused"],
        "imported": outcome.result.done,
        "skipped": outcome.result.skipped,
    }

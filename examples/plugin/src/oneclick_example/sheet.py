"""A review platform: a table in a folder, filled in with any spreadsheet program.

Each clip is a row with its video. A reviewer looks at the video and writes accept or reject, their
name and, for a rejection, the reason. Boxes cannot be corrected there.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from oneclick import settings
from oneclick.core.errors import PlatformAway
from oneclick.core.review import Verdict
from oneclick.platforms import ErasureReport, Offer, PlatformAdapter, PlatformOptions, SendResult
from oneclick.platforms.verdict_inbox import VerdictInbox
from oneclick.storage import files, locks
from oneclick.storage.workspace import Workspace

COLUMNS = ["clip", "video", "decision", "by", "reason"]
Row = dict[str, str]


class Sheet:
    """The platform; `queue.csv` in its folder is the table.

    A decision moves to an inbox as soon as it is fetched: what anybody writes into the table later
    no longer changes it.
    """

    name = "sheet"

    def __init__(self, folder: Path, workspace: Workspace | None = None) -> None:
        self.table = folder / "queue.csv"
        self._workspace, self._inbox = workspace, VerdictInbox(folder)
        self._records = folder / "records"
        self._lock = folder / ".lock"

    def setup(self) -> list[str]:
        """Create the table."""
        with locks.file_lock(self._lock):
            write_table(self.table, read_table(self.table))
        return [self.check()]

    def check(self) -> str:
        """Return where the table is and how many clips wait in it."""
        return f"{self.table}: {len(self.pending())} clips wait"

    def send(self, offers: Iterable[Offer]) -> Iterator[SendResult]:
        """Add a row for each clip that was not decided before."""
        for clip, _ in offers:
            self._add_rows([clip.id])
            files.write_json(self._record(clip.id), {"title": clip.id})
            yield SendResult(clip.id)

    def fetch(self, waiting: Sequence[str], thorough: bool = True) -> None:
        """Move the decisions of the table to the inbox.

        Missing rows of clips that were sent are added again: a spreadsheet program that was open
        at that time has saved the table without them.
        """
        fetched_at, lost_clips = datetime.now(UTC), []
        rows = {row["clip"]: row for row in read_table(self.table)}
        for clip in waiting:
            if clip not in rows:
                lost_clips += [clip] if self._record(clip).exists() else []
            elif rows[clip]["decision"] and not row_problem(rows[clip]):
                self._inbox.put(_verdict(rows[clip], fetched_at))
        self._add_rows(lost_clips)

    def collect(self) -> Iterator[Verdict]:
        """Yield the decisions in the inbox."""
        return self._inbox.collect()

    def unreadable(self) -> dict[str, str]:
        """Return the clips whose row is not filled in as it must be."""
        problems = {
            row["clip"]: f"{self.table}: clip {row['clip']}: {problem}"
            for row in read_table(self.table)
            if (problem := row_problem(row)) and not self._is_decided(row["clip"])
        }
        return problems | self._inbox.unreadable()

    def acknowledge(self, verdict: Verdict) -> None:
        """Archive the verdict, and delete the row."""
        self._inbox.archive(verdict.clip)
        self._delete_row(verdict.clip)

    def erase(self, clip: str) -> ErasureReport:
        """Delete the row of a clip; a verdict on it stays."""
        self._record(clip).unlink(missing_ok=True)
        deleted = (f"a row of {self.table}",) if self._delete_row(clip) else ()
        return ErasureReport(clip, deleted, (f"{self.table} has no row of {clip}",))

    def pending(self) -> list[str]:
        """Return the clips whose row is not filled in, sorted."""
        rows = read_table(self.table)
        return sorted(row["clip"] for row in rows if not row["decision"])

    def _record(self, clip: str) -> Path:
        return self._records / f"{clip}.json"

    def _is_decided(self, clip: str) -> bool:
        return self._inbox.has(clip) or self._inbox.is_archived(clip)

    def _add_rows(self, clips: Sequence[str]) -> None:
        with locks.file_lock(self._lock):
            rows = read_table(self.table)
            clips_in_table = {row["clip"] for row in rows}
            missing = [clip for clip in clips if clip not in clips_in_table]
            new = [clip for clip in missing if not self._is_decided(clip)]
            if new:
                write_table(self.table, [*rows, *map(self._empty_row, new)])

    def _empty_row(self, clip: str) -> Row:
        video = str(self._workspace.clip_file(clip).absolute()) if self._workspace else ""
        return dict.fromkeys(COLUMNS, "") | {"clip": clip, "video": video}

    def _delete_row(self, clip: str) -> bool:
        with locks.file_lock(self._lock):
            rows = read_table(self.table)
            other_rows = [row for row in rows if row["clip"] != clip]
            if len(other_rows) < len(rows):
                write_table(self.table, other_rows)
            return len(other_rows) < len(rows)


def read_table(path: Path) -> list[Row]:
    """Return the rows of a table, without spaces around their cells; none where it is missing.

    Raises:
        PlatformAway: it cannot be read: no clip of it can go on.
    """
    if not path.exists():
        return []
    try:
        text = path.read_text("utf-8-sig")  # spreadsheet programs put a mark at the beginning
    except UnicodeDecodeError:
        raise PlatformAway(f"{path} is not UTF-8 text: save it as CSV in UTF-8") from None
    except OSError as error:
        raise PlatformAway(f"{path} cannot be read: {error.strerror}") from None
    separator = ";" if ";" in text.partition("\n")[0] else ","
    reader = csv.DictReader(io.StringIO(text), delimiter=separator)
    if absent := [name for name in COLUMNS if name not in (reader.fieldnames or ())]:
        raise PlatformAway(f"{path} has no column {', '.join(absent)}: write it into the first row")
    rows = [{name: (row[name] or "").strip() for name in COLUMNS} for row in reader]
    return [row for row in rows if row["clip"]]


def write_table(path: Path, rows: Iterable[Row]) -> None:
    """Write a table atomically."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    writer.writerows(rows)
    files.write_atomic(path, text.getvalue())


def fill_in(path: Path, verdict: Verdict) -> None:
    """Write a verdict into the row of its clip, as a person would; what stands there stays."""
    rows = read_table(path)
    for row in rows:
        if row["clip"] == verdict.clip and not row["decision"]:
            row |= {"decision": verdict.decision, "by": verdict.by, "reason": verdict.reason}
    write_table(path, rows)


def row_problem(row: Row) -> str:
    """Return what is wrong with a row that somebody has filled in; empty if nothing is."""
    if row["decision"] and row["decision"].lower() not in ("accept", "reject"):
        return f"the decision is {row['decision']!r}: write accept or reject"
    if row["decision"] and not row["by"]:
        return "nobody has decided: write a name into the column by"
    return ""


def _verdict(row: Row, at: datetime) -> Verdict:
    return Verdict(
        clip=row["clip"],
        decision="accept" if row["decision"].lower() == "accept" else "reject",
        by=row["by"],
        at=at,
        reason=row["reason"],
    )


@dataclass(frozen=True)
class SheetOptions:
    """The section `review.sheet` of the settings."""

    folder: str = ""
    """Folder of the table, for example one that the team shares; empty: in the workspace."""


class SheetAdapter(PlatformAdapter):
    """What oneclick knows of the platform."""

    name = "sheet"
    Options = SheetOptions

    def open(self, setup: PlatformOptions, workspace: Workspace, patient: bool = True) -> Sheet:
        """Open the table."""
        folder = (setup.section or SheetOptions()).folder
        own_folder = workspace.review_dir() / self.name
        return Sheet(Path(folder).expanduser() if folder else own_folder, workspace)

    def validate_options(self, options: SheetOptions, selected: bool) -> None:
        """Refuse a file in place of a folder."""
        if options.folder and Path(options.folder).expanduser().is_file():
            raise ValueError(f"sheet.folder is {options.folder}, a file: name its folder")

    def commands(self) -> typer.Typer:
        """Return `oneclick review sheet waiting`."""
        app = typer.Typer(no_args_is_help=True, help="The table of clips to review.")
        app.callback()(lambda: None)
        app.command()(waiting)
        return app


def waiting(
    home: Annotated[Path | None, typer.Option(help="Workspace folder.")] = None,
) -> None:
    """Print where the table is, and the clips that wait in it."""
    loaded = settings.load(home=home)
    sheet = SheetAdapter().open(loaded.review_platform("sheet"), Workspace(loaded.home))
    typer.echo(sheet.table)
    for clip in sheet.pending():
        typer.echo(clip)

"""Clips: search them, look into one, put back what failed."""

from __future__ import annotations

import webbrowser
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Input

from oneclick import design, report
from oneclick.core.errors import OneclickError
from oneclick.report import formatting
from oneclick.report.lineage import ClipUse
from oneclick.report.listings import ClipDetail, ClipRow
from oneclick.report.search import SearchPage, parse_query
from oneclick.services import review_address
from oneclick.storage.workspace import Workspace
from oneclick.tui.panel import RowHighlighted, SnapshotView, bindings
from oneclick.tui.panels.table import Column, TablePanel, TableRow, TextPanel
from oneclick.tui.rows import StyledRow
from oneclick.tui.screens.fetching import FetchingScreen

PAGE_SIZE = 200


class ClipTable(TablePanel):
    """Clips that meet the filter."""

    HEADING = "Clips"
    HELP = (
        "Clips that meet the filter, newest first. / types a filter: stage:auto cam:hall "
        "why:flicker led:jump by:control split:test age>2h error:text sort:age. A - before a term "
        "turns it round, a word alone is looked for in the id."
    )
    KEYS = ("filter", "retry", "accept", "reject", "browse")
    COMMAND = ("clips", "list")
    EMPTY_TEXT = "no clip meets this filter; esc drops it"
    COLUMNS: ClassVar = (
        Column("clip", 0, middle=True),
        Column("stage", 13),
        Column("age", 4, True),
        Column("by", 7),
        Column("why", 0),
    )
    BINDINGS = bindings("retry", "accept", "reject", "browse", namespace="screen.")


class ClipPage(TextPanel):
    """One clip in full."""

    HEADING = "Clip"
    HELP = "Where the clip comes from, why it was chosen, its labels and every move it made."
    COMMAND = ("clips", "show")


@dataclass(frozen=True)
class ClipsContent:
    """What the screen shows beside the Snapshot."""

    page: SearchPage
    clip: tuple[ClipDetail, ClipUse] | None
    """The clip under the cursor."""
    at: datetime
    """The time that is shown; ages are relative to it."""


class ClipsScreen(FetchingScreen):
    """A filter, the clips that meet it, and one of them in full."""

    NAME = "clips"
    AUTO_FOCUS = "ClipTable"
    BINDINGS = bindings("filter", "close")
    query_text = ""

    def panels(self) -> ComposeResult:
        """Yield the filter above, list and page below."""
        yield Input(placeholder="/ filter: stage:auto cam:hall why:flicker age>2h", id="filter")
        with Horizontal(classes="body"):
            yield ClipTable(classes="list")
            yield ClipPage(classes="detail")

    def fetch(self, view: SnapshotView) -> ClipsContent:
        """Load the newest clips that meet the filter, and the one under the cursor in full."""
        home = view.snapshot.home
        page = report.search_clips(home, self.query_text, PAGE_SIZE, 0, view.at)
        table = self.query_one(ClipTable)
        ids = [row.id for row in page.rows]
        clip_id = table.key if table.key in ids else ids[0] if ids else None
        clip = (report.clip(home, clip_id), report.clip_use(home, clip_id)) if clip_id else None
        return ClipsContent(page, clip, view.at)

    def fill(self, content: ClipsContent) -> None:
        """Show table and page."""
        page, at = content.page, content.at
        table = self.query_one(ClipTable)
        more = "more than " if page.more else ""
        table.set_titles(f"Clips · {len(page.rows)} of {more}{page.total:,}")
        table.show_rows([clip_row(row, at, table.mode) for row in page.rows])
        detail = self.query_one(ClipPage)
        detail.set_titles(content.clip[0].row.id if content.clip else "Clip")
        detail.show_text(clip_page(*content.clip, at) if content.clip else [])

    def on_row_highlighted(self, event: RowHighlighted) -> None:
        """Show the clip that the cursor moved to."""
        self.fetch_again()

    def action_key_filter(self) -> None:
        """Put the focus on the filter."""
        # At once, not when the queue is empty: the next key belongs to the filter already.
        self.set_focus(self.query_one("#filter", Input))

    def action_key_close(self) -> None:
        """Leave the filter; a second time clear it."""
        line, table = self.query_one("#filter", Input), self.query_one(ClipTable)
        if not line.has_focus and line.value:
            line.value = self.query_text = ""
            self.fetch_again()
        self.set_focus(table)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Apply the filter; one with an error is reported and changes nothing."""
        event.stop()
        try:
            parse_query(event.value)
        except OneclickError as error:
            self.app.notify(str(error), severity="error", markup=False)
            return
        self.filter(event.value)

    def filter(self, text: str) -> None:
        """Show the clips that meet another filter."""
        self.query_text = self.query_one("#filter", Input).value = text
        self.set_focus(self.query_one(ClipTable))
        self.fetch_again()

    @property
    def clip_id(self) -> str | None:
        """Return the id of the clip under the cursor."""
        key: str | None = self.query_one(ClipTable).key
        return key

    def action_key_retry(self) -> None:
        """Put the clip back to the stage where it failed."""
        if clip := self.clip_id:
            self.host.run_command(("clips", "retry", clip), f"Put {clip} back where it fell?")

    def action_key_accept(self) -> None:
        """Accept the clip."""
        if clip := self.clip_id:
            self.host.run_command(("review", "accept", clip), f"Accept {clip} as it is labelled?")

    def action_key_reject(self) -> None:
        """Reject the clip."""
        if clip := self.clip_id:
            self.host.run_command(
                ("review", "reject", clip), f"Reject {clip}? It is never trained on."
            )

    def action_key_browse(self) -> None:
        """Open the clip's review page in the browser, or its video where no page is served."""
        clip = self.clip_id
        if clip and self.view:
            workspace = Workspace(self.view.snapshot.home)
            path = workspace.clip_file(clip).absolute()
            if served := review_address.find_running(workspace):
                page = f"{served}/clip/{clip}"
                if not webbrowser.open(page):
                    self.app.notify(page, title="no browser here; the page is", markup=False)
            elif not path.exists():
                self.app.notify(f"{path} is not there", severity="error", markup=False)
            elif not webbrowser.open(path.as_uri()):
                self.app.notify(str(path), title="no browser here; the file is", markup=False)


def clip_row(row: ClipRow, at: datetime, mode: design.Mode) -> TableRow:
    """Return the row of a clip; `at` is the time to which its age refers."""
    stage = design.load().stage_of(row.stage)
    return TableRow(
        row.id,
        (
            (row.id, "text"),
            (f"{stage.number} {stage.glyph} {stage.word}", getattr(stage, mode)),
            (formatting.age(row.moved_at, at), "quiet"),
            (row.chosen_by, "quiet"),
            (row.error or row.why, "fail" if row.error else "quiet"),
        ),
    )


def clip_page(detail: ClipDetail, use: ClipUse, at: datetime) -> list[StyledRow]:
    """Return the page of a clip: source, why it was chosen, labels, use and history."""
    row = detail.row
    lines: list[StyledRow] = [
        [("video    ", "quiet"), (f"{detail.video}, frames {detail.start}–{detail.stop}", "text")],
        [("chosen   ", "quiet"), (f"by {row.chosen_by}, for {row.split}", "text")],
    ]
    if row.error:
        lines.append([("error    ", "quiet"), (row.error, "fail")])
    lines += [[], [("why", "accent")]]
    lines += [[(f"{hit.trigger}  ", "text"), (hit.why, "quiet")] for hit in detail.hits]
    lines += [[], [("labels", "accent")]]
    for labels in detail.revisions:
        origins = " ".join(f"{letter} {boxes}" for letter, boxes in labels.origins.items())
        title = f"{labels.revision} {labels.kind}  {labels.boxes} boxes  "
        lines.append([(title, "text"), (f"{origins}  by {labels.made_by}", "quiet")])
    if use.datasets:
        lines += [[], [("what became of it", "accent")]]
        lines += [[("in       ", "quiet"), (name, "text")] for name in use.datasets]
        lines += [[("taught   ", "quiet"), (name, "text")] for name in use.learned]
        lines += [[("measured ", "quiet"), (name, "text")] for name in use.measured]
    lines += [[], [("history", "accent")]]
    for event in detail.events:
        age = f"{formatting.age(event.at, at):>4}  "
        reason = f"  {event.detail}" if event.detail else ""
        lines.append([(age, "quiet"), (f"{event.new}", "text"), (f"  {event.by}{reason}", "quiet")])
    return lines

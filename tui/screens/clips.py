"""Clips: find them, look into one, put back what fell."""

from __future__ import annotations

import webbrowser
from datetime import datetime
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Input

from oneclick import design, report
from oneclick.core.errors import OneclickError
from oneclick.report import formatting
from oneclick.report.lineage import Use
from oneclick.report.listings import ClipDetail, ClipRow
from oneclick.report.search import Found, parse
from oneclick.storage.workspace import Workspace
from tui.panel import Moved, View, bindings
from tui.panels.table import Column, Line, Prose, Table
from tui.rows import Row
from tui.screens.fetching import Fetching

MOST = 200


class ClipTable(Table):
    """Clips that meet the filter."""

    HEADING = "Clips"
    SAYS = (
        "Clips that meet the filter, newest first. / types a filter: stage:auto cam:hall "
        "why:flicker led:jump by:control split:test age>2h error:text sort:age. A - before a term "
        "turns it round, a word alone is looked for in the id."
    )
    KEYS = ("filter", "retry", "accept", "reject", "browse")
    TWIN = ("clips", "list")
    NOTHING = "no clip meets this filter; esc drops it"
    COLUMNS: ClassVar = (
        Column("clip", 0, middle=True),
        Column("stage", 13),
        Column("age", 4, True),
        Column("by", 7),
        Column("why", 0),
    )
    BINDINGS = bindings("retry", "accept", "reject", "browse", of="screen.")


class ClipPage(Prose):
    """One clip in full."""

    HEADING = "Clip"
    SAYS = "Where the clip comes from, why it was chosen, its labels and every move it made."
    TWIN = ("clips", "show")


class Clips(Fetching):
    """Filter, table, page."""

    NAME = "clips"
    AUTO_FOCUS = "ClipTable"
    BINDINGS = bindings("filter", "close")
    text = ""

    def panels(self) -> ComposeResult:
        """The filter above, list and page below."""
        yield Input(placeholder="/ filter: stage:auto cam:hall why:flicker age>2h", id="filter")
        with Horizontal(classes="body"):
            yield ClipTable(classes="list")
            yield ClipPage(classes="detail")

    def fetch(self, view: View) -> tuple[Found, tuple[ClipDetail, Use] | None, datetime]:
        """A page of clips, and the one under the cursor."""
        found = report.search(view.snapshot.home, self.text, MOST, 0, view.at)
        table = self.query_one(ClipTable)
        ids = [row.id for row in found.rows]
        chosen = table.key if table.key in ids else ids[0] if ids else None
        home = view.snapshot.home
        page = (report.clip(home, chosen), report.use(home, chosen)) if chosen else None
        return found, page, view.at

    def fill(self, found: tuple[Found, tuple[ClipDetail, Use] | None, datetime]) -> None:
        """Table and page."""
        page, detail, at = found
        table = self.query_one(ClipTable)
        more = "more than " if page.more else ""
        table.name_it(f"Clips · {len(page.rows)} of {more}{page.total:,}")
        table.lines([_line(row, at, table.mode) for row in page.rows])
        side = self.query_one(ClipPage)
        side.name_it(detail[0].row.id if detail else "Clip")
        side.say(_page(*detail, at) if detail else [])

    def on_moved(self, event: Moved) -> None:
        """Another clip under the cursor."""
        self.again()

    def action_key_filter(self) -> None:
        """Type a filter."""
        # At once, not when the queue is empty: the next key belongs to the filter already.
        self.set_focus(self.query_one("#filter", Input))

    def action_key_close(self) -> None:
        """Out of the filter; a second time drops it."""
        line, table = self.query_one("#filter", Input), self.query_one(ClipTable)
        if not line.has_focus and line.value:
            line.value = self.text = ""
            self.again()
        self.set_focus(table)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Filter; what is no filter is said and changes nothing."""
        event.stop()
        try:
            parse(event.value)
        except OneclickError as error:
            self.app.notify(str(error), severity="error", markup=False)
            return
        self.filter(event.value)

    def filter(self, text: str) -> None:
        """Show what meets another filter."""
        self.text = self.query_one("#filter", Input).value = text
        self.set_focus(self.query_one(ClipTable))
        self.again()

    def _chosen(self) -> str | None:
        key: str | None = self.query_one(ClipTable).key
        return key

    def action_key_retry(self) -> None:
        """Put the clip back."""
        if clip := self._chosen():
            self.do("clips", "retry", clip, question=f"Put {clip} back where it fell?")

    def action_key_accept(self) -> None:
        """Accept the clip."""
        if clip := self._chosen():
            self.do("review", "accept", clip, question=f"Accept {clip} as it is labelled?")

    def action_key_reject(self) -> None:
        """Reject the clip."""
        if clip := self._chosen():
            self.do("review", "reject", clip, question=f"Reject {clip}? It is never trained on.")

    def action_key_browse(self) -> None:
        """The clip's video in the browser."""
        clip = self._chosen()
        if clip and self.view:
            path = Workspace(self.view.snapshot.home).clip_file(clip).absolute()
            if not path.exists():
                self.app.notify(f"{path} is not there", severity="error", markup=False)
            elif not webbrowser.open(path.as_uri()):
                self.app.notify(str(path), title="no browser here; the file is", markup=False)


def _line(row: ClipRow, at: datetime, mode: design.Mode) -> Line:
    stage = design.load().stage_of(row.stage)
    return Line(
        row.id,
        (
            (row.id, "text"),
            (f"{stage.number} {stage.glyph} {stage.word}", getattr(stage, mode)),
            (formatting.age(row.moved_at, at), "quiet"),
            (row.chosen_by, "quiet"),
            (row.error or row.why, "fail" if row.error else "quiet"),
        ),
    )


def _page(found: ClipDetail, use: Use, at: datetime) -> list[Row]:
    row = found.row
    lines: list[Row] = [
        [("video    ", "quiet"), (f"{found.video}, frames {found.start}–{found.stop}", "text")],
        [("chosen   ", "quiet"), (f"by {row.chosen_by}, for {row.split}", "text")],
    ]
    if row.error:
        lines.append([("error    ", "quiet"), (row.error, "fail")])
    lines += [[], [("why", "accent")]]
    lines += [[(f"{hit.trigger}  ", "text"), (hit.why, "quiet")] for hit in found.hits]
    lines += [[], [("labels", "accent")]]
    for one in found.revisions:
        origins = " ".join(f"{letter} {boxes}" for letter, boxes in one.origins.items())
        made = f"{one.revision} {one.kind}  {one.boxes} boxes  "
        lines.append([(made, "text"), (f"{origins}  by {one.made_by}", "quiet")])
    if use.datasets:
        lines += [[], [("what became of it", "accent")]]
        lines += [[("in       ", "quiet"), (name, "text")] for name in use.datasets]
        lines += [[("taught   ", "quiet"), (name, "text")] for name in use.learned]
        lines += [[("measured ", "quiet"), (name, "text")] for name in use.measured]
    lines += [[], [("history", "accent")]]
    for event in found.events:
        age = f"{formatting.age(event.at, at):>4}  "
        detail = f"  {event.detail}" if event.detail else ""
        lines.append([(age, "quiet"), (f"{event.new}", "text"), (f"  {event.by}{detail}", "quiet")])
    return lines

"""Triggers: what fired where and when, and what another parameter would change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from oneclick import report, triggers
from oneclick.catalog import Catalog, counters
from oneclick.report import formatting
from oneclick.report.hit_list import HitRow
from oneclick.tui import dialogs
from oneclick.tui.commands import CommandResult
from oneclick.tui.panel import RowHighlighted, RowSelected, SnapshotView, bindings
from oneclick.tui.panels.table import Column, TablePanel, TableRow
from oneclick.tui.panels.widgets import HeatmapPanel
from oneclick.tui.screens.fetching import FetchingScreen

PAGE_SIZE = 100
ALL = ""
"""The key of the row for all triggers together."""


class TriggerTable(TablePanel):
    """Triggers with their hits."""

    HEADING = "Triggers"
    HELP = (
        "Hits of every trigger in the time that is shown and in all, clips in which it fired, and "
        "clips that were charged to it. Enter shows the ledger: how often each was right. t tries "
        "another parameter over the stored predictions before it is kept."
    )
    KEYS = ("try",)
    COMMAND = ("triggers", "report")
    COLUMNS: ClassVar = (
        Column("trigger", 0),
        Column("shown", 6, True),
        Column("hits", 6, True),
        Column("clips", 6, True),
        Column("paid", 5, True),
    )
    BINDINGS = bindings("try", namespace="screen.")


class HitTable(TablePanel):
    """Hits, newest first."""

    HEADING = "Hits"
    HELP = (
        "Hits of the trigger under the cursor in the time that is shown, newest first, each with "
        "the clip that shows it. Enter goes to the clip, or names the hit's place on the web pages."
    )
    COMMAND = ("triggers", "hits")
    EMPTY_TEXT = "no hit in this time"
    COLUMNS: ClassVar = (
        Column("at", 15),
        Column("camera", 10),
        Column("trigger", 15),
        Column("score", 5, True),
        Column("why", 0),
        Column("clip", 4),
    )


@dataclass(frozen=True, kw_only=True)
class TriggerCounts:
    """Hits and clips of one trigger."""

    name: str
    in_window: int
    """Hits in the time that is shown."""
    hits: int
    """All hits."""
    clips: int
    """Clips in which it fired."""
    charged: int
    """Clips that were selected on its share of the budget."""


@dataclass(frozen=True)
class TriggersContent:
    """What the screen shows beside the Snapshot."""

    triggers: list[TriggerCounts]
    hits: list[HitRow]
    view: SnapshotView


class TriggersScreen(FetchingScreen):
    """Timeline, triggers and hits."""

    NAME = "triggers"
    AUTO_FOCUS = "TriggerTable"

    def panels(self) -> ComposeResult:
        """Yield the timeline above, triggers and hits below."""
        with Vertical(classes="body"):
            yield HeatmapPanel(classes="one")
            with Horizontal(classes="one"):
                yield TriggerTable(classes="half")
                yield HitTable(classes="wide")

    def fetch(self, view: SnapshotView) -> TriggersContent:
        """Load counts of all triggers, and hits of the one under the cursor."""
        heat, home = view.snapshot.heat, view.snapshot.home
        trigger = self.query_one(TriggerTable).key or None
        hits = report.hits(home, heat.start, heat.stop, None, trigger, PAGE_SIZE)
        return TriggersContent(count_triggers(view), hits, view)

    def fill(self, content: TriggersContent) -> None:
        """Show triggers and hits."""
        table, hits = self.query_one(TriggerTable), self.query_one(HitTable)
        table.show_rows([trigger_row(counts) for counts in content.triggers])
        hits.show_rows([hit_row(hit, content.view) for hit in content.hits])

    def show(self, view: SnapshotView) -> None:
        """Show the view; the timeline takes no more rows than its cameras need."""
        heatmap = self.query_one(HeatmapPanel)
        heatmap.styles.max_height = len(view.snapshot.heat.cameras) + 6
        super().show(view)

    def on_row_highlighted(self, event: RowHighlighted) -> None:
        """Show the hits of the trigger that the cursor moved to."""
        if isinstance(event.panel, TriggerTable):
            self.fetch_again()

    def on_row_selected(self, event: RowSelected) -> None:
        """Show the clip of a hit, or the report about all triggers."""
        if isinstance(event.panel, HitTable):
            event.stop()
            clip, *_, link = event.key
            if clip:
                self.host.show_clips(clip)
            else:
                self.app.notify(f"no clip shows it; on the web pages: {link}", markup=False)
        elif isinstance(event.panel, TriggerTable):
            event.stop()
            self.host.run_command(("triggers", "report"), "", self.show_output)

    def action_key_try(self) -> None:
        """Request parameters in a dialog, then replay the trigger under the cursor with them."""
        name = self.query_one(TriggerTable).key
        if not name:
            self.app.notify("put the cursor on a trigger first")
            return
        defaults = triggers.parameters(triggers.registry()[name])
        values = " ".join(f"{key}={value:g}" for key, value in defaults.items())
        dialog = dialogs.InputDialog(
            f"Try {name} with", next(iter(defaults), "") + "=", f"as set by default: {values}"
        )
        self.app.push_screen(dialog, lambda text: self.try_parameters(name, text or ""))

    def try_parameters(self, name: str, text: str) -> None:
        """Replay a trigger with `name=value` parameters; once the result is read, offer to keep."""
        changes = [part for change in text.split() for part in ("--set", change)]
        if not changes:
            return

        def offer_to_keep(result: CommandResult) -> None:
            if result.code == 0:
                command = ("triggers", "set", name, *changes)
                self.host.run_command(command, f"Keep this for {name}?")

        self.app.notify(f"replaying {name}: this may take a while", markup=False)
        self.host.run_command(
            ("triggers", "try", name, *changes),
            "",
            lambda result: self.show_output(result, offer_to_keep),
        )

    def show_output(
        self,
        result: CommandResult,
        callback: Callable[[CommandResult], None] | None = None,
    ) -> None:
        """Show what a command printed; call `callback` with the result once it is closed."""
        text = (result.stdout + result.stderr).strip()
        dialog = dialogs.TextDialog(" ".join(result.words), text)
        self.app.push_screen(dialog, lambda _: callback(result) if callback else None)


def count_triggers(view: SnapshotView) -> list[TriggerCounts]:
    """Count hits and clips from the rollups: all triggers together, then most hits first."""
    in_window = dict(view.snapshot.heat.triggers)
    with Catalog.open(view.snapshot.home, readonly=True) as catalog:
        hits = catalog.hit_counts()
        clips, charged = catalog.totals(counters.SHOWN), catalog.totals(counters.LED)
    counts = [
        TriggerCounts(
            name=name,
            in_window=in_window.get(name, 0),
            hits=hits.get(name, 0),
            clips=int(clips.get(("", name), 0)),
            charged=int(charged.get(("", name), 0)),
        )
        for name in {*triggers.names(), *hits}
    ]
    counts.sort(key=lambda row: (-row.in_window, -row.hits, row.name))
    total = TriggerCounts(
        name=ALL,
        in_window=sum(row.in_window for row in counts),
        hits=sum(row.hits for row in counts),
        clips=0,
        charged=sum(row.charged for row in counts),
    )
    return [total, *counts]


def trigger_row(counts: TriggerCounts) -> TableRow:
    """Return the row of a trigger; clips that are none show as `–`."""
    numbers = (counts.in_window, counts.hits, counts.clips, counts.charged)
    texts = [formatting.count(count) if count or k < 2 else "–" for k, count in enumerate(numbers)]
    style = "text" if counts.in_window else "quiet"
    name = (counts.name or "all", "accent" if counts.name == ALL else style)
    return TableRow(counts.name, (name, *((text, style) for text in texts)))


def hit_row(hit: HitRow, view: SnapshotView) -> TableRow:
    """Return the row of a hit; its key begins with its clip, if any, and ends with its link."""
    at = f"{hit.at.astimezone(view.zone):%d %b %H:%M:%S}" if hit.at else "no date"
    cells = (
        (at, "quiet"),
        (hit.camera, "text"),
        (hit.trigger, "text"),
        (f"{hit.score:.2f}", "quiet"),
        (hit.why, "quiet"),
        ("⏎" if hit.clip else "", "accent"),
    )
    return TableRow((hit.clip, hit.video, hit.trigger, hit.start, hit.link), cells)

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
from oneclick.report.hit_list import Moment
from tui import dialogs
from tui.commands import Done
from tui.panel import Chosen, Moved, View, bindings
from tui.panels.table import Column, Line, Table
from tui.panels.widgets import HeatStrip
from tui.screens.fetching import Fetching

MOST = 100
ALL = ""
"""The row for all triggers together."""


class TriggerTable(Table):
    """Triggers with their hits."""

    HEADING = "Triggers"
    SAYS = (
        "Hits of every trigger in the time that is shown and in all, clips in which it fired, and "
        "clips that were charged to it. Enter shows the ledger: how often each was right. t tries "
        "another parameter over the stored predictions before it is kept."
    )
    KEYS = ("try",)
    TWIN = ("triggers", "report")
    COLUMNS: ClassVar = (
        Column("trigger", 0),
        Column("shown", 6, True),
        Column("hits", 6, True),
        Column("clips", 6, True),
        Column("paid", 5, True),
    )
    BINDINGS = bindings("try", of="screen.")


class HitTable(Table):
    """Hits, newest first."""

    HEADING = "Hits"
    SAYS = (
        "Hits of the trigger under the cursor in the time that is shown, newest first, each with "
        "the clip that shows it. Enter goes to the clip."
    )
    TWIN = ("triggers", "hits")
    NOTHING = "no hit in this time"
    COLUMNS: ClassVar = (
        Column("at", 15),
        Column("camera", 10),
        Column("trigger", 15),
        Column("score", 5, True),
        Column("why", 0),
        Column("clip", 4),
    )


@dataclass(frozen=True)
class Row:
    """One trigger."""

    name: str
    shown: int
    hits: int
    clips: int
    charged: int


@dataclass(frozen=True)
class Data:
    """What the screen shows."""

    triggers: list[Row]
    hits: list[Moment]
    view: View


class Triggers(Fetching):
    """Timeline, triggers, hits."""

    NAME = "triggers"
    AUTO_FOCUS = "TriggerTable"

    def panels(self) -> ComposeResult:
        """Timeline above, triggers and hits below."""
        with Vertical(classes="body"):
            yield HeatStrip(classes="one")
            with Horizontal(classes="one"):
                yield TriggerTable(classes="half")
                yield HitTable(classes="wide")

    def fetch(self, view: View) -> Data:
        """Counts of all triggers, and hits of the one under the cursor."""
        heat, home = view.snapshot.heat, view.snapshot.home
        chosen = self.query_one(TriggerTable).key or None
        found = report.moments(home, heat.start, heat.stop, None, chosen, MOST)
        return Data(_triggers(view), found, view)

    def fill(self, found: Data) -> None:
        """Both tables."""
        self.query_one(TriggerTable).lines([_trigger(row) for row in found.triggers])
        self.query_one(HitTable).lines([_hit(moment, found.view) for moment in found.hits])

    def show(self, view: View) -> None:
        """The timeline takes no more room than its cameras need."""
        strip = self.query_one(HeatStrip)
        strip.styles.max_height = len(view.snapshot.heat.cameras) + 6
        super().show(view)

    def on_moved(self, event: Moved) -> None:
        """Another trigger, other hits."""
        if isinstance(event.panel, TriggerTable):
            self.again()

    def on_chosen(self, event: Chosen) -> None:
        """Enter on a hit goes to its clip; on a trigger it shows the ledger."""
        if isinstance(event.panel, HitTable):
            event.stop()
            if event.key[0]:
                self.engine.find(event.key[0])
        elif isinstance(event.panel, TriggerTable):
            event.stop()
            self.engine.do(("triggers", "report"), "", self._told)

    def action_key_try(self) -> None:
        """Ask for a parameter, then replay."""
        name = self.query_one(TriggerTable).key
        if not name:
            self.app.notify("put the cursor on a trigger first")
            return
        known = triggers.parameters(triggers.registry()[name])
        hint = "as set by default: " + " ".join(f"{key}={value:g}" for key, value in known.items())
        ask = dialogs.Ask(f"Try {name} with", next(iter(known), "") + "=", hint)
        self.app.push_screen(ask, lambda text: self._try(name, text))

    def _try(self, name: str, text: str | None) -> None:
        changes = [part for word in (text or "").split() for part in ("--set", word)]
        if not changes:
            return

        def read(done: Done) -> None:
            if done.code == 0:
                self.engine.do(("triggers", "set", name, *changes), f"Keep this for {name}?")

        def tried(done: Done) -> None:
            self._told(done, read)

        self.app.notify(f"replaying {name}: this may take a while", markup=False)
        self.engine.do(("triggers", "try", name, *changes), "", tried)

    def _told(self, done: Done, then: Callable[[Done], None] | None = None) -> None:
        """Show what a command printed; once it is read, go on."""
        text = (done.out + done.talk).strip()
        shown = dialogs.Text(" ".join(done.words), text)
        self.app.push_screen(shown, lambda _: then(done) if then else None)


def _triggers(view: View) -> list[Row]:
    """Counts from the rollups, most hits in the window first."""
    shown = dict(view.snapshot.heat.triggers)
    with Catalog.open(view.snapshot.home, readonly=True) as catalog:
        hits = catalog.hit_counts()
        clips, led = catalog.totals(counters.SHOWN), catalog.totals(counters.LED)
    rows = [
        Row(
            name,
            shown.get(name, 0),
            hits.get(name, 0),
            int(clips.get(("", name), 0)),
            int(led.get(("", name), 0)),
        )
        for name in {*triggers.registry(), *hits}
    ]
    rows.sort(key=lambda row: (-row.shown, -row.hits, row.name))
    every = Row(
        ALL, sum(r.shown for r in rows), sum(r.hits for r in rows), 0, sum(r.charged for r in rows)
    )
    return [every, *rows]


def _trigger(row: Row) -> Line:
    counts = (row.shown, row.hits, row.clips, row.charged)
    texts = [formatting.count(count) if count or k < 2 else "–" for k, count in enumerate(counts)]
    style = "text" if row.shown else "quiet"
    name = (row.name or "all", "accent" if row.name == ALL else style)
    return Line(row.name, (name, *((text, style) for text in texts)))


def _hit(found: Moment, view: View) -> Line:
    at = f"{found.at.astimezone(view.zone):%d %b %H:%M:%S}" if found.at else "no date"
    cells = (
        (at, "quiet"),
        (found.camera, "text"),
        (found.trigger, "text"),
        (f"{found.score:.2f}", "quiet"),
        (found.why, "quiet"),
        ("⏎" if found.clip else "", "accent"),
    )
    return Line((found.clip, found.video, found.trigger, found.start), cells)

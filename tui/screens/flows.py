"""Flows: runs and what they say, deployments to start."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from oneclick import design
from oneclick.core.errors import OneclickError
from oneclick.report import flows, formatting
from oneclick.report.snapshot import RunNow
from oneclick.services import prefect_api
from oneclick.services.prefect_api import Deployment, LogLine
from tui import dialogs
from tui.panel import Moved, View, bindings
from tui.panels.table import Column, Line, Prose, Table
from tui.rows import Row
from tui.screens.fetching import Fetching

LEVELS = {30: "warn", 40: "fail", 50: "fail"}


class RunTable(Table):
    """Runs."""

    HEADING = "Flow runs"
    SAYS = (
        "Runs of flows, newest first, from the catalog and from the Prefect server if one is set. "
        "c cancels the run under the cursor; its log stands on the right."
    )
    KEYS = ("cancel",)
    TWIN = ("flows", "list")
    NOTHING = "no run yet: oneclick run VIDEO, or oneclick up for the schedules"
    COLUMNS: ClassVar = (
        Column("", 1),
        Column("flow", 11),
        Column("state", 11),
        Column("age", 4, True),
        Column("took", 5, True),
        Column("detail", 0),
    )
    BINDINGS = bindings("cancel", of="screen.")


class DeploymentTable(Table):
    """Deployments."""

    HEADING = "Deployments"
    SAYS = "What can be started, and when each starts by itself. n or Enter starts one."
    KEYS = ("start",)
    TWIN = ("flows", "deployments")
    NOTHING = "no Prefect server is set: oneclick up starts one, then set PREFECT_API_URL"
    COLUMNS: ClassVar = (
        Column("deployment", 22),
        Column("schedule", 15),
        Column("next", 12),
        Column("what it does", 0),
    )
    BINDINGS = bindings("start", of="screen.")


class Log(Prose):
    """What the run under the cursor said."""

    HEADING = "Log"
    SAYS = "What the run under the cursor said, as far as the server keeps it."
    TWIN = ("flows", "logs")


@dataclass(frozen=True)
class Found:
    """What the screen shows."""

    runs: list[RunNow]
    deployments: list[Deployment] = field(default_factory=list)
    log: list[LogLine] = field(default_factory=list)
    problem: str = ""
    """Why the server says nothing."""


class Flows(Fetching):
    """Runs, their log, deployments."""

    NAME = "flows"
    AUTO_FOCUS = "RunTable"

    def panels(self) -> ComposeResult:
        """Runs and log above, deployments below."""
        with Vertical(classes="body"):
            with Horizontal(classes="two"):
                yield RunTable(classes="list")
                yield Log(classes="detail")
            yield DeploymentTable(classes="one")

    def fetch(self, view: View) -> tuple[Found, View]:
        """Runs of the catalog always; what the server knows if it answers."""
        home, server = view.snapshot.home, prefect_api.connect()
        if server is None or view.snapshot.past:
            return Found(list(view.snapshot.runs)), view
        try:
            runs = flows.runs(home, server)
            chosen = self.query_one(RunTable).key or (runs[0].id if runs else None)
            log = server.logs(chosen, limit=200) if chosen else []
            return Found(runs, server.deployments(), log), view
        except OneclickError as error:
            return Found(flows.runs(home), problem=str(error)), view

    def fill(self, found: tuple[Found, View]) -> None:
        """The three panels."""
        data, view = found
        table = self.query_one(RunTable)
        table.lines([_run(run, view.at) for run in data.runs])
        starts = self.query_one(DeploymentTable)
        if data.problem:
            starts.say(data.problem)
        else:
            starts.lines([_deployment(one, view) for one in data.deployments])
        said = [_said(line, view) for line in data.log]
        empty: list[Row] = [[("the server keeps no log of this run", "quiet")]]
        self.query_one(Log).say(said or empty)

    def on_moved(self, event: Moved) -> None:
        """Another run, another log."""
        if isinstance(event.panel, RunTable):
            self.again()

    def on_chosen(self, event: Any) -> None:
        """Enter on a deployment starts it."""
        if isinstance(event.panel, DeploymentTable):
            event.stop()
            self.action_key_start()

    def action_key_start(self) -> None:
        """Ask for parameters, then start."""
        name = self.query_one(DeploymentTable).key
        if name is None:
            return
        ask = dialogs.Ask(
            f"Start {name} with", "", "name=value name=value; nothing takes what is set there"
        )
        self.app.push_screen(ask, lambda text: self._start(name, text))

    def _start(self, name: str, text: str | None) -> None:
        if text is None:
            return
        line = ["flows", "run", name]
        for word in text.split():
            line += ["--set", word]
        self.do(*line, question=f"Start {name}?")

    def action_key_cancel(self) -> None:
        """Cancel the run under the cursor."""
        if run := self.query_one(RunTable).key:
            self.do("flows", "cancel", run, question="Ask this run to end?")


def _run(run: RunNow, at: datetime) -> Line:
    state = design.load().prefect.get(run.state, "wait")
    took = "" if run.progress is None else f"{run.progress:.0%}"
    if run.started and run.ended:
        took = formatting.length((run.ended - run.started).total_seconds())
    return Line(
        run.id,
        (
            (design.load().state[state], state),
            (run.flow, "text"),
            (run.state.lower(), state),
            (formatting.age(run.started, at) if run.started else "", "quiet"),
            (took, "quiet"),
            (run.detail, "quiet"),
        ),
    )


def _deployment(one: Deployment, view: View) -> Line:
    after = f"{one.next.astimezone(view.zone):%d %b %H:%M}" if one.next else ""
    when = "paused" if one.paused else ", ".join(one.schedules) or "by hand"
    cells = ((one.label, "text"), (when, "quiet"), (after, "quiet"), (one.description, "quiet"))
    return Line(one.label, cells)


def _said(line: LogLine, view: View) -> Row:
    clock = f"{line.at.astimezone(view.zone):%H:%M:%S}  "
    return [(clock, "quiet"), (line.text, LEVELS.get(line.level, "text"))]

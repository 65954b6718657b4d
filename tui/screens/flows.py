"""Flows: runs with their logs, and deployments to start."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from oneclick import design
from oneclick.core.errors import OneclickError
from oneclick.report import flows, formatting
from oneclick.report.snapshot import FlowRunRow
from oneclick.services import prefect_api
from oneclick.services.prefect_api import Deployment, FlowRunLogLine
from oneclick.tui import dialogs
from oneclick.tui.panel import RowHighlighted, RowSelected, SnapshotView, bindings
from oneclick.tui.panels.table import Column, TablePanel, TableRow, TextPanel
from oneclick.tui.rows import StyledRow
from oneclick.tui.screens.fetching import FetchingScreen

LEVELS = {30: "warn", 40: "fail", 50: "fail"}


class RunTable(TablePanel):
    """Flow runs, newest first."""

    HEADING = "Flow runs"
    HELP = (
        "Runs of flows, newest first, from the catalog and from the Prefect server if one is set. "
        "c cancels the run under the cursor; its log stands on the right."
    )
    KEYS = ("cancel",)
    COMMAND = ("flows", "list")
    EMPTY_TEXT = "no run yet: oneclick run VIDEO, or oneclick up for the schedules"
    COLUMNS: ClassVar = (
        Column("", 1),
        Column("flow", 11),
        Column("state", 11),
        Column("age", 4, True),
        Column("took", 5, True),
        Column("detail", 0),
    )
    BINDINGS = bindings("cancel", namespace="screen.")


class DeploymentTable(TablePanel):
    """Prefect deployments with their schedules."""

    HEADING = "Deployments"
    HELP = "What can be started, and when each starts by itself. n or Enter starts one."
    KEYS = ("start",)
    COMMAND = ("flows", "deployments")
    EMPTY_TEXT = "no Prefect server: start one with oneclick up, or set PREFECT_API_URL"
    COLUMNS: ClassVar = (
        Column("deployment", 22),
        Column("schedule", 15),
        Column("next", 12),
        Column("what it does", 0),
    )
    BINDINGS = bindings("start", namespace="screen.")


class RunLog(TextPanel):
    """The log of the run under the cursor."""

    HEADING = "Log"
    HELP = "The log of the run under the cursor, as far as the server keeps it."
    COMMAND = ("flows", "logs")


@dataclass(frozen=True, kw_only=True)
class FlowsContent:
    """What the screen shows beside the Snapshot."""

    view: SnapshotView
    runs: list[FlowRunRow]
    deployments: list[Deployment] = field(default_factory=list)
    log: list[FlowRunLogLine] = field(default_factory=list)
    problem: str = ""
    """Why the server does not answer."""


class FlowsScreen(FetchingScreen):
    """Flow runs, the log of one, and deployments."""

    NAME = "flows"
    AUTO_FOCUS = "RunTable"

    def panels(self) -> ComposeResult:
        """Yield runs and log above, deployments below."""
        with Vertical(classes="body"):
            with Horizontal(classes="two"):
                yield RunTable(classes="list")
                yield RunLog(classes="detail")
            yield DeploymentTable(classes="one")

    def fetch(self, view: SnapshotView) -> FlowsContent:
        """Load the runs of the catalog, and what the server adds if one is set and answers."""
        home = view.snapshot.home
        server = prefect_api.connect(home)
        if server is None or view.snapshot.past:
            return FlowsContent(view=view, runs=list(view.snapshot.runs))
        try:
            runs = flows.runs(home, server)
            run_id = self.query_one(RunTable).key or (runs[0].id if runs else None)
            log = server.logs(run_id, limit=200) if run_id else []
            return FlowsContent(view=view, runs=runs, deployments=server.deployments(), log=log)
        except OneclickError as error:
            return FlowsContent(view=view, runs=flows.runs(home), problem=str(error))

    def fill(self, content: FlowsContent) -> None:
        """Show runs, log and deployments."""
        view = content.view
        self.query_one(RunTable).show_rows([run_row(run, view.at) for run in content.runs])
        deployments = self.query_one(DeploymentTable)
        if content.problem:
            deployments.show_message(content.problem)
        else:
            deployments.show_rows([deployment_row(row, view) for row in content.deployments])
        log: list[StyledRow] = [
            [
                (f"{line.at.astimezone(view.zone):%H:%M:%S}  ", "quiet"),
                (line.text, LEVELS.get(line.level, "text")),
            ]
            for line in content.log
        ]
        empty: list[StyledRow] = [[("the server keeps no log of this run", "quiet")]]
        self.query_one(RunLog).show_text(log or empty)

    def on_row_highlighted(self, event: RowHighlighted) -> None:
        """Show the log of the run that the cursor moved to."""
        if isinstance(event.panel, RunTable):
            self.fetch_again()

    def on_row_selected(self, event: RowSelected) -> None:
        """Start the deployment that Enter was pressed on."""
        if isinstance(event.panel, DeploymentTable):
            event.stop()
            self.action_key_start()

    def action_key_start(self) -> None:
        """Request parameters in a dialog, then start the deployment under the cursor."""
        name = self.query_one(DeploymentTable).key
        if name is None:
            return

        def start(text: str | None) -> None:
            if text is not None:
                parameters = [part for change in text.split() for part in ("--set", change)]
                self.host.run_command(("flows", "run", name, *parameters), f"Start {name}?")

        dialog = dialogs.InputDialog(
            f"Start {name} with", "", "name=value name=value; nothing takes what is set there"
        )
        self.app.push_screen(dialog, start)

    def action_key_cancel(self) -> None:
        """Cancel the run under the cursor."""
        if run := self.query_one(RunTable).key:
            self.host.run_command(("flows", "cancel", run), "Ask this run to end?")


def run_row(run: FlowRunRow, at: datetime) -> TableRow:
    """Return the row of a run; `at` is the time to which its age refers."""
    state = design.load().prefect.get(run.state, "wait")
    duration = "" if run.progress is None else f"{run.progress:.0%}"
    if run.started and run.ended:
        duration = formatting.duration((run.ended - run.started).total_seconds())
    return TableRow(
        run.id,
        (
            (design.load().state[state], state),
            (run.flow, "text"),
            (run.state.lower(), state),
            (formatting.age(run.started, at) if run.started else "", "quiet"),
            (duration, "quiet"),
            (run.detail, "quiet"),
        ),
    )


def deployment_row(deployment: Deployment, view: SnapshotView) -> TableRow:
    """Return the row of a deployment: its schedules, or that it is paused or started by hand."""
    start = f"{deployment.next.astimezone(view.zone):%d %b %H:%M}" if deployment.next else ""
    schedule = ", ".join(deployment.schedules) or "by hand"
    return TableRow(
        deployment.label,
        (
            (deployment.label, "text"),
            ("paused" if deployment.paused else schedule, "quiet"),
            (start, "quiet"),
            (deployment.description, "quiet"),
        ),
    )

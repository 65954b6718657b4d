"""System: cameras, disk, versions, queues, and the checks of the doctor."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from oneclick import design
from oneclick.catalog import Catalog
from oneclick.core.clips import ClipStage
from oneclick.core.errors import OneclickError
from oneclick.report import formatting
from oneclick.report.cameras import CameraFigures, InsightReader, camera_figures
from oneclick.services import prefect_api
from oneclick.storage import bounded_documents
from oneclick.storage.bounded_documents import BrokenJson
from oneclick.tui.commands import CommandResult
from oneclick.tui.panel import RowSelected, SnapshotView
from oneclick.tui.panels.table import Column, TablePanel, TableRow, TextPanel
from oneclick.tui.rows import StyledRow, StyledText
from oneclick.tui.screens.fetching import FetchingScreen

CAMERA_SECONDS = 2.0
"""Time between two looks at the cameras."""
PACKAGES = ("oneclick", "prefect", "torch", "torchvision", "opencv-python", "wandb", "textual")


class DoctorTable(TablePanel):
    """The results of `oneclick doctor`."""

    HEADING = "Doctor"
    HELP = "Whether this machine can do a lap: Enter asks again, and each finding says the remedy."
    COMMAND = ("doctor",)
    EMPTY_TEXT = "⏎ looks whether this machine can do a lap"
    COLUMNS: ClassVar = (Column("", 1), Column("check", 13), Column("finding", 0))

    def action_key_open(self) -> None:
        """Run the checks, whether there are results already or not."""
        self.post_message(RowSelected(self, self.key))


class MachinePanel(TextPanel):
    """Disk, GPUs, server and versions."""

    HEADING = "Machine"
    HELP = "Room on the disk of the workspace, the Prefect server, and versions of what matters."
    COMMAND = ("doctor",)


class QueueTable(TablePanel):
    """Clips that wait, by stage."""

    HEADING = "Queues"
    HELP = "Clips at every stage where work waits, the oldest of them, and who holds clips now."
    COMMAND = ("status",)
    COLUMNS: ClassVar = (Column("stage", 13), Column("clips", 7, True), Column("oldest", 7, True))


class CameraTable(TablePanel):
    """What cameras and their models do."""

    HEADING = "Cameras"
    HELP = (
        "Live and edge cameras, and what models see there in a week: drift, flicker, unseen. "
        "Where there is no room for all columns, oneclick cameras status has them."
    )
    COMMAND = ("cameras", "status")
    EMPTY_TEXT = "no camera yet: oneclick live runs those of the settings"
    COLUMNS: ClassVar = (
        Column("", 1),
        Column("camera", 12, middle=True),
        Column("live", 10),
        Column("fps", 4, True, leaves=5),
        Column("lag ms", 6, True, leaves=3),
        Column("what is wrong", 20),
        Column("drift", 25, leaves=9),
        Column("flicker/min", 11, True, leaves=6),
        Column("new per h", 9, True, leaves=2),
        Column("unseen", 6, True, leaves=7),
        Column("edge seen (UTC)", 16, leaves=1),
        Column("waiting", 7, True, leaves=4),
        Column("not taken", 9, True, leaves=8),
        Column("model"),
    )


@dataclass(frozen=True)
class SystemContent:
    """What the screen shows beside the Snapshot."""

    machine: list[StyledRow]
    holders: dict[str, int]
    """Clips under lease, by the owner of the lease."""
    view: SnapshotView


class SystemScreen(FetchingScreen):
    """Cameras, machine, queues and doctor."""

    NAME = "system"
    AUTO_FOCUS = "DoctorTable"
    _insight: InsightReader | None = None

    def panels(self) -> ComposeResult:
        """Yield the cameras, machine and queues below, the doctor last."""
        with Vertical(classes="body"):
            yield CameraTable(classes="one")
            with Horizontal(classes="one"):
                yield MachinePanel(classes="half")
                yield QueueTable(classes="half")
            yield DoctorTable(classes="one")

    def fetch(self, view: SnapshotView) -> SystemContent:
        """Load disk, GPUs, server, versions and the owners of leases."""
        with Catalog.open(view.snapshot.home, readonly=True) as catalog:
            holders = catalog.holders()
        return SystemContent(machine_rows(view), holders, view)

    def fill(self, content: SystemContent) -> None:
        """Show machine and queues; the doctor waits for Enter."""
        leases: list[StyledRow] = [
            [(f"{clips:,} clips held by ", "quiet"), (owner, "text")]
            for owner, clips in content.holders.items()
        ]
        self.query_one(MachinePanel).show_text([*content.machine, *leases])
        self.query_one(QueueTable).show_rows(queue_rows(content.view))

    def on_mount(self) -> None:
        """Look at the cameras every few seconds: their states change without the catalog."""
        self.set_interval(CAMERA_SECONDS, self.read_cameras)

    def on_screen_resume(self) -> None:
        """Look at the cameras at once."""
        self.read_cameras()

    def read_cameras(self) -> None:
        """Read what the cameras do in a thread, unless nobody sees it."""
        view = self.view
        if view is None or not self.is_current:
            return
        table = self.query_one(CameraTable)
        if view.snapshot.past:
            table.show_message("cameras are shown as they are now: n")
            return
        home = view.snapshot.home
        if self._insight is None:
            self._insight = InsightReader(home)
        reader = self._insight

        def show(figures: list[CameraFigures], note: str) -> None:
            table.show_rows([camera_row(row) for row in figures])
            table.set_titles(table.HEADING, note)

        def read() -> None:
            insight = reader.newest()
            note = reader.problem or ("" if insight else "what models do is being measured")
            self.app.call_from_thread(show, camera_figures(home, insight), note)

        self.run_worker(read, thread=True, group="cameras", exclusive=True, exit_on_error=False)

    def show(self, view: SnapshotView) -> None:
        """Show the view, and the cameras at its first time."""
        is_first = self.view is None
        super().show(view)
        if is_first:
            self.read_cameras()

    def on_row_selected(self, event: RowSelected) -> None:
        """Run `oneclick doctor` in a process of its own, and show its results."""
        event.stop()
        table = self.query_one(DoctorTable)

        def show(result: CommandResult) -> None:
            try:
                checks: list[dict[str, Any]] = bounded_documents.parse_json(
                    result.stdout, list[dict[str, Any]]
                )
            except BrokenJson:
                table.show_message(result.summary)
            else:
                table.show_rows([check_row(check) for check in checks])

        table.show_message("looking; this takes a few seconds")
        self.host.execute(("doctor", "--json"), show)


def camera_row(figures: CameraFigures) -> TableRow:
    """Return the row of a camera and a model, with the lamp of its state."""
    state, cells = figures.state, figures.cells
    styles = {"what is wrong": state, "model": "quiet"}
    texts = [(text, styles.get(heading, "text")) for heading, text in cells.items()]
    key = (figures.camera, cells["model"])
    return TableRow(key, ((design.load().state[state], state), *texts))


def check_row(check: dict[str, Any]) -> TableRow:
    """Return the row of one check, as `oneclick doctor --json` prints it."""
    state = "ok" if check["ok"] else "fail"
    glyph = design.load().state[state]
    return TableRow(
        check["name"], ((glyph, state), (check["name"], "text"), (check["detail"], "quiet"))
    )


def machine_rows(view: SnapshotView) -> list[StyledRow]:
    """Return disk, Prefect server, Python, GPUs and package versions, a row each."""
    home = view.snapshot.home
    disk = shutil.disk_usage(home if home.is_dir() else home.absolute().anchor)
    share = disk.used / disk.total
    lines: list[StyledRow] = [
        [("workspace      ", "quiet"), (str(home.absolute()), "text")],
        [
            ("disk           ", "quiet"),
            (f"{share:.0%} full", "fail" if share > 0.95 else "warn" if share > 0.85 else "ok"),
            (f", {disk.free / 1e9:,.0f} GB free", "quiet"),
        ],
        [("Prefect        ", "quiet"), server_state(home)],
        [("Python         ", "quiet"), (sys.version.split()[0], "text")],
    ]
    lines += [[(f"{'GPU':<15}", "quiet"), (text, "text")] for text in gpu_states()]
    return lines + [[(f"{name:<15}", "quiet"), (_version(name), "text")] for name in PACKAGES]


def gpu_states() -> list[str]:
    """Return name, memory and load of each GPU as nvidia-smi prints them: torch is not imported."""
    query = "--query-gpu=name,memory.used,memory.total,utilization.gpu"
    try:
        call = ["nvidia-smi", query, "--format=csv,noheader,nounits"]
        out = subprocess.run(call, capture_output=True, text=True, timeout=5, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ["none: models run on the processor"]
    gpus = [[part.strip() for part in line.split(",")] for line in out.splitlines()]
    return [f"{name}, {used} of {total} MiB, {load}% busy" for name, used, total, load in gpus]


def server_state(home: Path) -> StyledText:
    """Return version and address of the Prefect server, or why there is none."""
    server = prefect_api.connect(home)
    if server is None:
        return "no server set: flows run inside oneclick run", "quiet"
    try:
        return f"{server.version()} at {server.url}", "ok"
    except OneclickError as error:
        return str(error), "fail"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def queue_rows(view: SnapshotView) -> list[TableRow]:
    """Return a row for each stage where clips wait for work, with the age of the oldest."""
    lines = []
    for stage in view.snapshot.stages:
        if stage.stage in (ClipStage.PUBLISHED, ClipStage.REJECTED):
            continue
        style = design.load().stage_of(stage.stage)
        age = formatting.age(stage.oldest, view.at) if stage.oldest else ""
        name = f"{style.number} {style.glyph} {style.word}"
        cells = ((name, "text"), (formatting.count(stage.clips), "text"), (age, "quiet"))
        lines.append(TableRow(stage.stage, cells))
    return lines

"""System: room, versions, queues, and what the doctor says."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from oneclick import design
from oneclick.catalog import Catalog
from oneclick.core.clips import ClipStage
from oneclick.core.errors import OneclickError
from oneclick.report import formatting
from oneclick.services import prefect_api
from tui.commands import Done
from tui.panel import Chosen, View
from tui.panels.table import Column, Line, Prose, Table
from tui.rows import Row
from tui.screens.fetching import Fetching

PACKAGES = ("oneclick", "prefect", "torch", "torchvision", "opencv-python", "wandb", "textual")


class Checks(Table):
    """What the doctor found."""

    HEADING = "Doctor"
    SAYS = "Whether this machine can do a lap: Enter asks again, and each finding says the remedy."
    TWIN = ("doctor",)
    NOTHING = "⏎ looks whether this machine can do a lap"
    COLUMNS: ClassVar = (Column("", 1), Column("check", 13), Column("finding", 0))

    def action_key_open(self) -> None:
        """Ask, whether there are findings or not."""
        self.post_message(Chosen(self, self.key))


class Room(Prose):
    """Disk and versions."""

    HEADING = "Machine"
    SAYS = "Room on the disk of the workspace, the Prefect server, and versions of what matters."
    TWIN = ("doctor",)


class Queues(Table):
    """Who waits, and who works on it."""

    HEADING = "Queues"
    SAYS = "Clips at every stage where work waits, the oldest of them, and who holds clips now."
    TWIN = ("status",)
    COLUMNS: ClassVar = (Column("stage", 13), Column("clips", 7, True), Column("oldest", 7, True))


@dataclass(frozen=True)
class Data:
    """What the screen shows."""

    room: list[Row]
    holders: dict[str, int]
    view: View


class System(Fetching):
    """Machine, queues, doctor."""

    NAME = "system"
    AUTO_FOCUS = "Checks"

    def panels(self) -> ComposeResult:
        """Machine and queues above, the doctor below."""
        with Vertical(classes="body"):
            with Horizontal(classes="one"):
                yield Room(classes="half")
                yield Queues(classes="half")
            yield Checks(classes="one")

    def fetch(self, view: View) -> Data:
        """Disk, versions, server, leases."""
        with Catalog.open(view.snapshot.home, readonly=True) as catalog:
            holders = catalog.holders()
        return Data(_machine(view), holders, view)

    def fill(self, found: Data) -> None:
        """Both panels; the doctor is asked by Enter."""
        held: list[Row] = [
            [(f"{clips:,} clips held by ", "quiet"), (owner, "text")]
            for owner, clips in found.holders.items()
        ]
        self.query_one(Room).say([*found.room, *held])
        self.query_one(Queues).lines(_queues(found.view))

    def on_chosen(self, event: Chosen) -> None:
        """Ask the doctor, in a process of its own."""
        event.stop()
        self.query_one(Checks).say("looking; this takes a few seconds")
        self.engine.execute(("doctor", "--json"), self._examined)

    def _examined(self, done: Done) -> None:
        try:
            found: list[dict[str, Any]] = json.loads(done.out)
        except ValueError:
            self.query_one(Checks).say(done.line)
            return
        self.query_one(Checks).lines([_finding(one) for one in found])


def _finding(one: dict[str, Any]) -> Line:
    state = "ok" if one["ok"] else "fail"
    cells = ((design.load().state[state], state), (one["name"], "text"), (one["detail"], "quiet"))
    return Line(one["name"], cells)


def _machine(view: View) -> list[Row]:
    home = view.snapshot.home
    used = shutil.disk_usage(home if home.is_dir() else home.absolute().anchor)
    share = used.used / used.total
    lines: list[Row] = [
        [("workspace      ", "quiet"), (str(home.absolute()), "text")],
        [
            ("disk           ", "quiet"),
            (f"{share:.0%} full", "fail" if share > 0.95 else "warn" if share > 0.85 else "ok"),
            (f", {used.free / 1e9:,.0f} GB free", "quiet"),
        ],
        [("Prefect        ", "quiet"), *_server()],
        [("Python         ", "quiet"), (sys.version.split()[0], "text")],
    ]
    lines += [[(f"{'GPU':<15}", "quiet"), (text, "text")] for text in _gpus()]
    return lines + [[(f"{name:<15}", "quiet"), (_version(name), "text")] for name in PACKAGES]


def _gpus() -> list[str]:
    """Name, memory and load of each, as the driver says; its program is asked, not torch."""
    asked = "--query-gpu=name,memory.used,memory.total,utilization.gpu"
    try:
        call = ["nvidia-smi", asked, "--format=csv,noheader,nounits"]
        out = subprocess.run(call, capture_output=True, text=True, timeout=5, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ["none: models run on the processor"]
    found = [[part.strip() for part in line.split(",")] for line in out.splitlines()]
    return [f"{name}, {used} of {total} MiB, {load}% busy" for name, used, total, load in found]


def _server() -> Row:
    found = prefect_api.connect()
    if found is None:
        return [("no server set: flows run inside oneclick run", "quiet")]
    try:
        return [(f"{found.version()} at {found.url}", "ok")]
    except OneclickError as error:
        return [(str(error), "fail")]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _queues(view: View) -> list[Line]:
    lines = []
    for stage in view.snapshot.stages:
        if stage.stage in (ClipStage.PUBLISHED, ClipStage.REJECTED):
            continue
        known = design.load().stage_of(stage.stage)
        age = formatting.age(stage.oldest, view.at) if stage.oldest else ""
        name = f"{known.number} {known.glyph} {known.word}"
        cells = ((name, "text"), (formatting.count(stage.clips), "text"), (age, "quiet"))
        lines.append(Line(stage.stage, cells))
    return lines

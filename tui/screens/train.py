"""Train: models, the gate's tables, what every week brought, and a training that runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from oneclick import report
from oneclick.report import formatting, progress, scores
from oneclick.report.history import CURVES, Week
from oneclick.report.progress import Course
from oneclick.report.scores import ModelRow, Training
from tui import rows
from tui.panel import Moved, Panel, View, bindings
from tui.panels import curve
from tui.panels.table import Column, Line, Prose, Table
from tui.rows import Row
from tui.screens.fetching import Fetching


class ModelTable(Table):
    """Models."""

    HEADING = "Models"
    SAYS = (
        "All models, newest first: ● serves the cameras, ◇ only labels; mAP and AP50 on the test "
        "clips of its own dataset, and what the gate said. p puts the model under the cursor into "
        "service without asking the gate, b takes the last promotion back."
    )
    KEYS = ("promote", "rollback")
    TWIN = ("models", "list")
    NOTHING = "no model yet: oneclick train"
    COLUMNS: ClassVar = (
        Column("", 1),
        Column("model", 0, middle=True),
        Column("mAP", 6, True),
        Column("AP50", 6, True),
        Column("gate", 19),
        Column("made", 10),
    )
    BINDINGS = bindings("promote", "rollback", of="screen.")


class Gate(Prose):
    """What the gate said of one model."""

    HEADING = "Gate"
    SAYS = (
        "Candidate beside champion on the same test clips: the decision with its reasons, then "
        "every slice, worst first, with its gain, and the clips the model does worst on."
    )
    TWIN = ("models", "show")


class Weeks(Prose):
    """The learning curve."""

    HEADING = "What every week brought"
    SAYS = "mAP of the champion, labelled images and edits for 100 boxes, week by week."
    TWIN = ("models", "history")


class Running(Panel):
    """The losses of the newest training."""

    HEADING = "Newest training"
    SAYS = (
        "The loss of the newest training by its steps, read from its metrics.jsonl while it runs."
    )
    TWIN = ("models", "list")
    _part: Course | None

    def draw(self, room: int, height: int) -> list[Row]:
        """Steps, loss, and the curve."""
        assert self._part
        quiet, found = self.ink["quiet"], self._part
        if not found.losses:
            return [[("no training yet: oneclick train", quiet)]]
        line: Row = [(found.model, self.ink["text"])]
        end: Row = [
            (f" step {found.steps[-1]:,}", quiet),
            (f"  loss {found.losses[-1]:.3g}", "bold"),
        ]
        end[1] = (end[1][0], f"{self.ink['text']} bold")
        lines = [rows.spread(line, end, room)]
        if len(found.losses) > 1 and height > 3:
            lines += curve.draw(found.losses, room, height - 1, self.ink)
        return lines


@dataclass(frozen=True)
class Data:
    """What the screen shows."""

    models: list[ModelRow]
    training: Training | None
    weeks: list[Week]
    course: Course
    view: View


class Train(Fetching):
    """Models, gate, weeks, the newest training."""

    NAME = "train"
    AUTO_FOCUS = "ModelTable"

    def panels(self) -> ComposeResult:
        """Models and gate above, weeks and training below."""
        with Vertical(classes="body"):
            with Horizontal(classes="two"):
                yield ModelTable(classes="half")
                yield Gate(classes="half")
            with Horizontal(classes="one"):
                yield Weeks(classes="half")
                yield Running(classes="half")

    def fetch(self, view: View) -> Data:
        """Models, the decision about the one under the cursor, weeks."""
        home = view.snapshot.home
        models = list(reversed(report.models(home)))
        chosen = self.query_one(ModelTable).key
        known = {row.id for row in models}
        training = report.training(home, chosen if chosen in known else None)
        return Data(models, training, report.history(home), progress.newest(home), view)

    def fill(self, found: Data) -> None:
        """The four panels."""
        self.query_one(ModelTable).lines([_model(row, found.view) for row in found.models])
        gate = self.query_one(Gate)
        gate.name_it(f"Gate · {found.training.model}" if found.training else "Gate")
        gate.say(_gate(found.training) if found.training else [[("not judged", "quiet")]])
        self.query_one(Weeks).say(_weeks(found.weeks))
        self.query_one(Running).put(found.course)

    def on_moved(self, event: Moved) -> None:
        """Another model, another table."""
        self.again()

    def action_key_promote(self) -> None:
        """The model under the cursor into service."""
        if model := self.query_one(ModelTable).key:
            self.do("models", "promote", model, question=f"Put {model} into service, gate or not?")

    def action_key_rollback(self) -> None:
        """The champion of before back."""
        self.do("models", "rollback", question="Put the champion of before back into service?")


def _model(row: ModelRow, view: View) -> Line:
    mark = "●" if row.champion else "◇" if row.labels else ""
    cells = (
        (mark, "ok"),
        (row.id, "text bold" if row.champion else "text"),
        (f"{row.map:.3f}", "text"),
        (f"{row.ap50:.3f}", "quiet"),
        (row.verdict, "quiet"),
        (f"{row.made_at.astimezone(view.zone):%Y-%m-%d}", "quiet"),
    )
    return Line(row.id, cells)


def _gate(found: Training) -> list[Row]:
    lines: list[Row] = [[(found.verdict, "text bold")]]
    lines += [[(reason, "quiet")] for reason in found.reasons]
    if found.slices:
        lines += [[], _slice_head()]
        lines += [_slice(row) for row in scores.slice_columns(found.slices)]
    if found.worst:
        lines += [[], [("worst clips", "accent")]]
        lines += [
            [(f"{one.clip}  ", "text"), (f"frame {one.frame}  F1 {one.f1:.2f}", "quiet")]
            for one in found.worst
        ]
    return lines


def _slice_head() -> Row:
    return [(f"{'slice':<20}{'champion':>9}{'mAP':>7}{'gain':>8}{'clips':>6}", "accent")]


def _slice(row: dict[str, Any]) -> Row:
    def value(name: str, room: int, sign: str = "") -> str:
        found = row.get(name)
        return f"{'–':>{room}}" if found is None else f"{found:>{sign}{room}.3f}"

    gain = row.get("gain")
    worse = gain is not None and gain < 0
    return [
        (rows.left(str(row["slice"]), 20), "text"),
        (value("champion", 9), "quiet"),
        (value("mAP", 7), "text"),
        (value("gain", 8, "+"), "fail" if worse else "ok" if gain is not None else "quiet"),
        (f"{row['clips']:>6}", "quiet"),
        (f"  {row.get('', '')}", "warn"),
    ]


def _weeks(found: list[Week]) -> list[Row]:
    if not found:
        return [[("nothing was trained or reviewed yet", "quiet")]]
    lines: list[Row] = []
    for name, title in CURVES.items():
        values = [getattr(week, name) for week in found]
        known = [value for value in values if value is not None]
        last = formatting.number(known[-1]) if known else "–"
        spark = rows.spark([value or 0 for value in values])
        lines.append([(f"{title:<22}", "quiet"), (f"{last:>8} ", "text bold"), (spark, "run")])
    lines.append([(f"{found[0].week} to {found[-1].week}", "quiet")])
    return lines

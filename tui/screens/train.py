"""Train: models, the gate's decision, the learning curve, and a training that runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from oneclick import report
from oneclick.report import formatting, progress, scores
from oneclick.report.history import CURVES, WeekRow
from oneclick.report.progress import LossCurve
from oneclick.report.scores import ModelRow, TrainingReport
from oneclick.tui import rows
from oneclick.tui.panel import Panel, RowHighlighted, SnapshotView, bindings
from oneclick.tui.panels import curve
from oneclick.tui.panels.table import Column, TablePanel, TableRow, TextPanel
from oneclick.tui.rows import StyledRow
from oneclick.tui.screens.fetching import FetchingScreen


class ModelTable(TablePanel):
    """Trained models with what the gate decided."""

    HEADING = "Models"
    HELP = (
        "All models, newest first: ● serves the cameras, ◇ only labels; mAP and AP50 on the test "
        "clips of its own dataset, and what the gate said. p puts the model under the cursor into "
        "service without asking the gate, b takes the last promotion back."
    )
    KEYS = ("promote", "rollback")
    COMMAND = ("models", "list")
    EMPTY_TEXT = "no model yet: oneclick train"
    COLUMNS: ClassVar = (
        Column("", 1),
        Column("model", 0, middle=True),
        Column("mAP", 6, True),
        Column("AP50", 6, True),
        Column("gate", 19),
        Column("made", 10),
    )
    BINDINGS = bindings("promote", "rollback", namespace="screen.")


class GatePanel(TextPanel):
    """The gate's decision about one model."""

    HEADING = "Gate"
    HELP = (
        "Candidate beside champion on the same test clips: the decision with its reasons, then "
        "every slice, worst first, with its gain, what both did in shadow, and the clips the model "
        "does worst on."
    )
    COMMAND = ("models", "show")


class LearningCurvePanel(TextPanel):
    """The learning curve by week."""

    HEADING = "What every week brought"
    HELP = "mAP of the champion, labelled images and edits for 100 boxes, week by week."
    COMMAND = ("models", "history")


class LossCurvePanel(Panel):
    """The losses of the newest training."""

    HEADING = "Newest training"
    HELP = (
        "The loss of the newest training by its steps, read from its metrics.jsonl while it runs."
    )
    COMMAND = ("models", "list")
    _content: LossCurve | None

    def draw(self, width: int, height: int) -> list[StyledRow]:
        """Return model, steps and last loss, and the curve below if it fits."""
        assert self._content
        ink, training = self.ink, self._content
        if not training.losses:
            return [[("no training yet: oneclick train", ink["quiet"])]]
        start = [(training.model, ink["text"])]
        end = [
            (f" step {training.steps[-1]:,}", ink["quiet"]),
            (f"  loss {training.losses[-1]:.3g}", f"{ink['text']} bold"),
        ]
        lines = [rows.justify(start, end, width)]
        if len(training.losses) > 1 and height > 3:
            lines += curve.draw(training.losses, width, height - 1, ink)
        return lines


@dataclass(frozen=True, kw_only=True)
class TrainContent:
    """What the screen shows beside the Snapshot."""

    models: list[ModelRow]
    training: TrainingReport | None
    """Of the model under the cursor."""
    weeks: list[WeekRow]
    course: LossCurve
    view: SnapshotView


class TrainScreen(FetchingScreen):
    """Models, gate, learning curve and the newest training."""

    NAME = "train"
    AUTO_FOCUS = "ModelTable"

    def panels(self) -> ComposeResult:
        """Yield models and gate above, learning curve and training below."""
        with Vertical(classes="body"):
            with Horizontal(classes="two"):
                yield ModelTable(classes="half")
                yield GatePanel(classes="half")
            with Horizontal(classes="one"):
                yield LearningCurvePanel(classes="half")
                yield LossCurvePanel(classes="half")

    def fetch(self, view: SnapshotView) -> TrainContent:
        """Load models, the decision about the one under the cursor, weeks and losses."""
        home = view.snapshot.home
        models = list(reversed(report.models(home)))
        model_id = self.query_one(ModelTable).key
        if model_id not in {row.id for row in models}:
            model_id = None
        return TrainContent(
            models=models,
            training=report.training_report(home, model_id),
            weeks=report.weekly_history(home),
            course=progress.newest_loss_curve(home),
            view=view,
        )

    def fill(self, content: TrainContent) -> None:
        """Show models, gate, learning curve and training."""
        table, gate = self.query_one(ModelTable), self.query_one(GatePanel)
        table.show_rows([model_row(row, content.view) for row in content.models])
        training = content.training
        gate.set_titles(f"Gate · {training.model}" if training else "Gate")
        gate.show_text(gate_rows(training) if training else [[("not judged", "quiet")]])
        self.query_one(LearningCurvePanel).show_text(week_rows(content.weeks))
        self.query_one(LossCurvePanel).show_content(content.course)

    def on_row_highlighted(self, event: RowHighlighted) -> None:
        """Show the gate's decision about the model that the cursor moved to."""
        self.fetch_again()

    def action_key_promote(self) -> None:
        """Put the model under the cursor into service."""
        if model := self.query_one(ModelTable).key:
            self.host.run_command(
                ("models", "promote", model), f"Put {model} into service, gate or not?"
            )

    def action_key_rollback(self) -> None:
        """Put the previous champion back into service."""
        self.host.run_command(
            ("models", "rollback"), "Put the champion of before back into service?"
        )


def model_row(row: ModelRow, view: SnapshotView) -> TableRow:
    """Return the row of a model."""
    mark = "●" if row.champion else "◇" if row.labels else ""
    cells = (
        (mark, "ok"),
        (row.id, "text bold" if row.champion else "text"),
        (f"{row.map:.3f}", "text"),
        (f"{row.ap50:.3f}", "quiet"),
        (row.shadow or row.verdict, "quiet"),
        (f"{row.made_at.astimezone(view.zone):%Y-%m-%d}", "quiet"),
    )
    return TableRow(row.id, cells)


def gate_rows(training: TrainingReport) -> list[StyledRow]:
    """Return the gate's verdict with its reasons, all slices, and the worst clips."""
    lines: list[StyledRow] = [[(training.verdict, "text bold")]]
    lines += [[(reason, "quiet")] for reason in training.reasons]
    if training.slices:
        heading = f"{'slice':<20}{'champion':>9}{'mAP':>7}{'gain':>8}{'clips':>6}"
        lines += [[], [(heading, "accent")]]
        lines += [slice_row(row) for row in scores.slice_columns(training.slices)]
    if shadow := scores.shadow_columns(training.shadow):
        heading = f"{'in shadow':<34}{'champion':>9}{'candidate':>10}{'hours':>7}"
        lines += [[], [(heading, "accent")]]
        lines += [shadow_row(row) for row in shadow]
    if training.worst:
        lines += [[], [("worst clips", "accent")]]
        lines += [
            [(f"{clip.clip}  ", "text"), (f"frame {clip.frame}  F1 {clip.f1:.2f}", "quiet")]
            for clip in training.worst
        ]
    return lines


def slice_row(row: dict[str, Any]) -> StyledRow:
    """Return a row of `scores.slice_columns` in the columns of the gate's table."""

    def format_score(name: str, width: int, sign: str = "") -> str:
        score = row.get(name)
        return f"{'–':>{width}}" if score is None else f"{score:>{sign}{width}.3f}"

    gain = row.get("gain")
    worse = gain is not None and gain < 0
    return [
        (rows.align_left(str(row["slice"]), 20), "text"),
        (format_score("champion", 9), "quiet"),
        (format_score("mAP", 7), "text"),
        (format_score("gain", 8, "+"), "fail" if worse else "ok" if gain is not None else "quiet"),
        (f"{row['clips']:>6}", "quiet"),
        (f"  {row.get('', '')}", "warn"),
    ]


def shadow_row(row: dict[str, Any]) -> StyledRow:
    """Return a row of `scores.shadow_columns` in the columns of the gate's table."""
    champion, candidate = (
        "–" if row[name] is None else formatting.number(row[name])
        for name in ("champion", "candidate")
    )
    camera = "" if row["camera"] == "all" else f" · {row['camera']}"
    return [
        (rows.align_left(f"{row['in shadow']}{camera}", 34), "text"),
        (f"{champion:>9}", "quiet"),
        (f"{candidate:>10}", "text"),
        (f"{row['hours']:>7.1f}", "quiet"),
        (f"  {row['']}", "fail" if row[""] == "worse" else "warn"),
    ]


def week_rows(weeks: list[WeekRow]) -> list[StyledRow]:
    """Return a row for each learning curve: its title, last value and sparkline by week."""
    if not weeks:
        return [[("nothing was trained or reviewed yet", "quiet")]]
    lines: list[StyledRow] = []
    for name, title in CURVES.items():
        values = [getattr(week, name) for week in weeks]
        measured = [value for value in values if value is not None]
        last = formatting.number(measured[-1]) if measured else "–"
        spark = rows.sparkline([value or 0 for value in values])
        lines.append([(f"{title:<22}", "quiet"), (f"{last:>8} ", "text bold"), (spark, "run")])
    lines.append([(f"{weeks[0].week} to {weeks[-1].week}", "quiet")])
    return lines

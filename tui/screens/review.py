"""Review: who works, what waits, and what labels cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from oneclick import report
from oneclick.report import formatting
from oneclick.report.labelling import LabellingReport
from oneclick.report.numbers import ReviewEffort
from oneclick.report.people import Throughput, backlog_text
from oneclick.report.quality import ReviewQuality, quality_lines
from oneclick.report.search import SearchPage
from oneclick.tui.panel import SnapshotView, bindings
from oneclick.tui.panels.table import Column, TablePanel, TableRow, TextPanel
from oneclick.tui.panels.widgets import ReviewProgressPanel
from oneclick.tui.rows import StyledRow
from oneclick.tui.screens.fetching import FetchingScreen

PAGE_SIZE = 200


class ReviewQueue(TablePanel):
    """Clips that wait for a verdict."""

    HEADING = "Waiting for a verdict"
    HELP = (
        "Clips in review, those that have waited longest first. a accepts the clip under the "
        "cursor as it is labelled, x rejects it; oneclick review questions says what to look at."
    )
    KEYS = ("accept", "reject")
    COMMAND = ("review", "list")
    EMPTY_TEXT = "no clip waits for review"
    COLUMNS: ClassVar = (
        Column("clip", 0, middle=True),
        Column("waits", 5, True),
        Column("frames", 6, True),
        Column("by", 7),
        Column("why", 0),
    )
    BINDINGS = bindings("accept", "reject", namespace="screen.")


class LabelCostTable(TablePanel):
    """What labels cost by week and maker."""

    HEADING = "What labels cost"
    HELP = (
        "By week and by who made the automatic labels: clips and images that people reviewed, how "
        "many boxes of a hundred they changed, seconds for an image, and clips accepted unseen. "
        "Labels must get cheaper from week to week."
    )
    COMMAND = ("label", "report")
    EMPTY_TEXT = "nothing was reviewed yet"
    COLUMNS: ClassVar = (
        Column("week", 8),
        Column("labels made by", 0),
        Column("clips", 6, True),
        Column("images", 7, True),
        Column("edits/100", 9, True),
        Column("s/image", 7, True),
        Column("unseen", 6, True),
    )


class ReviewTotals(TextPanel):
    """The cost of all reviews so far."""

    HEADING = "All reviewing so far"
    HELP = (
        "All reviews: clips and images by people, their edits for a hundred boxes, and seconds; "
        "how fast the team was in seven days, and what seeded errors and second looks say."
    )
    COMMAND = ("review", "stats")


@dataclass(frozen=True, kw_only=True)
class ReviewContent:
    """What the screen shows beside the Snapshot."""

    queue: SearchPage
    labelling: LabellingReport
    effort: ReviewEffort
    throughput: Throughput
    quality: ReviewQuality
    view: SnapshotView


class ReviewScreen(FetchingScreen):
    """Annotators, totals, the queue, and the cost of labels."""

    NAME = "review"
    AUTO_FOCUS = "ReviewQueue"

    def panels(self) -> ComposeResult:
        """Yield annotators and totals above, queue and cost below."""
        with Horizontal(classes="top"):
            yield ReviewProgressPanel()
            yield ReviewTotals()
        with Vertical(classes="body"):
            yield ReviewQueue(classes="two")
            yield LabelCostTable(classes="one")

    def fetch(self, view: SnapshotView) -> ReviewContent:
        """Load queue, cost and totals."""
        home = view.snapshot.home
        queue = report.search_clips(home, "stage:IN_REVIEW sort:age", PAGE_SIZE, 0, view.at)
        return ReviewContent(
            queue=queue,
            labelling=report.labelling_report(home),
            effort=report.review_effort(home),
            throughput=report.review_throughput(home, view.snapshot.reviewing.goal, view.at),
            quality=report.review_quality_report(home),
            view=view,
        )

    def fill(self, content: ReviewContent) -> None:
        """Show queue, cost and totals."""
        queue = self.query_one(ReviewQueue)
        queue.set_titles(f"{ReviewQueue.HEADING} · {content.queue.total:,}")
        queue.show_rows([queue_row(row, content.view) for row in content.queue.rows])
        costs = report.cost_columns(content.labelling)
        self.query_one(LabelCostTable).show_rows(
            [cost_row(number, row) for number, row in enumerate(costs)]
        )
        self.query_one(ReviewTotals).show_text(
            [*totals(content.effort), *pace(content.throughput, content.quality)]
        )

    def action_key_accept(self) -> None:
        """Accept the clip under the cursor."""
        if clip := self.query_one(ReviewQueue).key:
            self.host.run_command(("review", "accept", clip), f"Accept {clip} as it is labelled?")

    def action_key_reject(self) -> None:
        """Reject the clip under the cursor."""
        if clip := self.query_one(ReviewQueue).key:
            self.host.run_command(
                ("review", "reject", clip), f"Reject {clip}? It is never trained on."
            )


def queue_row(row: report.ClipRow, view: SnapshotView) -> TableRow:
    """Return the row of a clip in review."""
    age = formatting.age(row.moved_at, view.at)
    cells = (
        (row.id, "text"),
        (age, "quiet"),
        (str(row.frames), "quiet"),
        (row.chosen_by, "quiet"),
        (row.why, "quiet"),
    )
    return TableRow(row.id, cells)


def cost_row(number: int, row: dict[str, Any]) -> TableRow:
    """Return a row of `report.cost_columns` for the table; its number is its key."""
    texts = ["–" if value is None else str(value) for value in row.values()]
    styles = ["text" if k < 5 else "quiet" for k in range(len(texts))]
    return TableRow(number, tuple(zip(texts, styles, strict=True)))


def totals(effort: ReviewEffort) -> list[StyledRow]:
    """Return clips and images reviewed by people, their average cost, and clips accepted unseen."""

    def format_average(value: float | None) -> str:
        return "–" if value is None else f"{value:.1f}"

    return [
        [
            (f"{effort.clips:,}", "text bold"),
            (" clips, ", "quiet"),
            (f"{effort.images:,}", "text bold"),
            (" images", "quiet"),
        ],
        [
            (format_average(effort.edits_per_100_boxes), "text bold"),
            (" edits for 100 boxes", "quiet"),
        ],
        [
            (format_average(effort.seconds_per_image), "text bold"),
            (" seconds for an image", "quiet"),
        ],
        [(f"{effort.by_policy:,}", "text"), (" clips accepted unseen by policy", "quiet")],
    ]


def pace(throughput: Throughput, quality: ReviewQuality) -> list[StyledRow]:
    """Return how fast the team is, what waits, and how good the reviews are."""
    week = throughput.week
    speed = "–" if week.images_per_hour is None else f"{week.images_per_hour:,.0f}"
    stood = "–" if week.first_pass is None else f"{week.first_pass:.0%}"
    lines: list[StyledRow] = [
        [
            (speed, "text bold"),
            (" images/h, ", "quiet"),
            (stood, "text bold"),
            (" of clips stood", "quiet"),
        ],
        [(backlog_text(throughput), "quiet")],
    ]
    return lines + [[(line, "quiet")] for line in quality_lines(quality)]

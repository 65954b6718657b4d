"""Review: who works, what waits, and what labels cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from oneclick import report
from oneclick.report import formatting
from oneclick.report.labelling import Labelling
from oneclick.report.numbers import Effort
from oneclick.report.search import Found
from tui.panel import View, bindings
from tui.panels.table import Column, Line, Prose, Table
from tui.panels.widgets import People
from tui.rows import Row
from tui.screens.fetching import Fetching

MOST = 200


class Queue(Table):
    """Clips that wait for a verdict."""

    HEADING = "Waiting for a verdict"
    SAYS = (
        "Clips in review, those that have waited longest first. a accepts the clip under the "
        "cursor as it is labelled, x rejects it; oneclick review questions says what to look at."
    )
    KEYS = ("accept", "reject")
    TWIN = ("review", "list")
    NOTHING = "no clip waits for review"
    COLUMNS: ClassVar = (
        Column("clip", 0, middle=True),
        Column("waits", 5, True),
        Column("frames", 6, True),
        Column("by", 7),
        Column("why", 0),
    )
    BINDINGS = bindings("accept", "reject", of="screen.")


class Cost(Table):
    """What labels cost by week and maker."""

    HEADING = "What labels cost"
    SAYS = (
        "By week and by who made the automatic labels: clips and images that people reviewed, how "
        "many boxes of a hundred they changed, seconds for an image, and clips accepted unseen. "
        "Labels must get cheaper from week to week."
    )
    TWIN = ("label", "report")
    NOTHING = "nothing was reviewed yet"
    COLUMNS: ClassVar = (
        Column("week", 8),
        Column("labels made by", 0),
        Column("clips", 6, True),
        Column("images", 7, True),
        Column("edits/100", 9, True),
        Column("s/image", 7, True),
        Column("unseen", 6, True),
    )


class Sums(Prose):
    """All reviewing so far."""

    HEADING = "All reviewing so far"
    SAYS = "All reviews: clips and images by people, their edits for a hundred boxes, and seconds."
    TWIN = ("review", "stats")


@dataclass(frozen=True)
class Data:
    """What the screen shows."""

    queue: Found
    labelling: Labelling
    effort: Effort
    view: View


class Review(Fetching):
    """People, sums, queue, cost."""

    NAME = "review"
    AUTO_FOCUS = "Queue"

    def panels(self) -> ComposeResult:
        """People and sums above, queue and cost below."""
        with Horizontal(classes="top"):
            yield People()
            yield Sums()
        with Vertical(classes="body"):
            yield Queue(classes="two")
            yield Cost(classes="one")

    def fetch(self, view: View) -> Data:
        """Queue, cost, sums."""
        home = view.snapshot.home
        queue = report.search(home, "stage:IN_REVIEW sort:age", MOST, 0, view.at)
        return Data(queue, report.labelling(home), report.effort(home), view)

    def fill(self, found: Data) -> None:
        """The three panels."""
        queue = self.query_one(Queue)
        queue.name_it(f"{Queue.HEADING} · {found.queue.total:,}")
        queue.lines([_waiting(row, found.view) for row in found.queue.rows])
        costs = report.cost_columns(found.labelling)
        self.query_one(Cost).lines([_cost(k, row) for k, row in enumerate(costs)])
        self.query_one(Sums).say(_sums(found.effort))

    def action_key_accept(self) -> None:
        """Accept the clip under the cursor."""
        if clip := self.query_one(Queue).key:
            self.do("review", "accept", clip, question=f"Accept {clip} as it is labelled?")

    def action_key_reject(self) -> None:
        """Reject it."""
        if clip := self.query_one(Queue).key:
            self.do("review", "reject", clip, question=f"Reject {clip}? It is never trained on.")


def _waiting(row: report.ClipRow, view: View) -> Line:
    age = formatting.age(row.moved_at, view.at)
    cells = (
        (row.id, "text"),
        (age, "quiet"),
        (str(row.frames), "quiet"),
        (row.chosen_by, "quiet"),
        (row.why, "quiet"),
    )
    return Line(row.id, cells)


def _cost(number: int, row: dict[str, Any]) -> Line:
    texts = ["–" if value is None else str(value) for value in row.values()]
    return Line(number, tuple((text, "text" if k < 5 else "quiet") for k, text in enumerate(texts)))


def _sums(found: Effort) -> list[Row]:
    def known(value: float | None) -> str:
        return "–" if value is None else f"{value:.1f}"

    return [
        [
            (f"{found.clips:,}", "text bold"),
            (" clips, ", "quiet"),
            (f"{found.images:,}", "text bold"),
            (" images", "quiet"),
        ],
        [(known(found.edits_per_100_boxes), "text bold"), (" edits for 100 boxes", "quiet")],
        [(known(found.seconds_per_image), "text bold"), (" seconds for an image", "quiet")],
        [(f"{found.by_policy:,}", "text"), (" clips accepted unseen by policy", "quiet")],
    ]

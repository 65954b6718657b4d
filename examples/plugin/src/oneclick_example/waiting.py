"""A panel: how many clips wait for a person, on the main screen of `oneclick tui`."""

from typing import ClassVar

from oneclick.report.snapshot import Snapshot

Row = list[tuple[str, str]]


class Waiting:
    """Show the clips in review, and how many images they hold."""

    name: ClassVar[str] = "waiting"
    screen: ClassVar[str] = "pipeline"
    heading: ClassVar[str] = "Waiting for review"
    help: ClassVar[str] = "Clips that wait for a verdict."

    def select(self, snapshot: Snapshot) -> int:
        """Return the number of clips in review."""
        return sum(row.clips for row in snapshot.stages if row.stage == "IN_REVIEW")

    def draw(self, content: int, width: int, height: int) -> list[Row]:
        """Return one row."""
        return [[(f"{content:,}", "text bold"), (" clips wait for a person", "quiet")]]

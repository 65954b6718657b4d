"""What people reviewed in a period: clips that were decided, and second looks at them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from oneclick.catalog import Catalog
from oneclick.catalog.rows import VerdictRecord
from oneclick.core.review import POLICY_PREFIX
from oneclick.storage.second_looks import SecondLooks


@dataclass(frozen=True)
class ReviewWork:
    """Work of some people in a period."""

    verdicts: list[tuple[VerdictRecord, int]]
    """Decisions, oldest first, each with the boxes in the labels of its clip."""
    looks: list[VerdictRecord]
    """Second looks, oldest first. They decide nothing: their edits are not counted."""

    @property
    def all(self) -> list[VerdictRecord]:
        """Return decisions and second looks."""
        return [verdict for verdict, _ in self.verdicts] + self.looks

    def of(self, name: str) -> ReviewWork:
        """Return the work of one person."""
        return ReviewWork(
            [row for row in self.verdicts if row[0].by == name],
            [look for look in self.looks if look.by == name],
        )

    def since(self, time: datetime) -> ReviewWork:
        """Return the work from a time on."""
        return ReviewWork(
            [row for row in self.verdicts if row[0].at >= time],
            [look for look in self.looks if look.at >= time],
        )


def read(catalog: Catalog, since: datetime, until: datetime) -> ReviewWork:
    """Return the work of all people from `since` to `until`, both included."""
    verdicts = [
        (verdict, boxes)
        for verdict, boxes in catalog.work_since(since)
        if not verdict.by.startswith(POLICY_PREFIX) and verdict.at <= until
    ]
    return ReviewWork(verdicts, [look for look in second_looks(catalog, since) if look.at <= until])


def second_looks(catalog: Catalog, since: datetime) -> list[VerdictRecord]:
    """Return the second looks since a time; their clips may have been erased, with 0 images."""
    efforts = [e for e in SecondLooks(catalog.workspace).efforts() if e.at >= since]
    images = catalog.images_of([effort.clip for effort in efforts]) if efforts else {}
    return [
        VerdictRecord(
            clip=effort.clip,
            decision=effort.decision,
            by=effort.second,
            at=effort.at,
            seconds=effort.seconds,
            edits=0,
            images=images.get(effort.clip, 0),
            reason="",
        )
        for effort in efforts
    ]

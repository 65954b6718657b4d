"""Second looks: a share of the accepted clips is reviewed again by somebody else, blind.

review/second/offers/<clip>.json     who accepted the clip, and which labels both reviewers got
review/second/queue/                 tasks, edits and verdicts, as in our own queue
review/second/looks/<clip>.json      what the second reviewer made of them, and how both compare
review/second/settled/<clip>.json    what a lead decided where the two differ
review/second/strata.json            accepted clips so far, by kind of work
"""

from __future__ import annotations

import contextlib
from datetime import datetime
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from oneclick.core.errors import BadInput
from oneclick.core.review import Decision
from oneclick.storage import labels, record_folders, reopenings, sealed_files
from oneclick.storage.labels import TrackDocument
from oneclick.storage.workspace import Workspace

T = TypeVar("T")
Choice = Literal["first", "second", "again"]
"""Labels of the first reviewer stand, those of the second take their place, or neither."""


class OfferedLook(msgspec.Struct, frozen=True, kw_only=True):
    """A clip that somebody else is to review again."""

    clip: str
    first: str
    """Who accepted it."""
    at: datetime
    """When they did, UTC."""
    sent: int
    """Label revision that both reviewers get."""
    accepted: int
    """Label revision that the first one made."""
    stratum: str
    """Kind of work that it is a sample of."""


class ComparedBoxes(msgspec.Struct, frozen=True, kw_only=True):
    """How far the labels of two reviewers agree; shares of 1."""

    boxes: float
    mean_iou: float
    identities: float
    classes: float


class CorrectionCounts(msgspec.Struct, frozen=True):
    """How many corrections of one kind either reviewer made, and both alike."""

    first: int
    second: int
    both: int


class LookResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a second reviewer made of the labels that the first one got."""

    clip: str
    first: str
    second: str
    at: datetime
    """UTC."""
    decision: Decision
    reason: str
    seconds: float
    """Time in which the second reviewer worked."""
    sent: int
    """Label revision that both got."""
    accepted: int
    """Label revision that the first one made."""
    stratum: str
    tracks: tuple[TrackDocument, ...]
    """Labels of the second reviewer."""
    agreement: ComparedBoxes
    corrections: dict[str, CorrectionCounts]
    """By kind of correction."""

    @property
    def differs(self) -> bool:
        """Check whether a lead is to compare the two."""
        one_sided = any(
            counts.first > counts.both or counts.second > counts.both
            for counts in self.corrections.values()
        )
        return self.decision == "reject" or one_sided


class LookEffort(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of a LookResult that tell who worked how long, without the labels."""

    clip: str
    second: str
    at: datetime
    """UTC."""
    decision: Decision
    seconds: float


class Settlement(msgspec.Struct, frozen=True, kw_only=True):
    """What a lead decided about two reviews that differ."""

    clip: str
    choice: Choice
    by: str
    at: datetime
    """UTC."""
    reason: str


class StratumCounts(msgspec.Struct, frozen=True):
    """Accepted clips of each kind of work."""

    accepted: dict[str, int]


class SecondLooks:
    """The files of second looks in a workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self.root, self._workspace = workspace.second_looks_dir, workspace

    @property
    def queue_dir(self) -> Path:
        """Return the folder of the queue of second looks."""
        return self.root / "queue"

    @property
    def strata_file(self) -> Path:
        """Return the file of the accepted clips by kind of work."""
        return self.root / "strata.json"

    def offer_file(self, clip_id: str) -> Path:
        """Return the file of an offer."""
        return self.root / "offers" / f"{clip_id}.json"

    def result_file(self, clip_id: str) -> Path:
        """Return the file of what the second reviewer made of a clip."""
        return self.root / "looks" / f"{clip_id}.json"

    def settlement_file(self, clip_id: str) -> Path:
        """Return the file of what a lead decided."""
        return self.root / "settled" / f"{clip_id}.json"

    def offer(self, clip_id: str) -> OfferedLook | None:
        """Read the offer of a clip; None where there is none.

        Raises:
            BadInput: it is broken.
        """
        return _read(self.offer_file(clip_id), OfferedLook)

    def result(self, clip_id: str) -> LookResult | None:
        """Read the second look at a clip; None where there is none. Raises as `offer`."""
        return _read(self.result_file(clip_id), LookResult)

    def settlement(self, clip_id: str) -> Settlement | None:
        """Read what a lead decided about a clip; None where nothing. Raises as `offer`."""
        return _read(self.settlement_file(clip_id), Settlement)

    def barred(self, clip_id: str) -> str | None:
        """Return who may not look a second time at a clip, since they looked first."""
        offer = self.offer(clip_id)
        return offer.first if offer else None

    def results(self) -> list[LookResult]:
        """Read all second looks in the order of time; broken ones are left out."""
        results = record_folders.read_all(self.root / "looks", LookResult)
        return sorted(results, key=lambda result: (result.at, result.clip))

    def efforts(self) -> list[LookEffort]:
        """Read what all second looks took, as `results` does."""
        efforts = record_folders.read_all(self.root / "looks", LookEffort)
        return sorted(efforts, key=lambda effort: (effort.at, effort.clip))

    def unsettled(self) -> list[LookResult]:
        """Read the second looks that differ from the first, and that wait for a lead.

        Those that a lead settled do not, nor those that a later review has overtaken.
        """
        return [
            result
            for result in self.results()
            if result.differs
            and not self.settlement_file(result.clip).exists()
            and not self.is_overtaken(result)
        ]

    def is_overtaken(self, result: LookResult) -> bool:
        """Check whether a clip was decided again since the reviews that are compared."""
        paths = labels.revisions(self._workspace, result.clip)
        if paths and labels.revision(paths[-1]) > result.accepted:
            return True
        root = self._workspace.review_dir()
        with contextlib.suppress(BadInput):  # named by oneclick catalog verify
            reopening = reopenings.find(root, result.clip)
            return reopening is not None and reopenings.decision(root, reopening) is not None
        return False


def _read(path: Path, type: type[T]) -> T | None:
    return sealed_files.read(path, type) if path.exists() else None

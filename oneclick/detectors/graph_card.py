"""The card that an exported graph carries: what it is, how it is fed, and how it is read.

It stands in the graph's own metadata under KEY, and as JSON beside the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec

from oneclick.core.errors import BadInput
from oneclick.storage import bounded_documents, files

KEY = "oneclick"
"""Of the card in the metadata of a graph."""
SCHEMA = 1
FRAME, BOXES, SCORES, LABELS = "frame", "boxes", "scores", "labels"
"""Names of the input and the outputs of an exported graph."""
OUTPUTS = (BOXES, SCORES, LABELS)
FEED = (
    "frame: uint8 (height, width, 3), RGB, of any size; resizing, normalisation and the "
    "suppression of double boxes are part of the graph"
)
READ = (
    "boxes: float32 (n, 4), x1 y1 x2 y2 in px of the frame, not yet clipped to it; scores: float32 "
    "(n,), 0 to 1; labels: int64 (n,), index into classes"
)
COMPARED_SCORE = 0.1
"""Lower boxes stand at the edge where torch drops them: one more or less says nothing."""
MOST_PX, MOST_AP, MOST_UNMATCHED = 0.5, 0.002, 0.001
"""Limits within which a graph counts as the same model as torch's."""
EQUAL_PX, EQUAL_SCORE = 0.05, 0.001
"""Limits within which predictions of the two may stand in one file: the noise of float32."""
Precision = Literal["fp32", "fp16", "int8"]


class GraphCard(msgspec.Struct, frozen=True, kw_only=True):
    """Identity and use of an exported graph."""

    schema: int = SCHEMA
    model: str
    """Id of the model that was exported."""
    arch: str
    weights: str
    """sha256 of the model's weights."""
    classes: tuple[str, ...]
    threshold: float
    """Operating score: boxes below it do not count as detected."""
    dataset: str = ""
    """Dataset version that the model was trained on, and its digest."""
    dataset_digest: str = ""
    precision: Precision = "fp32"
    code: str = ""
    """Version of oneclick that exported it."""
    feed: str = FEED
    read: str = READ


def to_text(card: GraphCard) -> str:
    """Return a card as the JSON that stands in the metadata of its graph."""
    return files.to_json(card).decode()


def from_metadata(metadata: Mapping[str, str]) -> GraphCard | None:
    """Return the card in the metadata of a graph; None where it carries none.

    Raises:
        BadInput: the card is broken, or of a later version.
    """
    if KEY not in metadata:
        return None
    card: GraphCard = bounded_documents.parse_json(metadata[KEY].encode(), GraphCard)
    if card.schema != SCHEMA:
        raise BadInput(
            f"its card has schema {card.schema}, this version reads {SCHEMA}: update oneclick"
        )
    return card


class ParityReport(msgspec.Struct, frozen=True, kw_only=True):
    """How far a graph is from the network in torch, on real frames."""

    frames: int
    boxes: int
    """Boxes of the two with a score of at least COMPARED_SCORE."""
    unmatched: int
    """Of these, boxes without one of the same class and IoU 0.5 in the other's answer."""
    px: float
    """Largest distance of a side from that of its partner, px of the frame."""
    score: float
    """Largest difference of a score from that of its partner."""
    truth: Literal["labels", "torch"]
    """What average precision is measured against: labels of clips, or torch's own boxes at the
    operating score where too few are labelled."""
    ap_torch: float
    """mAP over IoU 0.5 … 0.95, 0 … 1."""
    ap_graph: float
    ms_torch: float
    """Median milliseconds per frame, one at a time."""
    ms_graph: float

    @property
    def ap_loss(self) -> float:
        """Return the mAP that the graph has less than torch."""
        return self.ap_torch - self.ap_graph

    @property
    def holds(self) -> bool:
        """Check whether the graph finds what torch finds."""
        few = self.unmatched <= MOST_UNMATCHED * self.boxes
        return few and self.px <= MOST_PX and abs(self.ap_loss) <= MOST_AP

    @property
    def is_equal(self) -> bool:
        """Check whether the two differ so little that stored predictions stay true of both."""
        return self.boxes > 0 and self.holds and self.px <= EQUAL_PX and self.score <= EQUAL_SCORE


class GraphFile(msgspec.Struct, frozen=True, kw_only=True):
    """What stands as JSON beside an exported graph."""

    graph: GraphCard
    sha256: str = ""
    """Of the graph; empty where it could not be made."""
    size: int = 0
    """Bytes of the graph."""
    parity: ParityReport | None = None
    """None where there were no frames to compare on."""
    calibrated_on: int = 0
    """Frames that the ranges of int8 were measured on."""
    excluded: tuple[str, ...] = ()
    """Parts of the network that int8 leaves in float."""
    reason: str = ""
    """Why there is no graph, in one line."""


def beside(path: Path) -> Path:
    """Return the path of the JSON beside a graph."""
    return path.with_name(path.name + ".json")

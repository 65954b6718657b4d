"""The card that an exported graph carries: what it is, how it is fed, and how it is read.

It stands in the graph's own metadata under KEY, and as JSON beside the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from oneclick.core.errors import BadInput
from oneclick.storage import bounded_documents, files

KEY = "oneclick"
"""Of the card in the metadata of a graph."""
SCHEMA = 1
FRAME, BOXES, SCORES, LABELS = "frame", "boxes", "scores", "labels"
"""Names of the input and the outputs of an exported graph."""
FEED = (
    "frame: uint8 (height, width, 3), RGB, of any size; resizing, normalisation and the "
    "suppression of double boxes are part of the graph"
)
READ = (
    "boxes: float32 (n, 4), x1 y1 x2 y2 in px of the frame, not yet clipped to it; scores: float32 "
    "(n,), 0 to 1; labels: int64 (n,), index into classes"
)
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

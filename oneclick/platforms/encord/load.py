"""Clips on their way to Encord, in parts that one request can carry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from encord.storage import StorageItem

from oneclick.core.clips import Clip
from oneclick.core.labels import LabelSet
from oneclick.platforms.base import Offer
from oneclick.platforms.encord.records import code, title
from oneclick.platforms.options import EncordOptions

CLIPS, BOXES = 20, 20_000
"""Most of each in one request: 20,000 boxes are about 10 MB."""


@dataclass
class Load:
    """One clip on its way, and what became of it so far."""

    clip: Clip
    labels: LabelSet
    title: str
    item: StorageItem | None = None
    """The file, once it is there."""
    data: str = ""
    """The data unit, once the file is in the dataset."""
    fresh: bool = False
    """Whether nobody had labels of it before."""

    @property
    def code(self) -> str:
        """What stands for the clip in hashes and metadata."""
        return code(self.clip.id)

    @property
    def branch(self) -> str:
        """Where our labels go."""
        return branch(self.labels.revision)


def branch(revision: int) -> str:
    """The branch for a label revision."""
    return f"oneclick-r{revision}"


def parts(offers: Iterable[Offer], options: EncordOptions) -> Iterator[list[Load]]:
    """Offers in parts, bounded by clips and by boxes; one large clip is a part of its own."""
    part: list[Load] = []
    boxes = 0
    for clip, labels in offers:
        if part and (len(part) == CLIPS or boxes + labels.boxes() > BOXES):
            yield part
            part, boxes = [], 0
        part.append(Load(clip, labels, title(clip.id, options)))
        boxes += labels.boxes()
    if part:
        yield part


def vocabulary(loads: Sequence[Load]) -> tuple[list[str], dict[str, list[str]]]:
    """Classes, and attributes with their values, in the labels."""
    classes = sorted({name for load in loads for name in load.labels.classes})
    attributes: dict[str, set[str]] = {}
    for load in loads:
        for track in load.labels.tracks:
            for name, ranges in track.attributes.items():
                attributes.setdefault(name, set()).update(value for _, _, value in ranges)
    return classes, {name: sorted(values) for name, values in sorted(attributes.items())}

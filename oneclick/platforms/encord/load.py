"""Clips to upload to Encord, in batches that one request can carry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from encord.storage import StorageItem

from oneclick.core import ids
from oneclick.core.clips import Clip
from oneclick.core.labels import LabelSet
from oneclick.platforms.base import Offer
from oneclick.platforms.encord.options import EncordOptions
from oneclick.platforms.encord.records import clip_title

CLIPS, BOXES = 20, 20_000
"""Most of each in one request: 20,000 boxes are about 10 MB."""


@dataclass(kw_only=True)
class ClipUpload:
    """One clip, and how far its upload has come."""

    clip: Clip
    labels: LabelSet
    title: str
    item: StorageItem | None = None
    """The file, once it is uploaded."""
    data_hash: str = ""
    """The data unit, once the file is in the dataset."""
    is_unlabelled: bool = False
    """Whether its row had no labels when it was found."""

    @property
    def code(self) -> str:
        """Return the pseudonym of the clip in hashes and metadata."""
        return ids.pseudonym(self.clip.id)

    @property
    def branch(self) -> str:
        """Return the branch for our labels."""
        return branch_name(self.labels.revision)


def branch_name(revision: int) -> str:
    """Return the name of the branch for a label revision."""
    return f"oneclick-r{revision}"


def batches(offers: Iterable[Offer], options: EncordOptions) -> Iterator[list[ClipUpload]]:
    """Yield batches of at most CLIPS clips and BOXES boxes; a larger clip is a batch of its own."""
    batch: list[ClipUpload] = []
    boxes = 0
    for clip, labels in offers:
        if batch and (len(batch) == CLIPS or boxes + labels.boxes() > BOXES):
            yield batch
            batch, boxes = [], 0
        batch.append(ClipUpload(clip=clip, labels=labels, title=clip_title(clip.id, options)))
        boxes += labels.boxes()
    if batch:
        yield batch


def label_vocabulary(uploads: Sequence[ClipUpload]) -> tuple[list[str], dict[str, list[str]]]:
    """Return the classes, and the values by attribute, of all labels; both sorted."""
    classes = sorted({name for upload in uploads for name in upload.labels.classes})
    attributes: dict[str, set[str]] = {}
    for upload in uploads:
        for track in upload.labels.tracks:
            for name, ranges in track.attributes.items():
                attributes.setdefault(name, set()).update(value for _, _, value in ranges)
    return classes, {name: sorted(values) for name, values in sorted(attributes.items())}

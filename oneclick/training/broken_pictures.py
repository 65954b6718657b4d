"""Pictures of a dataset version that cannot be used: left out up to a share, named, counted."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from oneclick.core.errors import BadInput

if TYPE_CHECKING:
    from oneclick.training.data import Batch, BatchLoader


class BrokenPicture(NamedTuple):
    """A picture that was left out."""

    clip: str
    frame: int
    reason: str

    @property
    def name(self) -> str:
        """Return clip and frame as one text."""
        return f"{self.clip} frame {self.frame}"


class BrokenPictures:
    """The broken pictures that this process has met in one split.

    Args:
        split: train or test, for the message.
        images: pictures of the split.
        max_share: of them that may be left out; above 0 at least one may.
    """

    def __init__(self, split: str, images: int, max_share: float) -> None:
        self.split, self.images = split, images
        self.limit = math.ceil(max_share * images)
        self._by_key: dict[tuple[str, int], BrokenPicture] = {}

    def add(self, pictures: Iterable[BrokenPicture]) -> None:
        """Note broken pictures, each once.

        Raises:
            BadInput: there are more than may be left out.
        """
        for picture in pictures:
            self._by_key.setdefault((picture.clip, picture.frame), picture)
        if len(self._by_key) > self.limit:
            first = self.sorted()[0]
            raise BadInput(
                f"at least {len(self._by_key)} of {self.images} {self.split} pictures are broken, "
                f"{self.limit} may be (train.max_broken); {first.name}: {first.reason}; oneclick "
                "data verify names all of them, oneclick data exclude takes their clips out"
            )

    def sorted(self) -> list[BrokenPicture]:
        """Return the pictures by clip and frame."""
        return [self._by_key[key] for key in sorted(self._by_key)]

    def watch(self, batches: BatchLoader) -> CheckedBatches:
        """Return the batches of a loader, whose broken pictures are noted as they come."""
        return CheckedBatches(batches, self)


class CheckedBatches:
    """Batches of a loader; iterating raises BadInput where too many pictures are broken."""

    def __init__(self, batches: BatchLoader, broken: BrokenPictures) -> None:
        self._batches, self._broken = batches, broken

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[Batch]:
        batch: Batch
        for batch in self._batches:  # type: ignore[assignment]
            self._broken.add(batch.broken)
            yield batch
